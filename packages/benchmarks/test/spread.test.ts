import { describe, expect, test } from "vitest";

import { spread } from "../src/measure/spread.ts";

describe("spread()", () => {
  test("finds the middle, the ends and the quartiles, in whatever order they come", () => {
    expect(spread([5, 1, 4, 2, 3])).toEqual({ median: 3, min: 1, max: 5, lowerQuartile: 2, upperQuartile: 4 });
  });

  test("sorts numbers as numbers", () => {
    expect(spread([10, 9, 100]).median).toBe(10);
  });

  test("interpolates between two", () => {
    expect(spread([1, 2])).toEqual({ median: 1.5, min: 1, max: 2, lowerQuartile: 1.25, upperQuartile: 1.75 });
  });

  test("of one measurement is that one", () => {
    expect(spread([7])).toEqual({ median: 7, min: 7, max: 7, lowerQuartile: 7, upperQuartile: 7 });
  });

  test("refuses to sum up nothing", () => {
    expect(() => spread([])).toThrow(RangeError);
  });
});
