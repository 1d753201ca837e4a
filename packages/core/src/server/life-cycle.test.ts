import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { LifeCycle, ServerState } from "./life-cycle.ts";

const states = Object.values(ServerState);

/** Every step that there is. */
const steps = new Set([
  "new listening",
  "new draining",
  "listening serving",
  "listening draining",
  "serving listening",
  "serving draining",
  "draining closed",
]);

describe("LifeCycle", () => {
  test("is new when it is new", () => {
    expect(new LifeCycle()).toMatchObject({ state: "new", ending: false });
  });

  test("takes exactly the steps of the table, in any order of tries", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...states), { maxLength: 30 }), (tries) => {
        const life = new LifeCycle();
        for (const next of tries) {
          const before = life.state;
          const allowed = steps.has(`${before} ${next}`);
          expect(life.advance(next)).toBe(allowed);
          expect(life.state).toBe(allowed ? next : before);
          expect(life.ending).toBe(life.state === "draining" || life.state === "closed");
        }
      }),
      { numRuns: 500 },
    );
  });

  test("leads to closed through draining alone, from every state", () => {
    for (const path of [[], ["listening"], ["listening", "serving"]] as ServerState[][]) {
      const life = new LifeCycle();
      for (const state of path) life.advance(state);
      expect(life.advance("closed")).toBe(false);
      expect([life.advance("draining"), life.advance("closed"), life.state]).toEqual([true, true, "closed"]);
    }
  });
});
