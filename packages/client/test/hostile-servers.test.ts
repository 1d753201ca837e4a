/**
 * Servers that leave, are slow, say nothing, take nothing or end half-way: what callers see, and for what reason the connection ends.
 *
 * @module
 */
import { Channel } from "@socketserver/client";
import { lines } from "@socketserver/framing";
import { leakCheck } from "@socketserver/testing";
import { beforeEach, describe, expect, test } from "vitest";

import { temporaryPath } from "../../core/test/support/temporary-path.ts";
import type { Guest } from "./support/guest.ts";
import { ScriptedServer, type Script } from "./support/scripted-server.ts";

const TEXT = lines().text();

const ENDED = "ERR_SOCKETSERVER_INCOMPLETE_READ";

/** The two ways to leave, the code that callers see, and the reason of the close. */
const WAYS = [
  ["ends", (guest: Guest) => guest.end(), ENDED, "peer-end"],
  ["resets", (guest: Guest) => guest.reset(), "ECONNRESET", "peer-reset"],
] as const;

beforeEach(() => leakCheck());

describe.each(WAYS)("A server that %s the connection", (_way, leave, code, reason) => {
  test("before the first request has sent nothing to be repeated", async () => {
    await using server = await ScriptedServer.start(() => {});
    await using channel = await Channel.connect(server.address, TEXT);
    leave(await server.guest());
    expect(await channel.closed).toBe(reason);
    expect(channel.open).toBe(false);
    await expect(channel.request("?")).rejects.toMatchObject({ name: "RequestError", code, sent: false });
    await expect(channel.send("!")).rejects.toMatchObject({ name: "RequestError", code, sent: false });
  });

  test("during requests rejects all of them, and tells which were sent", async () => {
    await using server = await ScriptedServer.start(async (guest) => {
      await guest.lines(2);
      leave(guest);
    });
    await using channel = await Channel.connect(server.address, TEXT, { maxPipelinedRequests: 2 });
    const outcomes = await Promise.allSettled(["1", "2", "3"].map((text) => channel.request(text)));
    expect(outcomes).toMatchObject([
      { reason: { name: "RequestError", code, sent: true } },
      { reason: { name: "RequestError", code, sent: true } },
      { reason: { name: "RequestError", code, sent: false } },
    ]);
    expect(await channel.closed).toBe(reason);
  });

  test("after a reply leaves that reply, and nothing for the next request", async () => {
    await using server = await ScriptedServer.start(async (guest) => guest.say(`${await guest.line()}\n`));
    await using channel = await Channel.connect(server.address, TEXT);
    expect(await channel.request("one")).toBe("one");
    leave(await server.guest());
    await expect(channel.request("two")).rejects.toMatchObject({ name: "RequestError" });
    expect(await channel.closed).toBe(reason);
    await expect(channel.request("three")).rejects.toMatchObject({ code, sent: false });
  });

  test("while somebody receives tells him", async () => {
    await using server = await ScriptedServer.start(async (guest) => {
      await guest.line();
      leave(guest);
    });
    await using channel = await Channel.connect(server.address, TEXT);
    await channel.send("go");
    const outcome = await channel.receive().catch((error: unknown) => error);
    if (code === ENDED) expect(outcome).toBeUndefined();
    else expect(outcome).toMatchObject({ name: "PeerError", code });
  });
});

describe("A server that leaves in the middle of a reply", () => {
  test("has sent no reply if it ended: all are lost, and told why", async () => {
    await using server = await ScriptedServer.start(async (guest) => {
      await guest.lines(2);
      guest.end("half of a");
    });
    await using channel = await Channel.connect(server.address, TEXT);
    const outcomes = await Promise.allSettled([channel.request("1"), channel.request("2")]);
    const protocolError = { name: "ProtocolError", code: ENDED, partial: Buffer.from("half of a") };
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({ reason: { name: "RequestError", code: ENDED, sent: true } });
      expect(outcome).toHaveProperty("reason.cause", expect.objectContaining(protocolError));
    }
    expect(await channel.closed).toBe("protocol");
    await expect(channel.receive()).rejects.toMatchObject(protocolError);
  });

  test("has sent nothing if it reset", async () => {
    await using server = await ScriptedServer.start(async (guest) => {
      await guest.line();
      guest.say("half of a");
    });
    await using channel = await Channel.connect(server.address, TEXT);
    const outcome = channel.request("?").catch((error: unknown) => error);
    while (channel.connection.bytesRead === 0) await new Promise(setImmediate);
    (await server.guest()).reset();
    expect(await outcome).toMatchObject({ name: "RequestError", code: "ECONNRESET", sent: true });
    expect(await channel.closed).toBe("peer-reset");
  });
});

describe("A server that answers and ends at once", () => {
  test("has answered as many as it did", async () => {
    await using server = await ScriptedServer.start(async (guest) => {
      const [one, two] = await guest.lines(3);
      guest.end(`${one}\n${two}\n`);
    });
    await using channel = await Channel.connect(server.address, TEXT);
    const outcomes = await Promise.allSettled(["1", "2", "3"].map((text) => channel.request(text)));
    expect(outcomes).toMatchObject([{ value: "1" }, { value: "2" }, { reason: { code: ENDED, sent: true } }]);
    expect(await channel.closed).toBe("peer-end");
  });
});

