import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { TokenBucket } from "./token-bucket.ts";

/** How many can be taken at once. */
function takeAll(bucket: TokenBucket): number {
  let taken = 0;
  while (bucket.take()) taken++;
  return taken;
}

describe("TokenBucket", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  test.each([1, 2, 100])("gives %d at once, and then that many a second", (perSecond) => {
    const bucket = new TokenBucket(perSecond);
    expect(takeAll(bucket)).toBe(perSecond);
    vi.advanceTimersByTime(1_000);
    expect(takeAll(bucket)).toBe(perSecond);
  });

  test("gives one as soon as its time has come", () => {
    const bucket = new TokenBucket(4);
    takeAll(bucket);
    vi.advanceTimersByTime(249);
    expect(bucket.take()).toBe(false);
    vi.advanceTimersByTime(1);
    expect(bucket.take()).toBe(true);
    expect(bucket.take()).toBe(false);
  });

  test("saves up no more than those of one second", () => {
    const bucket = new TokenBucket(3);
    vi.advanceTimersByTime(3_600_000);
    expect(takeAll(bucket)).toBe(3);
  });

  test("with 0 gives none, ever", () => {
    const bucket = new TokenBucket(0);
    expect(bucket.take()).toBe(false);
    vi.advanceTimersByTime(3_600_000);
    expect(bucket.take()).toBe(false);
    expect(bucket.full).toBe(true);
  });

  test("with Infinity gives every one", () => {
    const bucket = new TokenBucket(Infinity);
    for (let count = 0; count < 100_000; count++) if (!bucket.take()) throw new Error(`refused after ${count}`);
  });

  test("tells whether there is one, and whether it is as good as new", () => {
    const bucket = new TokenBucket(10);
    expect([bucket.some, bucket.full]).toEqual([true, true]);
    bucket.take();
    expect([bucket.some, bucket.full]).toEqual([true, false]);
    takeAll(bucket);
    expect([bucket.some, bucket.full]).toEqual([false, false]);
    vi.advanceTimersByTime(999);
    expect([bucket.some, bucket.full]).toEqual([true, false]);
    vi.advanceTimersByTime(1);
    expect([bucket.some, bucket.full]).toEqual([true, true]);
  });

  test("never gives more than a full bucket and its rate, however it is asked", () => {
    const pauses = fc.array(fc.integer({ min: 0, max: 700 }), { maxLength: 60 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), pauses, (perSecond, ms) => {
        const bucket = new TokenBucket(perSecond);
        let elapsed = 0;
        let taken = 0;
        for (const pause of ms) {
          vi.advanceTimersByTime(pause);
          elapsed += pause;
          taken += takeAll(bucket);
          expect(taken).toBeLessThanOrEqual(perSecond + (elapsed * perSecond) / 1_000 + 1e-6);
        }
      }),
    );
  });
});
