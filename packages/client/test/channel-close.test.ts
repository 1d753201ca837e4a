/**
 * The end of a channel: by this side, by the server, at every stage; told to everybody who waits, and nothing is left.
 *
 * @module
 */
import { Channel } from "@socketserver/client";
import { lines, type Codec } from "@socketserver/framing";
import { leakCheck } from "@socketserver/testing";
import { beforeEach, describe, expect, test } from "vitest";

import { soon } from "../../core/test/support/soon.ts";
import { temporaryPath } from "../../core/test/support/temporary-path.ts";
import { collected } from "./support/collected.ts";
import { ScriptedServer, type Script } from "./support/scripted-server.ts";

const TEXT = lines().text();

const silent: Script = async (guest) => void (await guest.ended());

const CLOSED = { name: "RequestError", code: "ERR_SOCKETSERVER_CONNECTION_CLOSED" };

/** How this side can end a channel. */
const ENDS: readonly (readonly [how: string, end: (channel: Channel<string>) => unknown, reason: string])[] = [
  ["close()", (channel) => channel.close(), "done"],
  ["await using", (channel) => channel[Symbol.asyncDispose](), "done"],
  ["abort()", (channel) => channel.abort(), "aborted"],
];

/** A channel with somebody at every stage of sending, and one who receives. */
async function busyChannel(
  server: ScriptedServer,
): Promise<{ channel: Channel<string>; outcomes: Promise<unknown[]> }> {
  const channel = await Channel.connect(server.address, TEXT, { maxPipelinedRequests: 1 });
  const waiting = [channel.request("sent"), channel.request("waits"), channel.send("behind"), channel.receive()];
  return { channel, outcomes: Promise.all(waiting.map((each) => each.catch((error: unknown) => error))) };
}

beforeEach(() => leakCheck());

describe.each(ENDS)("Channel: %s", (_how, end, reason) => {
  test("ends it at once, and its connection for the reason", async () => {
    await using server = await ScriptedServer.start(silent);
    const channel = await Channel.connect(server.address, TEXT);
    expect([channel.open, channel.closeReason]).toEqual([true, undefined]);
    const ending = end(channel);
    expect(channel.open).toBe(false);
    await ending;
    expect(await channel.closed).toBe(reason);
    expect(channel.closeReason).toBe(reason);
  });

  test("rejects whoever waits, and says what was sent", async () => {
    await using server = await ScriptedServer.start(silent);
    const { channel, outcomes } = await busyChannel(server);
    await end(channel);
    expect(await outcomes).toMatchObject([
      { ...CLOSED, sent: true },
      { ...CLOSED, sent: false },
      { ...CLOSED, sent: false },
      undefined,
    ]);
    await channel.closed;
  });

  test("leaves nothing to do with it", async () => {
    await using server = await ScriptedServer.start(silent);
    const channel = await Channel.connect(server.address, TEXT);
    await end(channel);
    await expect(channel.request("late")).rejects.toMatchObject({ ...CLOSED, sent: false });
    await expect(channel.send("late")).rejects.toMatchObject({ ...CLOSED, sent: false });
    expect(await channel.receive()).toBeUndefined();
    expect(await collected(channel)).toEqual([]);
    await channel.closed;
    await expect(channel.request("later")).rejects.toMatchObject({ ...CLOSED, sent: false });
  });

  test("ends it while a reply is half there", async () => {
    await using server = await ScriptedServer.start(async (guest) => {
      await guest.line();
      guest.say("half of a");
      await guest.ended();
    });
    const channel = await Channel.connect(server.address, TEXT);
    const outcome = channel.request("?").catch((error: unknown) => error);
    const { connection } = channel;
    while (connection.bytesRead === 0) await new Promise(setImmediate);
    await end(channel);
    expect(await outcome).toMatchObject({ ...CLOSED, sent: true });
    expect(await channel.closed).toBe(reason);
  });

  test("ends it with a full inbox, which can still be emptied", async () => {
    await using server = await ScriptedServer.start(async (guest) => {
      guest.say("one\ntwo\nthree\n");
      await guest.ended();
    });
    const channel = await Channel.connect(server.address, TEXT, { inboxSize: 2 });
    while (channel.connection.bytesRead === 0) await new Promise(setImmediate);
    await new Promise(setImmediate);
    await end(channel);
    expect(await collected(channel)).toEqual(["one", "two"]);
    expect(await channel.closed).toBe(reason);
  });

  test("ends it while the server takes nothing", async () => {
    await using server = await ScriptedServer.start(() => {}, await temporaryPath());
    const channel = await Channel.connect(server.address, TEXT, { lingerMs: 50, writeStallMs: 50 });
    const big = "x".repeat(1_000_000);
    const outcomes = [1, 2, 3].map(() => channel.send(big).catch((error: unknown) => error));
    await end(channel);
    for (const error of await Promise.all(outcomes)) expect(error).toMatchObject(CLOSED);
    // What was on its way does not get there, and that is said.
    expect(await channel.closed).not.toBe("done");
  });

  test("can be done before the channel was used, twice, and together with the others", async () => {
    await using server = await ScriptedServer.start(silent);
    const channel = await Channel.connect(server.address, TEXT);
    await Promise.all([end(channel), end(channel)]);
    await channel.close();
    channel.abort();
    expect(await channel.closed).toBe(reason);
  });
});

