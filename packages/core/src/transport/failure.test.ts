import { describe, expect, test, vi } from "vitest";

import { errorOf, rejected } from "./failure.ts";

describe("errorOf()", () => {
  test("answers the error itself", () => {
    const error = new Error("reset");
    expect(errorOf(error)).toBe(error);
  });

  test("asks for an error that nobody has needed yet, each time", () => {
    const error = new Error("closed");
    const failure = vi.fn(() => error);
    expect([errorOf(failure), errorOf(failure)]).toEqual([error, error]);
    expect(failure).toHaveBeenCalledTimes(2);
  });
});

describe("rejected()", () => {
  test.each([new Error("reset"), "text", 0, undefined, null])(
    "rejects with %s itself, and throws nothing",
    async (error) => {
      const promise = rejected(error);
      expect(promise).toBeInstanceOf(Promise);
      await expect(promise).rejects.toBe(error);
    },
  );

  test("takes a promise as a reason like any other", async () => {
    const pending = new Promise(() => {});
    await expect(rejected(pending)).rejects.toBe(pending);
  });
});
