/**
 * Requests, sends and receives that are given up, for their time or by their signal: nothing is left of them, and nobody else is harmed.
 *
 * @module
 */
import { Channel } from "@socketserver/client";
import { lines } from "@socketserver/framing";
import { leakCheck } from "@socketserver/testing";
import { getEventListeners } from "node:events";
import { beforeEach, describe, expect, test } from "vitest";

import { blockFor } from "./support/block-for.ts";
import type { Guest } from "./support/guest.ts";
import { NOTES, noteLine, parseNote } from "./support/note.ts";
import { ScriptedServer, type Script } from "./support/scripted-server.ts";

const TEXT = lines().text();

/** Longer than what is given up takes to be. */
const SHORT_MS = 30;

/** Reads all, and says nothing. */
const silent: Script = async (guest) => void (await guest.ended());

/** Answers every line once the test says so. */
function heldEcho(): { readonly script: Script; readonly answer: () => void } {
  const { promise: allowed, resolve: answer } = Promise.withResolvers<void>();
  const script = async (guest: Guest): Promise<void> => {
    for await (const line of guest) {
      await allowed;
      guest.say(`${line}\n`);
    }
  };
  return { script, answer };
}

const TIMED_OUT = { name: "RequestError", code: "ERR_SOCKETSERVER_REQUEST_TIMEOUT" };

beforeEach(() => leakCheck());

describe("Channel.request()", () => {
  test("gives up after the time of the call, or else of the channel", async () => {
    await using server = await ScriptedServer.start(silent);
    await using patient = await Channel.connect(server.address, TEXT, { requestTimeoutMs: Infinity });
    await using hasty = await Channel.connect(server.address, TEXT, { requestTimeoutMs: SHORT_MS });
    const message = expect.stringContaining(`${SHORT_MS} ms`) as string;
    await expect(patient.request("?", { timeoutMs: SHORT_MS })).rejects.toMatchObject({ ...TIMED_OUT, message });
    await expect(hasty.request("?")).rejects.toMatchObject({ ...TIMED_OUT, message });
    await expect(hasty.request("?", { timeoutMs: 0 })).rejects.toMatchObject(TIMED_OUT);
    expect([patient.open, hasty.open]).toEqual([true, true]);
  });

  test("tells whether it was sent", async () => {
    await using server = await ScriptedServer.start(silent);
    await using channel = await Channel.connect(server.address, TEXT, { maxPipelinedRequests: 1 });
    const requests = ["sent", "not sent"].map((text) => channel.request(text, { timeoutMs: SHORT_MS }));
    const outcomes = await Promise.allSettled(requests);
    expect(outcomes).toMatchObject([
      { reason: { ...TIMED_OUT, sent: true } },
      { reason: { ...TIMED_OUT, sent: false } },
    ]);
    await channel.close();
    expect((await server.guest()).rest).toBe("sent\n");
  });

  test("rejects with the reason of its signal, whatever that is", async () => {
    await using server = await ScriptedServer.start(silent);
    await using channel = await Channel.connect(server.address, TEXT);
    for (const reason of [new Error("enough"), "enough", null]) {
      const hurry = new AbortController();
      const outcome = channel.request("?", { signal: hurry.signal }).catch((caught: unknown) => caught);
      hurry.abort(reason);
      expect(await outcome).toBe(reason);
    }
  });

  test("sends nothing with a signal that is aborted already", async () => {
    await using server = await ScriptedServer.start(silent);
    await using channel = await Channel.connect(server.address, TEXT);
    const signal = AbortSignal.abort("enough");
    await expect(channel.request("?", { signal })).rejects.toBe("enough");
    await expect(channel.send("?", { signal })).rejects.toBe("enough");
    await expect(channel.receive({ signal })).rejects.toBe("enough");
    expect(channel.connection.bytesWritten).toBe(0);
  });

  test("leaves no listener on its signal and raises no warning, however it ends", async () => {
    const warnings: Error[] = [];
    const warn = (warning: Error): void => void warnings.push(warning);
    process.on("warning", warn);
    const { signal } = new AbortController();
    const { script, answer } = heldEcho();
    answer();
    await using server = await ScriptedServer.start(script);
    await using channel = await Channel.connect(server.address, TEXT);
    await Promise.all(Array.from({ length: 200 }, (_, index) => channel.request(`${index}`, { signal })));
    await Promise.allSettled([
      channel.receive({ signal, timeoutMs: 0 }),
      channel.send("sent", { signal }),
      channel.request("in\nvalid", { signal }),
      channel.close(),
      channel.request("closed", { signal }),
    ]);
    expect(getEventListeners(signal, "abort")).toEqual([]);
    process.off("warning", warn);
    expect(warnings).toEqual([]);
  });

  test("gives the late reply by order to nobody", async () => {
    const { script, answer } = heldEcho();
    await using server = await ScriptedServer.start(script);
    await using channel = await Channel.connect(server.address, TEXT);
    const hurry = new AbortController();
    const aborted = channel.request("aborted", { signal: hurry.signal });
    const timedOut = channel.request("timed out", { timeoutMs: SHORT_MS });
    const patient = channel.request("patient");
    hurry.abort("enough");
    await expect(aborted).rejects.toBe("enough");
    await expect(timedOut).rejects.toMatchObject(TIMED_OUT);
    answer();
    expect(await patient).toBe("patient");
    expect(await channel.request("next")).toBe("next");
    await expect(channel.receive({ timeoutMs: 0 })).rejects.toMatchObject({ code: "ERR_SOCKETSERVER_IDLE_TIMEOUT" });
  });

  test("gives the late reply by id to nobody", async () => {
    const { script, answer } = heldEcho();
    await using server = await ScriptedServer.start(script);
    await using channel = await Channel.connect(server.address, NOTES, { correlateBy: "id" });
    await expect(channel.request({ id: 1 }, { timeoutMs: SHORT_MS })).rejects.toMatchObject(TIMED_OUT);
    const patient = channel.request({ id: 2 });
    answer();
    expect(await patient).toEqual({ id: 2 });
    await expect(channel.receive({ timeoutMs: 0 })).rejects.toMatchObject({ code: "ERR_SOCKETSERVER_IDLE_TIMEOUT" });
  });

  test("keeps the place of a request without an id until its reply has come", async () => {
    const { script, answer } = heldEcho();
    await using server = await ScriptedServer.start(script);
    await using channel = await Channel.connect(server.address, TEXT, { maxPipelinedRequests: 1 });
    await expect(channel.request("first", { timeoutMs: SHORT_MS })).rejects.toMatchObject({ sent: true });
    await expect(channel.request("second", { timeoutMs: SHORT_MS })).rejects.toMatchObject({ sent: false });
    const third = channel.request("third");
    answer();
    expect(await third).toBe("third");
  });

  test("gives the place of a request with an id to the next one", async () => {
    await using server = await ScriptedServer.start(async (guest) => {
      for await (const line of guest) if (parseNote(line).id === 2) guest.say(`${line}\n`);
    });
    const options = { correlateBy: "id", maxPipelinedRequests: 1 } as const;
    await using channel = await Channel.connect(server.address, NOTES, options);
    const first = channel.request({ id: 1 }, { timeoutMs: SHORT_MS });
    const second = channel.request({ id: 2 });
    await expect(first).rejects.toMatchObject(TIMED_OUT);
    expect(await second).toEqual({ id: 2 });
  });

  test("takes a reply that came in time for in time, although this process was busy until then", async () => {
    await using server = await ScriptedServer.start(async (guest) => {
      guest.say(`${(await guest.line()) as string}\n`);
    });
    await using channel = await Channel.connect(server.address, TEXT);
    const guest = await server.guest();
    const replying = channel.request("?", { timeoutMs: SHORT_MS });
    // The server is in this process: it has answered, and then nothing can be read before the time is over.
    guest.socket.once("data", () => setImmediate(() => blockFor(2 * SHORT_MS)));
    expect(await replying).toBe("?");
  });
});

