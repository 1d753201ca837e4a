import { describe, expect, test } from "vitest";

import { comparePrinted } from "./compare-printed.ts";

describe("comparePrinted()", () => {
  test("accepts the same lines, whatever stands at their ends", () => {
    expect(() => comparePrinted("one (1)  \ntwo\n\n", "one (1)\ntwo")).not.toThrow();
  });

  test("rejects a line that is another, is missing or is too many", () => {
    for (const printed of ["one\nthree\n", "one\n", "one\ntwo\nthree\n", "onentwo\n"]) {
      expect(() => comparePrinted(printed, "one\ntwo")).toThrow("says:\none\ntwo\n  but it prints:\n");
    }
  });

  test("takes three dots for any lines, also none", () => {
    expect(() => comparePrinted("a\nb\none\nc\n", "...\none\n...")).not.toThrow();
    expect(() => comparePrinted("one\n", "...\none\n...")).not.toThrow();
    expect(() => comparePrinted("a\nb\n", "...\none\n...")).toThrow("says:");
  });
});
