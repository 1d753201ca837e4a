/**
 * What a `ReconnectingChannel` does with calls while there is no connection: they wait, in their order, and bounded in number and time.
 *
 * @module
 */
import { ReconnectingChannel, type Channel } from "@socketserver/client";
import { lines } from "@socketserver/framing";
import { leakCheck } from "@socketserver/testing";
import { getEventListeners } from "node:events";
import { beforeEach, describe, expect, test } from "vitest";

import { needs } from "../../core/test/support/peers.ts";
import { settled } from "../../core/test/support/settled.ts";
import { soon } from "../../core/test/support/soon.ts";
import { echoScript } from "./support/echo-script.ts";
import { freePort } from "./support/free-port.ts";
import { HASTY } from "./support/hasty.ts";
import { ScriptedServer } from "./support/scripted-server.ts";
import { SilentListener } from "./support/silent-listener.ts";

/** A channel whose server is not there as yet. */
async function lonely(options: object = {}): Promise<ReconnectingChannel<string>> {
  return new ReconnectingChannel({ port: await freePort() }, lines().text(), { ...HASTY, ...options });
}

/** A channel whose setup never ends. */
class HesitantChannel extends ReconnectingChannel<string> {
  /** Resolves when there is a connection that it hesitates over. */
  readonly hesitates: Promise<Channel<string>>;
  readonly #hesitate: (channel: Channel<string>) => void;

  constructor(server: ScriptedServer, options: object = {}) {
    super(server.address, lines().text(), { ...HASTY, ...options });
    const { promise, resolve } = Promise.withResolvers<Channel<string>>();
    this.hesitates = promise;
    this.#hesitate = resolve;
  }

  protected override setup(channel: Channel<string>): Promise<void> {
    this.#hesitate(channel);
    return new Promise(() => {});
  }
}

const timedOut = { code: "ERR_SOCKETSERVER_REQUEST_TIMEOUT", sent: false };

beforeEach(() => leakCheck());

