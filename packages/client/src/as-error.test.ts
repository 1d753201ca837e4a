import { describe, expect, test } from "vitest";

import { asError } from "./as-error.ts";

describe("asError()", () => {
  test("is the error that was thrown", () => {
    const error = new RangeError("has a bug");
    expect(asError(error)).toBe(error);
  });

  test.each<[thrown: unknown, text: string]>([
    ["text", "text"],
    [undefined, "undefined"],
    [Symbol("mark"), "Symbol(mark)"],
    [{ code: 5 }, "[object Object]"],
  ])("has the text of %o", (thrown, text) => {
    const error = asError(thrown);
    expect(error).toBeInstanceOf(Error);
    expect(error.message).toBe(text);
  });

  test.each<[what: string, thrown: () => unknown]>([
    ["no toString", () => ({ toString: null })],
    ["no prototype", () => Object.create(null)],
    [
      "a toString() that throws",
      () => ({
        toString: (): never => {
          throw new Error("no text");
        },
      }),
    ],
  ])("is an error for what has %s", (_what, thrown) => {
    expect(asError(thrown()).message).toBe("something that has no text");
  });
});
