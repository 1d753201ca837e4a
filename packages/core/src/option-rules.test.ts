import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { flag, integer, milliseconds, optional, resolveOptions, type OptionRules } from "./option-rules.ts";

const rules: OptionRules = {
  size: integer({ defaultValue: 5, min: 1, max: 10 }),
  timeoutMs: milliseconds(Infinity),
  noisy: flag(false),
  nested: { limit: integer({ defaultValue: 1, min: 0, unbounded: true }) },
};

function errorOf(given: unknown): { name: string; code: string; message: string } {
  try {
    resolveOptions(rules, given);
  } catch (error) {
    return error as { name: string; code: string; message: string };
  }
  throw new Error("accepted");
}

describe("resolveOptions()", () => {
  test("fills in every default", () => {
    const defaults = { size: 5, timeoutMs: Infinity, noisy: false, nested: { limit: 1 } };
    for (const given of [undefined, {}, { size: undefined, nested: undefined }, { nested: {} }]) {
      expect(resolveOptions(rules, given)).toEqual(defaults);
    }
  });

  test("freezes the result, and leaves the caller's object alone", () => {
    const given = { size: 7, nested: { limit: 3 } };
    const resolved = resolveOptions(rules, given);
    expect(resolved).toMatchObject({ size: 7, nested: { limit: 3 } });
    expect([Object.isFrozen(resolved), Object.isFrozen(resolved["nested"])]).toEqual([true, true]);
    expect([Object.isFrozen(given), Object.isFrozen(given.nested)]).toEqual([false, false]);
    expect(resolved["nested"]).not.toBe(given.nested);
  });

  test.each([
    [5, "TypeError", "options must be an object, received 5"],
    [null, "TypeError", "options must be an object, received null"],
    [[], "TypeError", "options must be an object, received []"],
    [{ nested: 5 }, "TypeError", "nested must be an object, received 5"],
    [{ sise: 5 }, "TypeError", 'there is no option "sise": known are nested, noisy, size, timeoutMs'],
    [{ nested: { limits: 5 } }, "TypeError", 'there is no option "nested.limits": known are limit'],
    [
      { timeout: 5 },
      "TypeError",
      'there is no option "timeout": use timeoutMs, in milliseconds (Python counts in seconds)',
    ],
    [{ toString: 5 }, "TypeError", 'there is no option "toString": known are nested, noisy, size, timeoutMs'],
    [{ size: "5" }, "TypeError", 'size must be an integer from 1 to 10, received "5"'],
    [{ size: 0 }, "RangeError", "size must be an integer from 1 to 10, received 0"],
    [{ nested: { limit: -1 } }, "RangeError", "nested.limit must be an integer >= 0 or Infinity, received -1"],
    [{ noisy: "yes" }, "TypeError", 'noisy must be true or false, received "yes"'],
  ])("rejects %j with a %s", (given, name, message) => {
    expect(errorOf(given)).toMatchObject({
      name,
      code: "ERR_SOCKETSERVER_INVALID_OPTION",
      message: `Cannot create server: ${message}`,
    });
  });
});

describe("integer()", () => {
  test("accepts the integers of its range and nothing else", () => {
    const rule = integer({ defaultValue: 0, min: -3, max: 3 });
    const values = fc.oneof(fc.integer({ min: -6, max: 6 }), fc.double({ min: -6, max: 6 }), fc.constant(Infinity));
    fc.assert(
      fc.property(values, (value) => {
        const accepted = Number.isInteger(value) && value >= -3 && value <= 3;
        if (accepted) expect(() => rule.check("x", value)).not.toThrow();
        else expect(() => rule.check("x", value)).toThrow(RangeError);
      }),
      { numRuns: 300 },
    );
  });

  test("accepts Infinity only without bound, and never minus Infinity", () => {
    const unbounded = integer({ defaultValue: 0, min: 0, unbounded: true });
    expect(() => unbounded.check("x", Infinity)).not.toThrow();
    expect(() => unbounded.check("x", -Infinity)).toThrow(RangeError);
    expect(() => integer({ defaultValue: 0, min: 0 }).check("x", Infinity)).toThrow(RangeError);
  });
});

describe("milliseconds()", () => {
  test("accepts what a timer can count, and Infinity", () => {
    const rule = milliseconds(0, 1);
    for (const value of [1, 2_147_483_647, Infinity]) expect(() => rule.check("x", value)).not.toThrow();
    for (const value of [0, 2_147_483_648, 1.5, NaN]) expect(() => rule.check("x", value)).toThrow(RangeError);
  });
});

describe("optional()", () => {
  test("stays undefined unless given, and checks what is given", () => {
    const rule = { threads: optional(integer({ defaultValue: 1, min: 1 })) };
    expect(resolveOptions(rule, {})).toEqual({ threads: undefined });
    expect(resolveOptions(rule, { threads: 2 })).toEqual({ threads: 2 });
    expect(() => resolveOptions(rule, { threads: 0 })).toThrow(RangeError);
  });
});
