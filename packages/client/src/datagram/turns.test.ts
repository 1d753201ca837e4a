import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { Turns } from "./turns.ts";

/** Those who want a turn, and who has had it, in order. */
function people(count: number): { readonly starts: readonly (() => void)[]; readonly started: number[] } {
  const started: number[] = [];
  return { starts: Array.from({ length: count }, (_, index) => () => started.push(index)), started };
}

const at = <Value>(values: readonly Value[], index: number): Value => values[index] as Value;

describe("Turns", () => {
  test("lets so many begin at once, and the others in order as turns are over", () => {
    const { starts, started } = people(4);
    const turns = new Turns(2, 10);
    for (const start of starts) expect(turns.enter(start)).toBe(true);
    expect(started).toEqual([0, 1]);
    turns.leave(at(starts, 1));
    expect(started).toEqual([0, 1, 2]);
    turns.leave(at(starts, 0));
    expect(started).toEqual([0, 1, 2, 3]);
    turns.leave(at(starts, 2));
    turns.leave(at(starts, 3));
    expect(started).toEqual([0, 1, 2, 3]);
  });

  test("has no room for one more than may wait, until one who waits leaves", () => {
    const { starts, started } = people(4);
    const turns = new Turns(1, 1);
    expect(starts.slice(0, 3).map((start) => turns.enter(start))).toEqual([true, true, false]);
    turns.leave(at(starts, 1));
    expect(turns.enter(at(starts, 3))).toBe(true);
    turns.leave(at(starts, 0));
    expect(started).toEqual([0, 3]);
  });

  test("passes over who left before, and counts nobody twice who leaves twice", () => {
    const { starts, started } = people(4);
    const turns = new Turns(1, Infinity);
    for (const start of starts) turns.enter(start);
    turns.leave(at(starts, 1));
    turns.leave(at(starts, 1));
    turns.leave(at(starts, 0));
    turns.leave(at(starts, 0));
    expect(started).toEqual([0, 2]);
  });

  test("is as a plain list would have it, whatever happens in whatever order", () => {
    const steps = fc.array(fc.oneof(fc.constant("enter" as const), fc.nat(30)), { maxLength: 200 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3 }), fc.nat(5), steps, (atOnce, queueSize, script) => {
        const { starts, started } = people(script.length);
        const turns = new Turns(atOnce, queueSize);
        const having: number[] = [];
        const waiting: number[] = [];
        const expected: number[] = [];
        const begin = (who: number | undefined): void => {
          if (who === undefined) return;
          having.push(who);
          expected.push(who);
        };
        for (const [who, step] of script.entries()) {
          if (step === "enter") {
            const free = having.length < atOnce;
            if (free) begin(who);
            else if (waiting.length < queueSize) waiting.push(who);
            expect(turns.enter(at(starts, who))).toBe(free || waiting.includes(who));
          } else if (step < starts.length) {
            turns.leave(at(starts, step));
            if (waiting.includes(step)) waiting.splice(waiting.indexOf(step), 1);
            if (having.includes(step)) {
              having.splice(having.indexOf(step), 1);
              begin(waiting.shift());
            }
          }
          expect(started).toEqual(expected);
        }
      }),
      { numRuns: 300 },
    );
  });
});
