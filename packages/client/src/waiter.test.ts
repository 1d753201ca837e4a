import { getEventListeners } from "node:events";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import type { Patience } from "./patience.ts";
import { Waiter, type Confirmation } from "./waiter.ts";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

const late = new Error("late");

/** A waiter, and what was called. */
function waiting(patience: Patience, confirm?: Confirmation): { waiter: Waiter<string>; gaveUp: () => void } {
  const gaveUp = vi.fn<() => void>();
  const surroundings = { timedOut: () => late, gaveUp, ...(confirm !== undefined && { confirm }) };
  return { waiter: new Waiter<string>(patience, surroundings), gaveUp };
}

describe("Waiter", () => {
  test("gets the value, once, and has not given up", async () => {
    const { waiter, gaveUp } = waiting({ timeoutMs: 100 });
    expect(waiter.settled).toBe(false);
    expect(waiter.resolve("first")).toBe(true);
    expect([waiter.settled, waiter.resolve("second"), waiter.reject(late)]).toEqual([true, false, false]);
    await expect(waiter.promise).resolves.toBe("first");
    expect(gaveUp).not.toHaveBeenCalled();
  });

  test("is told that no value will come, once, and has not given up", async () => {
    const { waiter, gaveUp } = waiting({ timeoutMs: 100 });
    const lost = new Error("lost");
    expect(waiter.reject(lost)).toBe(true);
    expect([waiter.settled, waiter.reject(late), waiter.resolve("late")]).toEqual([true, false, false]);
    await expect(waiter.promise).rejects.toBe(lost);
    expect(gaveUp).not.toHaveBeenCalled();
  });

  test("gives up when its time is over, not before", async () => {
    const { waiter, gaveUp } = waiting({ timeoutMs: 100 });
    const outcome = expect(waiter.promise).rejects.toBe(late);
    vi.advanceTimersByTime(99);
    expect([waiter.settled, vi.mocked(gaveUp).mock.calls.length]).toEqual([false, 0]);
    vi.advanceTimersByTime(1);
    expect(gaveUp).toHaveBeenCalledOnce();
    expect([waiter.settled, waiter.resolve("late")]).toEqual([true, false]);
    await outcome;
  });

  test("has no timer without a time", () => {
    for (const patience of [{}, { timeoutMs: Infinity }]) {
      const { waiter } = waiting(patience);
      expect(vi.getTimerCount()).toBe(0);
      waiter.resolve("value");
    }
  });

  test("gives up when its signal is aborted, with the reason", async () => {
    const abort = new AbortController();
    const { waiter, gaveUp } = waiting({ timeoutMs: 100, signal: abort.signal });
    const reason = new Error("enough");
    abort.abort(reason);
    expect(gaveUp).toHaveBeenCalledOnce();
    await expect(waiter.promise).rejects.toBe(reason);
  });

  test.each<[string, (waiter: Waiter<string>, abort: AbortController) => void]>([
    ["a value", (waiter) => waiter.resolve("value")],
    ["an error", (waiter) => waiter.reject(late)],
    ["its time", () => vi.advanceTimersByTime(100)],
    ["its signal", (_, abort) => abort.abort()],
  ])("leaves no timer and no listener behind: ended by %s", async (_how, end) => {
    const abort = new AbortController();
    const { waiter } = waiting({ timeoutMs: 100, signal: abort.signal });
    expect([vi.getTimerCount(), getEventListeners(abort.signal, "abort").length]).toEqual([1, 1]);
    end(waiter, abort);
    expect([vi.getTimerCount(), getEventListeners(abort.signal, "abort").length]).toEqual([0, 0]);
    await waiter.promise.catch(() => undefined);
  });

  test("gives up for its time only when it is confirmed that nothing has come", async () => {
    let confirmed = (): void => {};
    const { waiter, gaveUp } = waiting({ timeoutMs: 100 }, (callback) => (confirmed = callback));
    const outcome = expect(waiter.promise).rejects.toBe(late);
    vi.advanceTimersByTime(100);
    expect([waiter.settled, vi.mocked(gaveUp).mock.calls.length]).toEqual([false, 0]);
    confirmed();
    expect([waiter.settled, vi.mocked(gaveUp).mock.calls.length]).toEqual([true, 1]);
    await outcome;
  });

  test("takes what was here already when its time was over", async () => {
    let confirmed = (): void => {};
    const { waiter, gaveUp } = waiting({ timeoutMs: 100 }, (callback) => (confirmed = callback));
    vi.advanceTimersByTime(100);
    expect(waiter.resolve("in time")).toBe(true);
    confirmed();
    await expect(waiter.promise).resolves.toBe("in time");
    expect(gaveUp).not.toHaveBeenCalled();
  });

  test("does not wait for a confirmation when its signal is aborted, even while one is asked for", async () => {
    const abort = new AbortController();
    let confirmed = (): void => {};
    const { waiter, gaveUp } = waiting({ timeoutMs: 100, signal: abort.signal }, (callback) => (confirmed = callback));
    vi.advanceTimersByTime(100);
    abort.abort(late);
    confirmed();
    expect(gaveUp).toHaveBeenCalledOnce();
    await expect(waiter.promise).rejects.toBe(late);
  });
});
