import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { LameDuck } from "./lame-duck.ts";

/** A lame duck, and whether it is over. */
function newDuck(): { duck: LameDuck; seen: { over: boolean } } {
  const duck = new LameDuck();
  const seen = { over: false };
  void duck.over.then(() => (seen.over = true));
  return { duck, seen };
}

describe("LameDuck", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  test("is over when its time has passed, and not before", async () => {
    const { duck, seen } = newDuck();
    expect(duck.limit(1_000)).toBe(1_000);
    await vi.advanceTimersByTimeAsync(999);
    expect(seen.over).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(seen.over).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("is over sooner when it is limited to less, and not later when it is limited to more", async () => {
    const { duck, seen } = newDuck();
    duck.limit(1_000);
    await vi.advanceTimersByTimeAsync(100);
    expect(duck.limit(5_000)).toBe(900);
    expect(duck.limit(200)).toBe(200);
    await vi.advanceTimersByTimeAsync(200);
    expect(seen.over).toBe(true);
  });

  test("lasts for ever with Infinity, until it is limited", async () => {
    const { duck, seen } = newDuck();
    expect(duck.limit(Infinity)).toBe(Infinity);
    expect(vi.getTimerCount()).toBe(0);
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect(seen.over).toBe(false);
    expect(duck.limit(10)).toBe(10);
    await vi.advanceTimersByTimeAsync(10);
    expect(seen.over).toBe(true);
  });

  test("is over on the next turn when it is limited to 0", async () => {
    const { duck, seen } = newDuck();
    duck.limit(1_000);
    expect(duck.limit(0)).toBe(0);
    await vi.advanceTimersByTimeAsync(1);
    expect(seen.over).toBe(true);
  });

  test("is over at once when it is ended, and stays so", async () => {
    const { duck, seen } = newDuck();
    duck.limit(1_000);
    duck.end();
    await duck.over;
    expect(seen.over).toBe(true);
    expect(duck.limit(1_000)).toBe(0);
    duck.end();
    expect(vi.getTimerCount()).toBe(0);
  });
});
