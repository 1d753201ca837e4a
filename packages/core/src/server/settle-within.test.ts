import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { settleWithin } from "./settle-within.ts";

describe("settleWithin()", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  test("answers at once what is no promise", () => {
    expect(settleWithin("hook", 5, 10)).toBe(5);
    expect(settleWithin("hook", undefined, 10)).toBeUndefined();
    expect(vi.getTimerCount()).toBe(0);
  });

  test("resolves with the answer, and leaves no timer", async () => {
    expect(await settleWithin("hook", Promise.resolve(5), 10)).toBe(5);
    await vi.advanceTimersByTimeAsync(0);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("rejects with the hook's own error, and leaves no timer", async () => {
    const error = new Error("hook");
    await expect(settleWithin("hook", Promise.reject(error), 10)).rejects.toBe(error);
    await vi.advanceTimersByTimeAsync(0);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("rejects when its time is over, with the name of the hook and the limit", async () => {
    const answer = expect(settleWithin("verifyRequest", new Promise(() => {}), 1_000)).rejects.toMatchObject({
      name: "SocketServerError",
      code: "ERR_SOCKETSERVER_HOOK_TIMEOUT",
      message: "Cannot wait for verifyRequest(): it took longer than 1000 ms",
    });
    await vi.advanceTimersByTimeAsync(1_125);
    await answer;
  });

  test("ignores a rejection that comes too late", async () => {
    const { promise, reject } = Promise.withResolvers<void>();
    const answer = expect(settleWithin("hook", promise, 10)).rejects.toMatchObject({
      code: "ERR_SOCKETSERVER_HOOK_TIMEOUT",
    });
    await vi.advanceTimersByTimeAsync(25);
    await answer;
    reject(new Error("late"));
    await vi.advanceTimersByTimeAsync(0);
  });

  test("sets no timer for Infinity", async () => {
    const answer = settleWithin("hook", Promise.resolve(5), Infinity);
    expect(vi.getTimerCount()).toBe(0);
    expect(await answer).toBe(5);
  });
});
