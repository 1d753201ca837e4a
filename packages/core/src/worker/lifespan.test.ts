import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { Lifespan } from "./lifespan.ts";

/** The first count, or age, at which a worker is due. */
function firstDue(lifespan: Lifespan, kind: "requests" | "age", upTo: number): number {
  for (let value = 0; value <= upTo; value++) {
    if (kind === "requests" ? lifespan.isOver(value, 0) : lifespan.isOver(0, value)) return value;
  }
  return Infinity;
}

describe("Lifespan", () => {
  test("is over after so many requests, or at that age", () => {
    const lifespan = new Lifespan({ recycleAfterRequests: 10, recycleAfterMs: 2_000 }, () => 0);
    expect([lifespan.isOver(9, 1_999), lifespan.isOver(10, 0), lifespan.isOver(0, 2_000)]).toEqual([false, true, true]);
  });

  test("is never over without a limit", () => {
    const lifespan = new Lifespan({ recycleAfterRequests: Infinity, recycleAfterMs: Infinity }, () => 0.999);
    expect(lifespan.isOver(Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)).toBe(false);
  });

  test("is shorter by up to a tenth, at random, in each respect on its own", () => {
    const numbers = [0.5, 0.999];
    const lifespan = new Lifespan({ recycleAfterRequests: 100, recycleAfterMs: 1_000 }, () => numbers.shift() ?? 0);
    expect(firstDue(lifespan, "requests", 100)).toBe(95);
    expect(firstDue(lifespan, "age", 1_000)).toBe(901);
  });

  test("of one request is exact", () => {
    const lifespan = new Lifespan({ recycleAfterRequests: 1, recycleAfterMs: Infinity }, () => 0.999_999);
    expect([lifespan.isOver(0, 0), lifespan.isOver(1, 0)]).toEqual([false, true]);
  });

  test("never lasts less than nine tenths of a limit, nor more than all of it", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 2_000 }),
        fc.double({ min: 0, max: 0.999_999, noNaN: true }),
        (limit, at) => {
          const lifespan = new Lifespan({ recycleAfterRequests: limit, recycleAfterMs: Infinity }, () => at);
          const due = firstDue(lifespan, "requests", limit);
          expect(due).toBeLessThanOrEqual(limit);
          expect(due).toBeGreaterThanOrEqual(limit * 0.9);
          expect(due).toBeGreaterThanOrEqual(1);
        },
      ),
    );
  });

  test("differs between workers that start together", () => {
    const ages = Array.from({ length: 20 }, () =>
      firstDue(new Lifespan({ recycleAfterRequests: 10_000, recycleAfterMs: Infinity }), "requests", 10_000),
    );
    expect(new Set(ages).size).toBeGreaterThan(1);
  });
});
