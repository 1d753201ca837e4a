import { describe, expect, test } from "vitest";

import { checkPatience, type Patience } from "./patience.ts";

/** What callers without a type checker may write. */
const check = (patience: unknown) => (): void => checkPatience(patience as Patience, "Cannot wait");

describe("checkPatience()", () => {
  test.each([
    {},
    { timeoutMs: 0 },
    { timeoutMs: 2_147_483_647 },
    { timeoutMs: Infinity },
    { timeoutMs: undefined, signal: undefined },
    { signal: new AbortController().signal },
  ])("takes %o", (patience) => {
    expect(check(patience)).not.toThrow();
  });

  test.each<[unknown, typeof Error, string]>([
    [{ timeoutMs: -1 }, RangeError, "-1"],
    [{ timeoutMs: 1.5 }, RangeError, "1.5"],
    [{ timeoutMs: 2_147_483_648 }, RangeError, "2147483648"],
    [{ timeoutMs: Number.NaN }, RangeError, "NaN"],
    [{ timeoutMs: "5" }, TypeError, '"5"'],
    [{ timeoutMs: null }, TypeError, "null"],
  ])("refuses %j as an argument, and shows the value", (patience, type, shown) => {
    const message = `Cannot wait: timeoutMs must be an integer from 0 to 2147483647 or Infinity, received ${shown}`;
    expect(check(patience)).toThrow(type);
    expect(check(patience)).toThrow(
      expect.objectContaining({ code: "ERR_SOCKETSERVER_INVALID_ARGUMENT", message }) as Error,
    );
  });

  test.each([
    [{}, "{}"],
    [null, "null"],
    ["abort", '"abort"'],
    [new AbortController(), "an instance of AbortController"],
  ])("refuses %o as a signal", (signal, shown) => {
    expect(check({ signal })).toThrow(
      expect.objectContaining({
        name: "TypeError",
        code: "ERR_SOCKETSERVER_INVALID_ARGUMENT",
        message: `Cannot wait: signal must be an AbortSignal, received ${shown}`,
      }) as Error,
    );
  });

  test("throws the reason of a signal that is aborted already, whatever it is", () => {
    for (const reason of [new Error("too late"), "a string", 0]) {
      let thrown: unknown;
      try {
        check({ signal: AbortSignal.abort(reason) })();
      } catch (error) {
        thrown = error;
      }
      expect(thrown).toBe(reason);
    }
  });
});
