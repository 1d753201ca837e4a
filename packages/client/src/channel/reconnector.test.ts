import { Connection } from "@socketserver/core";
import { lines } from "@socketserver/framing";
import { duplexPair, type Duplex } from "node:stream";
import { describe, expect, test } from "vitest";

import { Channel } from "./channel.ts";
import { Reconnector } from "./reconnector.ts";

const BACKOFF = { minDelayMs: 1, maxDelayMs: 4, factor: 2, jitter: 0 };

/** Channels over nothing but memory, and what is told of them. */
class Surroundings {
  readonly told: string[] = [];
  readonly channels: Channel<string>[] = [];
  /** The other ends. */
  readonly peers: Duplex[] = [];
  /** What the next attempts fail with; then they succeed. */
  readonly failures: Error[] = [];
  readonly signals: AbortSignal[] = [];
  readonly reconnector: Reconnector<string, string>;
  /** What each channel begins with. */
  setUp = async (): Promise<void> => {};
  #news: (() => void)[] = [];

  constructor({ stableMs = 60_000, maxAttempts = Infinity } = {}) {
    const tell = (text: string): void => {
      this.told.push(text);
      for (const look of this.#news.splice(0)) look();
    };
    this.reconnector = new Reconnector<string, string>(
      { connect: async (signal) => this.#connect(signal), setUp: () => this.setUp(), shouldReconnect: () => true },
      { backoff: BACKOFF, stableMs, maxAttempts },
      {
        connecting: ({ attempt }) => tell(`connecting ${attempt}`),
        connected: (_channel, { attempts }) => tell(`connected ${attempts}`),
        lost: () => tell("lost"),
        disconnected: ({ error }) => tell(`disconnected ${error?.message ?? "in order"}`),
        waiting: ({ delayMs, failedAttempts }) => tell(`waiting ${delayMs} ms after ${failedAttempts}`),
        gaveUp: (_why, error) => tell(`gave up: ${error?.message ?? "in order"}`),
      },
    );
  }

  /** Wait until this was told as often. */
  async until(text: string, count = 1): Promise<void> {
    while (this.told.filter((each) => each.startsWith(text)).length < count) {
      await new Promise<void>((resolve) => this.#news.push(resolve));
    }
  }

  #connect(signal: AbortSignal): Channel<string> {
    this.signals.push(signal);
    const failure = this.failures.shift();
    if (failure !== undefined) throw failure;
    const [ours, theirs] = duplexPair();
    theirs.resume();
    const channel = new Channel(new Connection(ours, { lingerMs: 10 }), lines().text());
    channel.receive().catch(() => undefined);
    this.peers.push(theirs);
    this.channels.push(channel);
    return channel;
  }
}

describe("Reconnector", () => {
  test("does nothing before it is started, and begins once", async () => {
    const all = new Surroundings();
    await Promise.resolve();
    expect(all.told).toEqual([]);
    all.reconnector.start();
    all.reconnector.start();
    await all.until("connected");
    expect(all.channels).toHaveLength(1);
    await all.reconnector.stop();
  });

  test("tries again after pauses that grow, and tells each step", async () => {
    const all = new Surroundings();
    all.failures.push(...["a", "b", "c", "d"].map((text) => new Error(text)));
    all.reconnector.start();
    await all.until("connected");
    await all.reconnector.stop();
    const pauses = [1, 2, 4, 4].flatMap((ms, index) => [
      `connecting ${index + 1}`,
      `waiting ${ms} ms after ${index + 1}`,
    ]);
    expect(all.told).toEqual([...pauses, "connecting 5", "connected 5", "lost", "disconnected in order"]);
  });

  test("makes another channel when one is lost, and closes what was lost", async () => {
    const all = new Surroundings();
    all.reconnector.start();
    await all.until("connected");
    all.peers[0]?.end();
    await all.until("connected", 2);
    all.channels[1]?.abort();
    await all.until("connected", 3);
    await all.reconnector.stop();
    expect(all.channels.map(({ closeReason }) => closeReason)).not.toContain(undefined);
    expect(all.told.filter((each) => each.startsWith("disconnected"))).toHaveLength(3);
  });

  test("closes a channel that could not be set up, and does not wait for that", async () => {
    const all = new Surroundings();
    all.setUp = async () => {
      all.setUp = async () => {};
      throw new Error("no such user");
    };
    all.reconnector.start();
    await all.until("connected");
    expect(all.channels.map(({ open }) => open)).toEqual([false, true]);
    await all.reconnector.stop();
    expect(all.channels.map(({ closeReason }) => closeReason)).not.toContain(undefined);
    expect(all.told).toEqual([
      "connecting 1",
      "waiting 1 ms after 1",
      "connecting 2",
      "connected 2",
      "lost",
      "disconnected in order",
    ]);
  });

  test("begins anew after a channel that has lasted", async () => {
    const all = new Surroundings({ stableMs: 0 });
    all.failures.push(new Error("a"), new Error("b"));
    all.reconnector.start();
    await all.until("connected");
    all.peers[0]?.end();
    await all.until("connected", 2);
    await all.reconnector.stop();
    expect(all.told.slice(-7)).toEqual([
      "lost",
      "disconnected in order",
      "waiting 1 ms after 0",
      "connecting 1",
      "connected 1",
      "lost",
      "disconnected in order",
    ]);
  });

  test("gives up after as many failures in a row as allowed, and tells the last one", async () => {
    const all = new Surroundings({ maxAttempts: 2 });
    all.failures.push(new Error("a"), new Error("b"), new Error("c"));
    all.reconnector.start();
    await all.until("gave up");
    expect(all.told).toEqual(["connecting 1", "waiting 1 ms after 1", "connecting 2", "gave up: b"]);
    await all.reconnector.stop();
    expect(all.failures).toHaveLength(1);
  });

  test("counts a channel that did not last as a failure", async () => {
    const all = new Surroundings({ maxAttempts: 2 });
    all.failures.push(new Error("a"));
    all.reconnector.start();
    await all.until("connected");
    all.peers[0]?.end();
    await all.until("gave up");
    expect(all.told.at(-1)).toBe("gave up: in order");
    await all.reconnector.stop();
  });
});

describe("Reconnector.stop()", () => {
  test("closes what is open, and resolves when it is closed", async () => {
    const all = new Surroundings();
    all.reconnector.start();
    await all.until("connected");
    await all.reconnector.stop();
    expect(all.channels.map(({ open, closeReason }) => [open, closeReason])).toEqual([[false, "done"]]);
    expect(all.told).toEqual(["connecting 1", "connected 1", "lost", "disconnected in order"]);
  });

  test("ends a pause, and aborts the signal of the attempt under way", async () => {
    const all = new Surroundings();
    all.failures.push(new Error("a"));
    all.reconnector.start();
    await all.until("waiting");
    await all.reconnector.stop();
    expect(all.signals.map(({ aborted }) => aborted)).toEqual([true]);
    expect(all.told).toEqual(["connecting 1", "waiting 1 ms after 1"]);
  });

  test("closes a channel that comes in spite of it, and tells nobody of that", async () => {
    const all = new Surroundings();
    all.reconnector.start();
    await all.reconnector.stop();
    expect(all.channels.map(({ open }) => open)).toEqual([false]);
    expect(all.told).toEqual(["connecting 1"]);
  });

  test("before it was started leaves nothing to be done", async () => {
    const all = new Surroundings();
    await all.reconnector.stop();
    all.reconnector.start();
    await all.reconnector.stop();
    expect(all.told).toEqual([]);
  });
});