describe("A server that ends its side and goes on reading", () => {
  test("is left by the channel, which has nothing to wait for", async () => {
    const { promise: heard, resolve } = Promise.withResolvers<string | undefined>();
    const { promise: orderly, resolve: ended } = Promise.withResolvers<boolean>();
    await using server = await ScriptedServer.start(async (guest) => {
      resolve(await guest.line());
      guest.end();
      ended(await guest.ended());
    });
    await using channel = await Channel.connect(server.address, TEXT);
    await expect(channel.request("?")).rejects.toMatchObject({ code: ENDED, sent: true });
    expect(await heard).toBe("?");
    expect(await orderly).toBe(true);
  });
});

describe("A slow server", () => {
  /** A byte at a time. */
  const drip = async (guest: Guest, text: string, pauseMs: number): Promise<void> => {
    for (const letter of text) {
      guest.say(letter);
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  };

  test("is waited for", async () => {
    await using server = await ScriptedServer.start(async (guest) => {
      for await (const line of guest) await drip(guest, `${line}\n`, 1);
    });
    await using channel = await Channel.connect(server.address, TEXT);
    expect(await Promise.all([channel.request("one"), channel.request("two")])).toEqual(["one", "two"]);
  });

  test("has the time of the request for all of the reply, and the next one its own reply", async () => {
    const { promise: allowed, resolve: goOn } = Promise.withResolvers<void>();
    await using server = await ScriptedServer.start(async (guest) => {
      await drip(guest, `${(await guest.line())?.slice(0, 2)}`, 1);
      await allowed;
      guest.say("rest of it\n");
      guest.say(`${await guest.line()}\n`);
    });
    await using channel = await Channel.connect(server.address, TEXT);
    await expect(channel.request("one", { timeoutMs: 40 })).rejects.toMatchObject({
      code: "ERR_SOCKETSERVER_REQUEST_TIMEOUT",
      sent: true,
    });
    const second = channel.request("two");
    goOn();
    expect(await second).toBe("two");
  });

  test("is left if it sends less than minReadRate in a message", async () => {
    await using server = await ScriptedServer.start(async (guest) => {
      await guest.line();
      guest.say("a");
    });
    await using channel = await Channel.connect(server.address, TEXT, { minReadRate: 1_000, rateGraceMs: 50 });
    const slow = { code: "ERR_SOCKETSERVER_SLOW_SENDER" };
    await expect(channel.request("?")).rejects.toMatchObject({ ...slow, name: "RequestError", cause: slow });
    expect(await channel.closed).toBe("slow-sender");
  });
});

describe("A silent server", () => {
  test("is cut by firstByteTimeoutMs, if there is one, and whoever waits is told", async () => {
    await using server = await ScriptedServer.start(async (guest) => void (await guest.ended()));
    await using channel = await Channel.connect(server.address, TEXT, { firstByteTimeoutMs: 30 });
    const late = { code: "ERR_SOCKETSERVER_FIRST_BYTE_TIMEOUT" };
    await expect(channel.request("?")).rejects.toMatchObject({ ...late, name: "RequestError", sent: true });
    expect(await channel.closed).toBe("first-byte");
    await expect(channel.receive()).rejects.toMatchObject(late);
  });
});

describe("A server that never reads", () => {
  const neverReading: Script = () => {};
  const BIG = "x".repeat(60_000);

  test("is cut after writeStallMs, and everybody is told: who waits for a reply, for room, or to be sent", async () => {
    await using server = await ScriptedServer.start(neverReading, await temporaryPath());
    const settings = { writeStallMs: 50, highWaterMark: 1_024, requestQueueSize: Infinity };
    await using channel = await Channel.connect(server.address, TEXT, settings);
    const told = Array.from({ length: 50 }, (_, index) => (index === 0 ? channel.request("?") : channel.send(BIG)));
    const outcomes = Promise.allSettled([...told, channel.request("too late")]);
    const receiving = channel.receive();
    const code = "ERR_SOCKETSERVER_SLOW_READER";
    const failed = (await outcomes).filter((outcome) => outcome.status === "rejected");
    expect(failed.length).toBeGreaterThan(25);
    for (const { reason } of failed) expect(reason).toMatchObject({ name: "RequestError", code });
    const sent = failed.map(({ reason }) => (reason as { sent: boolean }).sent);
    // A request without its reply, what waits for room, and all that is behind it.
    expect(sent).toEqual([true, true, ...Array<boolean>(failed.length - 2).fill(false)]);
    await expect(receiving).rejects.toMatchObject({ name: "PeerError", code });
    expect(await channel.closed).toBe("slow-reader");
  });

  test("does not keep a send or a request longer than its time", async () => {
    await using server = await ScriptedServer.start(neverReading, await temporaryPath());
    const settings = { highWaterMark: 1_024, requestTimeoutMs: 50, lingerMs: 0 };
    await using channel = await Channel.connect(server.address, TEXT, settings);
    const all = Array.from({ length: 50 }, (_, index) => (index % 2 === 0 ? channel.send(BIG) : channel.request(BIG)));
    const outcomes = await Promise.allSettled(all);
    const timedOut = outcomes.filter(({ status }) => status === "rejected");
    expect(timedOut.length).toBeGreaterThan(25);
    for (const outcome of timedOut) {
      expect(outcome).toMatchObject({ reason: { name: "RequestError", code: "ERR_SOCKETSERVER_REQUEST_TIMEOUT" } });
    }
    expect(channel.open).toBe(true);
    channel.abort();
  });
});
