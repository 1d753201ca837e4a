import { describe, expect, test } from "vitest";

import { idlest } from "./idlest.ts";

/** Workers 1, 2, 3, ... with so many active requests. */
function workers(...active: readonly number[]): { id: number; active: number }[] {
  return active.map((each, index) => ({ id: index + 1, active: each }));
}

describe("idlest()", () => {
  test("chooses the worker with the fewest active requests, whoever had its turn", () => {
    for (const last of [0, 1, 2, 3]) expect(idlest(workers(2, 1, 3), last)?.id).toBe(2);
  });

  test("gives each its turn where several have as few", () => {
    let last = 0;
    const turns = Array.from({ length: 7 }, () => (last = idlest(workers(1, 1, 5, 1), last)?.id ?? 0));
    expect(turns).toEqual([1, 2, 4, 1, 2, 4, 1]);
  });

  test("does not depend on the order in which it is given them", () => {
    const backwards = workers(0, 0, 0).toReversed();
    expect([0, 1, 2, 3, 9].map((last) => idlest(backwards, last)?.id)).toEqual([1, 2, 3, 1, 1]);
  });

  test("answers nothing where there is none", () => {
    expect(idlest([], 0)).toBeUndefined();
  });
});
