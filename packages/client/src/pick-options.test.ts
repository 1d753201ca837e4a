import { flag, integer } from "@socketserver/core";
import { describe, expect, test } from "vitest";

import { pickOptions } from "./pick-options.ts";

const RULES = { size: integer({ defaultValue: 1, min: 0 }), eager: flag(false) };

describe("pickOptions()", () => {
  test("keeps what has a rule, and nothing else", () => {
    expect(pickOptions({ size: 3, color: "red" }, RULES)).toEqual({ size: 3 });
  });

  test("keeps what is there although it says nothing: undefined, false, 0", () => {
    const options = { size: 0, eager: undefined };
    expect(Object.entries(pickOptions(options, RULES))).toEqual([
      ["size", 0],
      ["eager", undefined],
    ]);
  });

  test("adds nothing that was not given", () => {
    expect(pickOptions({}, RULES)).toEqual({});
  });

  test("takes no name that every object has for a rule", () => {
    expect(pickOptions({ toString: "text", constructor: 1 }, RULES)).toEqual({});
  });

  test("changes nothing of what it was given", () => {
    const options = Object.freeze({ size: 3, color: "red" });
    expect(pickOptions(options, RULES)).not.toBe(options);
  });
});
