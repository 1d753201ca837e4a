import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { Queue } from "./queue.ts";

describe("Queue", () => {
  test("gives what came first, first", () => {
    const steps = fc.array(
      fc.oneof({ weight: 3, arbitrary: fc.constant("push") }, fc.constantFrom("shift", "takeAll")),
    );
    fc.assert(
      fc.property(steps, (plan) => {
        const queue = new Queue<number>();
        const model: number[] = [];
        for (const [index, step] of plan.entries()) {
          if (step === "push") void (queue.push(index), model.push(index));
          else if (step === "shift") expect(queue.shift()).toBe(model.shift());
          else expect(queue.takeAll()).toEqual(model.splice(0));
          expect(queue.length).toBe(model.length);
        }
      }),
    );
  });

  test("takes as long for the last of very many as for the first", () => {
    const queue = new Queue<number>();
    for (let index = 0; index < 300_000; index++) queue.push(index);
    for (let index = 0; index < 300_000; index++) expect(queue.shift() === index).toBe(true);
    expect(queue.shift()).toBeUndefined();
  });

  test("gives all that is left, and has nothing then", () => {
    const queue = new Queue<object>();
    const items = [{}, {}];
    for (const item of items) queue.push(item);
    queue.shift();
    expect(queue.takeAll()).toEqual([items[1]]);
    expect(queue.length).toBe(0);
  });
});