describe("calls of a ReconnectingChannel that wait for a connection", () => {
  test("leave in their order when it comes", async () => {
    const port = await freePort();
    await using channel = new ReconnectingChannel({ port }, lines().text(), HASTY);
    const words = Array.from({ length: 300 }, (_, index) => String(index));
    const calls = words.map((word, index) => (index % 3 === 0 ? channel.send(word) : channel.request(word)));
    const heard: string[] = [];
    await using server = await ScriptedServer.start(async (guest) => {
      for await (const line of guest) {
        heard.push(line);
        if (Number(line) % 3 > 0) guest.say(`re ${line}\n`);
      }
    }, port);
    const replies = words.map((word, index) => (index % 3 === 0 ? undefined : `re ${word}`));
    expect(await Promise.all(calls)).toEqual(replies);
    expect(heard).toEqual(words);
    expect(server.guests).toHaveLength(1);
  });

  test("time out after requestTimeoutMs, or timeoutMs, and tell that there is no connection and why", async () => {
    await using channel = await lonely({ requestTimeoutMs: 40 });
    const waiting = new Promise((resolve) => channel.once("waiting", resolve));
    const outcomes = await Promise.allSettled([channel.request("one"), channel.send("two"), waiting]);
    const [request, send] = outcomes as PromiseRejectedResult[];
    expect(request?.reason).toMatchObject({
      ...timedOut,
      message: expect.stringMatching(
        /^Cannot request: no reply came within 40 ms: Cannot connect to .*ECONNREFUSED/,
      ) as unknown,
      cause: expect.objectContaining({ code: "ECONNREFUSED" }) as unknown,
    });
    expect(send?.reason).toMatchObject({
      ...timedOut,
      message: expect.stringMatching(
        /^Cannot send: the message did not leave within 40 ms: Cannot connect to /,
      ) as unknown,
    });
    await expect(channel.request("three", { timeoutMs: 0 })).rejects.toMatchObject(timedOut);
    await expect(channel.receive({ timeoutMs: 5 })).rejects.toMatchObject({
      code: "ERR_SOCKETSERVER_IDLE_TIMEOUT",
      message: "Cannot receive: no message came within 5 ms",
    });
  });

  test("that were given up are never sent", async () => {
    const port = await freePort();
    await using channel = new ReconnectingChannel({ port }, lines().text(), HASTY);
    const giving = new AbortController();
    const gone = Promise.allSettled([
      channel.request("late", { timeoutMs: 5 }),
      channel.send("late too", { timeoutMs: 5 }),
      channel.request("aborted", { signal: giving.signal }),
    ]);
    giving.abort();
    await gone;
    const heard: string[] = [];
    await using server = await ScriptedServer.start(async (guest) => {
      for await (const line of guest) guest.say(`${(heard.push(line), line)}\n`);
    }, port);
    expect(await channel.request("one")).toBe("one");
    expect(heard).toEqual(["one"]);
    expect(server.guests).toHaveLength(1);
  });

  test("leave no listener with their signal, however they end", async () => {
    const port = await freePort();
    await using channel = new ReconnectingChannel({ port }, lines().text(), HASTY);
    const { signal } = new AbortController();
    await expect(channel.request("late", { signal, timeoutMs: 1 })).rejects.toMatchObject(timedOut);
    const waiting = Promise.all([
      channel.connect({ signal }),
      channel.request("one", { signal }),
      channel.send("two", { signal }),
    ]);
    await using server = await ScriptedServer.start(echoScript(), port);
    await waiting;
    expect(server.guests).toHaveLength(1);
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  test("spend one time in all, over however many connections", async () => {
    await using server = await ScriptedServer.start(async (guest) => {
      await guest.line();
      setTimeout(() => guest.end(), 20);
    });
    const options = { ...HASTY, maxResends: Infinity };
    await using channel = new ReconnectingChannel(server.address, lines().text(), options);
    const began = performance.now();
    await expect(channel.request("?", { idempotent: true, timeoutMs: 150 })).rejects.toMatchObject({
      code: "ERR_SOCKETSERVER_REQUEST_TIMEOUT",
      sent: true,
    });
    const elapsed = performance.now() - began;
    expect(elapsed).toBeGreaterThanOrEqual(148);
    expect(elapsed).toBeLessThan(3_000);
    expect(server.guests.length).toBeGreaterThan(1);
  });

  test("refuse what cannot be sent, or is no option, at once", async () => {
    await using channel = await lonely();
    await expect(channel.request("two\nlines")).rejects.toMatchObject({ code: "ERR_SOCKETSERVER_INVALID_MESSAGE" });
    await expect(channel.send("two\nlines")).rejects.toMatchObject({ code: "ERR_SOCKETSERVER_INVALID_MESSAGE" });
    await expect(channel.request("one", { idempotent: 1 as never })).rejects.toMatchObject({
      code: "ERR_SOCKETSERVER_INVALID_ARGUMENT",
      message: "Cannot request: idempotent must be true or false, received 1",
    });
    await expect(channel.receive({ timeoutMs: -1 })).rejects.toBeInstanceOf(RangeError);
    await expect(channel.send("one", { signal: null as never })).rejects.toBeInstanceOf(TypeError);
    expect(channel.state).toBe("idle");
  });
});

describe("calls of a ReconnectingChannel during setup()", () => {
  test("wait for its end, and time out, or are aborted, or closed", async () => {
    await using server = await ScriptedServer.start(echoScript());
    const channel = new HesitantChannel(server);
    const giving = new AbortController();
    const givenUp = Promise.allSettled([
      channel.request("late", { timeoutMs: 20 }),
      channel.request("aborted", { signal: giving.signal }),
    ]);
    const closed = Promise.allSettled([channel.request("closed"), channel.connect(), channel.receive()]);
    await channel.hesitates;
    giving.abort(new Error("no longer needed"));
    expect(await givenUp).toMatchObject([{ reason: timedOut }, { reason: { message: "no longer needed" } }]);
    expect(channel.state).toBe("connecting");
    await soon(channel.close());
    const reason = { code: "ERR_SOCKETSERVER_CONNECTION_CLOSED", sent: false };
    expect(await closed).toMatchObject([{ reason }, { reason }, { status: "fulfilled", value: undefined }]);
    expect((await server.guest()).rest).toBe("");
  });
});

describe.runIf(process.platform === "linux")("calls of a ReconnectingChannel to a server that does not answer", () => {
  beforeEach(needs("python3"));

  test("time out, or are aborted, while it connects; closing it ends the attempt", async () => {
    await using listener = await SilentListener.start();
    const channel = new ReconnectingChannel({ port: listener.port }, lines().text(), HASTY);
    const giving = new AbortController();
    const calls = Promise.allSettled([
      channel.request("late", { timeoutMs: 30 }),
      channel.request("aborted", { signal: giving.signal }),
    ]);
    await listener.knocked(1);
    giving.abort(new Error("no longer needed"));
    expect(await calls).toMatchObject([{ reason: timedOut }, { reason: { message: "no longer needed" } }]);
    expect(channel.state).toBe("connecting");
    await soon(channel.close());
    await listener.knocked(0);
  });

  test("wait through an attempt that takes longer than connectTimeoutMs", async () => {
    await using listener = await SilentListener.start();
    const options = { ...HASTY, connectTimeoutMs: 30 };
    await using channel = new ReconnectingChannel({ port: listener.port }, lines().text(), options);
    const failed = new Promise((resolve) => channel.once("waiting", resolve));
    const reply = channel.request("hello");
    expect(await failed).toMatchObject({ error: { code: "ERR_SOCKETSERVER_CONNECT_TIMEOUT" } });
    expect(await settled(reply)).toBe(false);
    await channel.close();
    await expect(reply).rejects.toMatchObject({ code: "ERR_SOCKETSERVER_CONNECTION_CLOSED" });
  });
});
