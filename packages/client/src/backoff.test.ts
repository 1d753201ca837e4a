import { resolveOptions } from "@socketserver/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { Backoff, backoffRules } from "./backoff.ts";

const OPTIONS = { minDelayMs: 100, maxDelayMs: 1_000, factor: 2, jitter: 0 };

/** The first pauses. */
function pauses(backoff: Backoff, count: number): number[] {
  return Array.from({ length: count }, () => backoff.next());
}

describe("Backoff", () => {
  test("begins with the shortest pause, and never passes the longest", () => {
    expect(pauses(new Backoff(OPTIONS), 6)).toEqual([100, 200, 400, 800, 1_000, 1_000]);
  });

  test("pauses always the same with a factor of 1, and grows by parts of a whole, too", () => {
    expect(pauses(new Backoff({ ...OPTIONS, factor: 1 }), 3)).toEqual([100, 100, 100]);
    expect(pauses(new Backoff({ ...OPTIONS, factor: 1.5 }), 4)).toEqual([100, 150, 225, 338]);
  });

  test("begins anew after reset()", () => {
    const backoff = new Backoff(OPTIONS);
    pauses(backoff, 5);
    backoff.reset();
    expect(pauses(backoff, 2)).toEqual([100, 200]);
  });

  test("takes away at most the part that is left to chance, and lets the next pause grow all the same", () => {
    const jittery = { ...OPTIONS, jitter: 0.5 };
    expect(pauses(new Backoff(jittery, () => 0), 3)).toEqual([100, 200, 400]);
    expect(pauses(new Backoff(jittery, () => 0.5), 3)).toEqual([75, 150, 300]);
    expect(pauses(new Backoff(jittery, () => 1), 3)).toEqual([50, 100, 200]);
  });

  test("is no longer than the longest pause, even if the shortest one is", () => {
    expect(pauses(new Backoff({ ...OPTIONS, minDelayMs: 5_000 }), 2)).toEqual([1_000, 1_000]);
  });

  test("stays 0 if it begins with 0", () => {
    expect(pauses(new Backoff({ ...OPTIONS, minDelayMs: 0 }), 3)).toEqual([0, 0, 0]);
  });

  test("is a whole number of milliseconds between 0 and the longest pause, whatever the options and however often", () => {
    const options = fc.record({
      minDelayMs: fc.nat(2_147_483_647),
      maxDelayMs: fc.nat(2_147_483_647),
      factor: fc.double({ min: 1, max: Number.MAX_VALUE, noNaN: true }),
      jitter: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(options, chance, (given, random) => {
        for (const pause of pauses(new Backoff(given, () => random), 50)) {
          expect(Number.isInteger(pause)).toBe(true);
          expect(pause).toBeGreaterThanOrEqual(0);
          expect(pause).toBeLessThanOrEqual(given.maxDelayMs);
        }
      }),
      { numRuns: 200 },
    );
  });
});

describe("backoffRules()", () => {
  const rules = backoffRules(OPTIONS);

  test("fill in their defaults", () => {
    expect(resolveOptions(rules, {})).toEqual(OPTIONS);
    expect(resolveOptions(rules, { factor: 1 })).toEqual({ ...OPTIONS, factor: 1 });
  });

  test.each([
    { minDelayMs: 0 },
    { maxDelayMs: 2_147_483_647 },
    { factor: 1 },
    { factor: 1.5 },
    { jitter: 0 },
    { jitter: 0.3 },
    { jitter: 1 },
  ])("take %j", (given) => {
    expect(() => resolveOptions(rules, given)).not.toThrow();
  });

  test.each<[object, string, string]>([
    [{ minDelayMs: -1 }, "RangeError", "minDelayMs must be an integer from 0 to 2147483647, received -1"],
    [{ minDelayMs: Infinity }, "RangeError", "minDelayMs must be an integer from 0 to 2147483647, received Infinity"],
    [{ maxDelayMs: 1.5 }, "RangeError", "maxDelayMs must be an integer from 0 to 2147483647, received 1.5"],
    [{ maxDelayMs: "5" }, "TypeError", 'maxDelayMs must be an integer from 0 to 2147483647, received "5"'],
    [{ factor: 0.9 }, "RangeError", "factor must be a number >= 1, received 0.9"],
    [{ factor: Infinity }, "RangeError", "factor must be a number >= 1, received Infinity"],
    [{ factor: "2" }, "TypeError", 'factor must be a number >= 1, received "2"'],
    [{ jitter: -0.1 }, "RangeError", "jitter must be a number from 0 to 1, received -0.1"],
    [{ jitter: 1.1 }, "RangeError", "jitter must be a number from 0 to 1, received 1.1"],
    [{ jitter: Number.NaN }, "RangeError", "jitter must be a number from 0 to 1, received NaN"],
    [{ jitter: true }, "TypeError", "jitter must be a number from 0 to 1, received true"],
  ])("refuse %j", (given, name, says) => {
    const refusal = expect(() => resolveOptions(rules, given, "", "thing"));
    refusal.toThrow(
      expect.objectContaining({
        name,
        code: "ERR_SOCKETSERVER_INVALID_OPTION",
        message: `Cannot create thing: ${says}`,
      }) as Error,
    );
  });
});
