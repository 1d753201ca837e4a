import { once } from "node:events";
import { setImmediate as nextTurn } from "node:timers/promises";

import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { socketPair } from "../../test/support/socket-pair.ts";
import { afterArrivals } from "./after-arrivals.ts";
import { LoopTimer, pauseTimers } from "./loop-timer.ts";

function timed(): { timer: LoopTimer; expired: ReturnType<typeof vi.fn> } {
  const expired = vi.fn();
  return { timer: new LoopTimer(expired), expired };
}

function holdUp(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

describe("LoopTimer", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  test.each([1, 10, 79, 80, 100, 319, 320, 1_000, 1_280, 5_000, 20_480, 300_000])(
    "expires once after %d ms, never before, and late by an eighth or 15 ms at most",
    async (ms) => {
      const { timer, expired } = timed();
      const begin = performance.now();
      let after = 0;
      expired.mockImplementation(() => (after = performance.now() - begin));
      timer.start(ms);
      await vi.advanceTimersByTimeAsync(ms * 3 + 20);
      expect(expired).toHaveBeenCalledTimes(1);
      expect(after).toBeGreaterThanOrEqual(ms);
      expect(after).toBeLessThanOrEqual(ms + Math.max(ms / 8, 15) + 1);
      timer.dispose();
    },
  );

  test("expires on the next ticks after 0 ms, and not at once", async () => {
    const { timer, expired } = timed();
    timer.start(0);
    expect(expired).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(10);
    expect(expired).toHaveBeenCalledTimes(1);
  });

  test("does not expire when it was stopped", async () => {
    const { timer, expired } = timed();
    timer.start(100);
    await vi.advanceTimersByTimeAsync(50);
    timer.stop();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(expired).not.toHaveBeenCalled();
  });

  test("counts anew when it is started again", async () => {
    const { timer, expired } = timed();
    timer.start(100);
    await vi.advanceTimersByTimeAsync(90);
    timer.stop();
    timer.start(100);
    await vi.advanceTimersByTimeAsync(90);
    expect(expired).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(25);
    expect(expired).toHaveBeenCalledTimes(1);
  });

  test("expires in time when it is started with less than before", async () => {
    const { timer, expired } = timed();
    timer.start(300_000);
    timer.stop();
    timer.start(100);
    await vi.advanceTimersByTimeAsync(120);
    expect(expired).toHaveBeenCalledTimes(1);
  });

  test("expires later when it is started with more than before", async () => {
    const { timer, expired } = timed();
    timer.start(100);
    timer.start(1_000);
    await vi.advanceTimersByTimeAsync(999);
    expect(expired).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(140);
    expect(expired).toHaveBeenCalledTimes(1);
  });

  test("goes on after a pause with what was left", async () => {
    const { timer, expired } = timed();
    timer.start(100);
    await vi.advanceTimersByTimeAsync(60);
    timer.pause();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(expired).not.toHaveBeenCalled();
    expect(timer.resume()).toBe(true);
    await vi.advanceTimersByTimeAsync(20);
    expect(expired).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(40);
    expect(expired).toHaveBeenCalledTimes(1);
  });

  test.each([100, 3_000])(
    "is put off by a pause of all timers for %d ms, whatever is started meanwhile",
    async (ms) => {
      const { timer, expired } = timed();
      const other = timed().timer;
      timer.start(200);
      await vi.advanceTimersByTimeAsync(50);
      pauseTimers(ms);
      other.start(200);
      await vi.advanceTimersByTimeAsync(ms + 149);
      expect(expired).not.toHaveBeenCalled();
      await vi.advanceTimersByTimeAsync(80);
      expect(expired).toHaveBeenCalledTimes(1);
      other.dispose();
    },
  );

  test("has nothing to go on with if it was not paused, or stopped since", () => {
    const { timer } = timed();
    expect(timer.resume()).toBe(false);
    timer.start(100);
    timer.pause();
    timer.stop();
    expect(timer.resume()).toBe(false);
    timer.dispose();
  });

  test("never expires after Infinity, and needs no timer for it", async () => {
    const { timer, expired } = timed();
    timer.start(Infinity);
    expect(vi.getTimerCount()).toBe(0);
    timer.start(100);
    timer.start(Infinity);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(expired).not.toHaveBeenCalled();
    expect(vi.getTimerCount()).toBe(0);
  });

  test("can be started again after it expired, and by what it calls", async () => {
    const { timer, expired } = timed();
    expired.mockImplementationOnce(() => timer.start(100));
    timer.start(100);
    await vi.advanceTimersByTimeAsync(300);
    expect(expired).toHaveBeenCalledTimes(2);
  });

  test("shares one timer of the runtime with all others of its length", () => {
    const timers = Array.from({ length: 1_000 }, () => timed().timer);
    for (const timer of timers) timer.start(30_000);
    expect(vi.getTimerCount()).toBe(1);
    for (const timer of timers) timer.dispose();
    expect(vi.getTimerCount()).toBe(0);
  });

  test("leaves no timer behind when it is disposed, twice too", () => {
    const { timer } = timed();
    timer.start(100);
    timer.dispose();
    expect(vi.getTimerCount()).toBe(0);
    timer.dispose();
  });

  test("does not expire if it is started or stopped while that is confirmed", async () => {
    const expired = vi.fn();
    let confirm: () => void = () => {};
    const timer = new LoopTimer(expired, (callback) => (confirm = callback));
    timer.start(100);
    await vi.advanceTimersByTimeAsync(120);
    timer.start(100);
    confirm();
    expect(expired).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(120);
    timer.stop();
    confirm();
    expect(expired).not.toHaveBeenCalled();
    timer.start(100);
    await vi.advanceTimersByTimeAsync(120);
    confirm();
    expect(expired).toHaveBeenCalledTimes(1);
  });
});

describe("LoopTimer over a real event loop", () => {
  test("does not count the time in which the loop was held up", async () => {
    const { timer, expired } = timed();
    timer.start(400);
    await nextTurn();
    holdUp(1_000);
    await nextTurn();
    await nextTurn();
    expect(expired).not.toHaveBeenCalled();
    timer.dispose();
  });

  test("sees what waited in the kernel before it expires", async () => {
    await using pair = await socketPair();
    const expired = vi.fn();
    const timer = new LoopTimer(expired, (callback) => afterArrivals(pair.server, callback));
    pair.server.on("data", () => timer.stop());
    pair.server.resume();
    await nextTurn();
    const came = once(pair.server, "data");
    timer.start(1);
    pair.client.write("x");
    holdUp(40);
    await came;
    await nextTurn();
    expect(expired).not.toHaveBeenCalled();
    timer.dispose();
  });
});