describe("What waits to be sent", () => {
  const byOrder = { maxPipelinedRequests: 1 } as const;
  const byId = { maxPipelinedRequests: 1, correlateBy: "id" } as const;

  test.each([
    ["by order", byOrder],
    ["by id", byId],
  ])("does not leave when one signal ends all of it %s", async (_how, options) => {
    await using server = await ScriptedServer.start(silent);
    await using channel = await Channel.connect(server.address, NOTES, options);
    const hurry = new AbortController();
    const { signal } = hurry;
    const asked = [1, 2, 3].map((id) => channel.request({ id }, { signal }));
    const outcomes = Promise.allSettled([...asked, channel.send({ id: 4 }, { signal })]);
    hurry.abort("enough");
    expect(await outcomes).toMatchObject(Array.from({ length: 4 }, () => ({ reason: "enough" })));
    await channel.close();
    expect((await server.guest()).rest).toBe(noteLine({ id: 1 }));
  });

  test("does not leave by id when its time is over together with that of those before it", async () => {
    await using server = await ScriptedServer.start(silent);
    await using channel = await Channel.connect(server.address, NOTES, { ...byId, requestTimeoutMs: SHORT_MS });
    const outcomes = await Promise.allSettled([1, 2, 3].map((id) => channel.request({ id })));
    expect(outcomes.map((outcome) => (outcome as { reason?: { sent?: boolean } }).reason?.sent)).toEqual([
      true,
      false,
      false,
    ]);
    await channel.close();
    expect((await server.guest()).rest).toBe(noteLine({ id: 1 }));
  });

  test("gives its place in the queue back when it is given up", async () => {
    await using server = await ScriptedServer.start(silent);
    const options = { maxPipelinedRequests: 1, requestQueueSize: 1 };
    await using channel = await Channel.connect(server.address, TEXT, options);
    const outcomes = [channel.request("sent")];
    for (let round = 0; round < 5; round++) {
      const hurry = new AbortController();
      const waiting = channel.request("waits", { signal: hurry.signal });
      await expect(channel.request("no place")).rejects.toMatchObject({ code: "ERR_SOCKETSERVER_QUEUE_FULL" });
      hurry.abort("enough");
      await expect(waiting).rejects.toBe("enough");
    }
    channel.abort();
    await expect(outcomes[0]).rejects.toMatchObject({ sent: true });
  });

  test("lets those behind it go when it is given up", async () => {
    await using server = await ScriptedServer.start(silent);
    await using channel = await Channel.connect(server.address, TEXT, { maxPipelinedRequests: 1 });
    const hurry = new AbortController();
    const outcomes = Promise.allSettled([channel.request("1"), channel.request("2", { signal: hurry.signal })]);
    const sending = channel.send("3");
    hurry.abort("enough");
    await sending;
    await channel.close();
    await outcomes;
    expect((await server.guest()).rest).toBe("1\n3\n");
  });
});
