import { getEventListeners } from "node:events";
import { describe, expect, test } from "vitest";

import { WaitingCalls, type WaitingCall } from "./waiting-calls.ts";

/** Notes what becomes of it. */
class NotedCall implements WaitingCall<string> {
  hasPlace = false;
  readonly bounded: boolean;
  readonly sent: boolean;
  readonly #name: string;
  readonly #log: string[];
  readonly #settled = Promise.withResolvers<void>();

  constructor(name: string, log: string[], { bounded = true, sent = false } = {}) {
    this.#name = name;
    this.#log = log;
    this.bounded = bounded;
    this.sent = sent;
  }

  get over(): Promise<void> {
    return this.#settled.promise;
  }

  run(channel: string): void {
    this.#log.push(`${this.#name} runs over ${channel}`);
    this.#settled.resolve();
  }

  giveUp(error: unknown): void {
    this.#log.push(`${this.#name} gives up: ${(error as Error).message}`);
    this.#settled.resolve();
  }

  timedOut(): Error {
    return new Error(`the time of ${this.#name} is over`);
  }
}

describe("WaitingCalls", () => {
  test("releases all in their order, once", () => {
    const log: string[] = [];
    const waiting = new WaitingCalls<string>(Infinity);
    for (const name of ["one", "two", "three"]) waiting.add(new NotedCall(name, log), {});
    waiting.release("A");
    waiting.release("B");
    waiting.giveUp(() => new Error("late"));
    expect(log).toEqual(["one runs over A", "two runs over A", "three runs over A"]);
  });

  test("lets no more wait than its size, and others besides", () => {
    const log: string[] = [];
    const waiting = new WaitingCalls<string>(1);
    const others = { bounded: false };
    expect(waiting.add(new NotedCall("one", log), {})).toBe(true);
    expect(waiting.add(new NotedCall("two", log), {})).toBe(false);
    expect(waiting.add(new NotedCall("other", log, others), {})).toBe(true);
    waiting.release("A");
    expect(waiting.add(new NotedCall("three", log), {})).toBe(true);
    expect(waiting.add(new NotedCall("four", log), {})).toBe(false);
    expect(log).toEqual(["one runs over A", "other runs over A"]);
  });

  test("gives up one whose time is over, and its place to another one", async () => {
    const log: string[] = [];
    const waiting = new WaitingCalls<string>(1);
    const late = new NotedCall("one", log);
    waiting.add(late, { timeoutMs: 1 });
    await late.over;
    expect(waiting.add(new NotedCall("two", log), {})).toBe(true);
    waiting.release("A");
    expect(log).toEqual(["one gives up: the time of one is over", "two runs over A"]);
  });

  test("gives up one whose signal is aborted, with the reason, and leaves no listener", async () => {
    const log: string[] = [];
    const waiting = new WaitingCalls<string>(1);
    const giving = new AbortController();
    const aborted = new NotedCall("one", log);
    waiting.add(aborted, { signal: giving.signal });
    expect(getEventListeners(giving.signal, "abort")).toHaveLength(1);
    giving.abort(new Error("no longer needed"));
    expect(waiting.add(new NotedCall("two", log), {})).toBe(true);
    await aborted.over;
    expect(getEventListeners(giving.signal, "abort")).toEqual([]);
    expect(log).toEqual(["one gives up: no longer needed"]);
  });

  test("leaves no listener and no timer with those that it releases", async () => {
    const log: string[] = [];
    const waiting = new WaitingCalls<string>(1);
    const giving = new AbortController();
    waiting.add(new NotedCall("one", log), { timeoutMs: 1, signal: giving.signal });
    waiting.release("A");
    expect(getEventListeners(giving.signal, "abort")).toEqual([]);
    giving.abort();
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(log).toEqual(["one runs over A"]);
  });

  test("gives all up in their order, and tells whether each was sent", () => {
    const log: string[] = [];
    const waiting = new WaitingCalls<string>(3);
    waiting.add(new NotedCall("one", log), {});
    waiting.add(new NotedCall("two", log, { sent: true }), {});
    waiting.giveUp((sent) => new Error(sent ? "sent" : "not sent"));
    expect(log).toEqual(["one gives up: not sent", "two gives up: sent"]);
  });

  test("keeps what is added while it releases for the next connection", () => {
    const log: string[] = [];
    const waiting = new WaitingCalls<string>(2);
    const again = new NotedCall("again", log);
    const first = new NotedCall("first", log);
    first.run = (): void => void waiting.add(again, {});
    waiting.add(first, {});
    waiting.release("A");
    expect(log).toEqual([]);
    waiting.release("B");
    expect(log).toEqual(["again runs over B"]);
  });
});
