import { describe, expect, test } from "vitest";

import { fillTemplate } from "./page.ts";

describe("fillTemplate()", () => {
  test("puts each part in its place", () => {
    expect(fillTemplate("a\n<!-- insert: one -->\n<!-- insert: two words -->", { one: "$&", "two words": "2" })).toBe(
      "a\n$&\n2",
    );
  });

  test("fails for a place without a part, a part without a place, and one that is there twice", () => {
    expect(() => fillTemplate("<!-- insert: one -->", {})).toThrow('there is no part "one"');
    expect(() => fillTemplate("", { one: "" })).toThrow("it has no place for one");
    expect(() => fillTemplate("<!-- insert: one --><!-- insert: one -->", { one: "" })).toThrow("twice");
  });
});