describe("Channel.close()", () => {
  test("gives every caller the same promise", async () => {
    await using server = await ScriptedServer.start(silent);
    const channel = await Channel.connect(server.address, TEXT);
    const closing = channel.close();
    expect(channel.close()).toBe(closing);
    await closing;
    expect(channel.close()).toBe(closing);
  });

  test("sends everything that was sent before, and then our end", async () => {
    const texts = Array.from({ length: 500 }, (_, index) => `${index}`.padEnd(1_000, "."));
    const { promise: heard, resolve } = Promise.withResolvers<string[]>();
    await using server = await ScriptedServer.start(async (guest) => {
      const all = await collected(guest);
      resolve((await guest.ended()) ? all : []);
    });
    const channel = await Channel.connect(server.address, TEXT, { highWaterMark: Infinity });
    const sending = Promise.all(texts.map((text) => channel.send(text)));
    await channel.close();
    await sending;
    expect(await soon(heard)).toEqual(texts);
  });

  test("waits no longer than lingerMs for a server that does not end its side", async () => {
    await using server = await ScriptedServer.start(async (guest) => {
      guest.polite = false;
      await guest.ended();
    });
    const channel = await Channel.connect(server.address, TEXT, { lingerMs: 20 });
    await soon(channel.close());
    expect(channel.closeReason).toBe("done");
  });

  test("is cut short by abort()", async () => {
    await using server = await ScriptedServer.start(() => {});
    const channel = await Channel.connect(server.address, TEXT, { lingerMs: 60_000 });
    const closing = channel.close();
    channel.abort();
    await soon(closing);
    expect(channel.closeReason).toMatch(/^(done|aborted)$/);
  });
});

describe("Channel.abort()", () => {
  test("shows the server a reset", async () => {
    await using server = await ScriptedServer.start(silent);
    const channel = await Channel.connect(server.address, TEXT);
    const ended = (await server.guest()).ended();
    channel.abort();
    expect(await soon(ended)).toBe(false);
  });
});

describe("A channel whose connection is ended past it", () => {
  test.each([
    ["closed", (channel: Channel<string>) => void channel.connection.close()],
    ["aborted", (channel: Channel<string>) => channel.connection.abort()],
    ["shut down", (channel: Channel<string>) => channel.connection.shutdown("both")],
  ])("says that this side did it: %s", async (_how, end) => {
    await using server = await ScriptedServer.start(silent);
    const { channel, outcomes } = await busyChannel(server);
    end(channel);
    expect((await outcomes).slice(0, 3)).toMatchObject([CLOSED, CLOSED, CLOSED]);
    expect(channel.open).toBe(false);
    await channel.close();
  });

  test("still gets its replies after our end", async () => {
    await using server = await ScriptedServer.start(async (guest) => {
      guest.polite = false;
      guest.end((await collected(guest)).map((line) => `${line}\n`).join(""));
    });
    await using channel = await Channel.connect(server.address, TEXT);
    const replying = [channel.request("one"), channel.request("two")];
    channel.connection.shutdown("write");
    expect(await Promise.all(replying)).toEqual(["one", "two"]);
    expect(await channel.closed).toBe("peer-end");
  });
});

describe("Channel.connect()", () => {
  test("closes the connection that it made if there is no channel after all", async () => {
    await using server = await ScriptedServer.start(silent);
    const broken: Codec<string> = {
      encode: (text) => TEXT.encode(text),
      decoder() {
        throw new Error("there is no decoder");
      },
    };
    await expect(Channel.connect(server.address, broken)).rejects.toThrow("there is no decoder");
    await soon((await server.guest()).ended());
  });

  test("is not ended by its signal when there is a channel", async () => {
    await using server = await ScriptedServer.start(async (guest) => {
      for await (const line of guest) guest.say(`${line}\n`);
    });
    const hurry = new AbortController();
    await using channel = await Channel.connect(server.address, TEXT, { signal: hurry.signal });
    hurry.abort();
    expect(await channel.request("still there")).toBe("still there");
  });
});
