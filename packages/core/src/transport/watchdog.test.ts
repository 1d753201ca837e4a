import { once } from "node:events";
import { setImmediate as nextTurn } from "node:timers/promises";

import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { socketPair } from "../../test/support/socket-pair.ts";
import { Watchdog } from "./watchdog.ts";

describe("Watchdog", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  function watched(): { watchdog: Watchdog; expired: ReturnType<typeof vi.fn> } {
    const expired = vi.fn();
    return { watchdog: new Watchdog(expired), expired };
  }

  test("expires once, not before its time", async () => {
    const { watchdog, expired } = watched();
    watchdog.start(100);
    await vi.advanceTimersByTimeAsync(98);
    expect(expired).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(10);
    expect(expired).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(expired).toHaveBeenCalledTimes(1);
  });

  test("does not expire when it was stopped", async () => {
    const { watchdog, expired } = watched();
    watchdog.start(100);
    await vi.advanceTimersByTimeAsync(50);
    watchdog.stop();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(expired).not.toHaveBeenCalled();
  });

  test("counts anew when it is started again", async () => {
    const { watchdog, expired } = watched();
    watchdog.start(100);
    await vi.advanceTimersByTimeAsync(90);
    watchdog.stop();
    watchdog.start(100);
    await vi.advanceTimersByTimeAsync(90);
    expect(expired).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(20);
    expect(expired).toHaveBeenCalledTimes(1);
  });

  test("expires in time when it is started with less than before", async () => {
    const { watchdog, expired } = watched();
    watchdog.start(300_000);
    watchdog.stop();
    watchdog.start(100);
    await vi.advanceTimersByTimeAsync(200);
    expect(expired).toHaveBeenCalledTimes(1);
  });

  test("expires later when it is started with more than before", async () => {
    const { watchdog, expired } = watched();
    watchdog.start(100);
    watchdog.start(1_000);
    await vi.advanceTimersByTimeAsync(900);
    expect(expired).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(200);
    expect(expired).toHaveBeenCalledTimes(1);
  });

  test("never expires after Infinity, and needs no timer for it", async () => {
    const { watchdog, expired } = watched();
    watchdog.start(Infinity);
    expect(vi.getTimerCount()).toBe(0);
    watchdog.start(100);
    watchdog.start(Infinity);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(expired).not.toHaveBeenCalled();
  });

  test("does not wake up all the time for a time longer than a timer can count", async () => {
    const { watchdog, expired } = watched();
    const begin = performance.now();
    watchdog.start(3_000_000_000);
    await vi.advanceTimersToNextTimerAsync();
    expect(performance.now() - begin).toBeGreaterThan(1_000);
    expect(expired).not.toHaveBeenCalled();
    watchdog.dispose();
  });

  test("can be started again after it expired", async () => {
    const { watchdog, expired } = watched();
    watchdog.start(100);
    await vi.advanceTimersByTimeAsync(200);
    watchdog.start(100);
    await vi.advanceTimersByTimeAsync(200);
    expect(expired).toHaveBeenCalledTimes(2);
  });

  test("keeps its deadline if it is started again during that turn", async () => {
    const { watchdog, expired } = watched();
    watchdog.start(100);
    vi.advanceTimersByTime(100);
    watchdog.start(100);
    await vi.advanceTimersByTimeAsync(90);
    const early = expired.mock.calls.length;
    await vi.advanceTimersByTimeAsync(20);
    expect([early, expired.mock.calls.length]).toEqual([0, 1]);
  });

  test("leaves no timer behind when it is disposed", () => {
    const { watchdog } = watched();
    watchdog.start(100);
    watchdog.dispose();
    expect(vi.getTimerCount()).toBe(0);
    watchdog.dispose();
  });
});

describe("Watchdog over a real event loop", () => {
  test("sees what waited in the kernel before it expires, if the loop itself was held up", async () => {
    await using pair = await socketPair();
    const expired = vi.fn();
    const watchdog = new Watchdog(expired);
    pair.server.on("data", () => watchdog.stop());
    pair.server.resume();
    await nextTurn();
    const came = once(pair.server, "data");
    watchdog.start(10);
    pair.client.write("x");
    const heldUpUntil = performance.now() + 40;
    while (performance.now() < heldUpUntil);
    await came;
    await nextTurn();
    expect(expired).not.toHaveBeenCalled();
    watchdog.dispose();
  });
});
