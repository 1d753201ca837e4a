import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { BufferBudget, type BufferAccount, type BufferHolder } from "./buffer-budget.ts";

/** Keeps what the test says, and nothing once it is cut. */
class Holder implements BufferHolder {
  readonly cuts: string[] = [];
  readonly #account: BufferAccount;

  constructor(budget: BufferBudget) {
    this.#account = budget.open(this);
  }

  keep(bytes: number): void {
    this.#account.keep(bytes);
  }

  cut(reason: string): void {
    this.cuts.push(reason);
    this.#account.close();
  }
}

function holders(limit: number, count: number): { budget: BufferBudget; all: Holder[] } {
  const budget = new BufferBudget(limit);
  return { budget, all: Array.from({ length: count }, () => new Holder(budget)) };
}

describe("BufferBudget", () => {
  test("adds up what all keep now", () => {
    const { budget, all } = holders(100, 2);
    const [first, second] = all as [Holder, Holder];
    first.keep(30);
    second.keep(40);
    first.keep(10);
    expect([budget.limit, budget.used]).toEqual([100, 50]);
    second.keep(0);
    first.keep(0);
    expect(budget.used).toBe(0);
  });

  test("cuts nobody as long as it suffices, to the last byte", () => {
    const { budget, all } = holders(100, 4);
    for (const holder of all) holder.keep(25);
    expect(budget.used).toBe(100);
    expect(all.flatMap(({ cuts }) => cuts)).toEqual([]);
  });

  test("cuts who keeps the most, and not who came last", () => {
    const { budget, all } = holders(100, 3);
    const [small, large, last] = all as [Holder, Holder, Holder];
    small.keep(20);
    large.keep(60);
    last.keep(21);
    expect([small.cuts, large.cuts, last.cuts]).toEqual([[], ["memory"], []]);
    expect(budget.used).toBe(41);
  });

  test("cuts whoever wants more than there is alone", () => {
    const { budget, all } = holders(100, 2);
    const [modest, greedy] = all as [Holder, Holder];
    modest.keep(50);
    greedy.keep(101);
    expect([modest.cuts, greedy.cuts]).toEqual([[], ["memory"]]);
    expect(budget.used).toBe(50);
  });

  test("cuts one who grows as well as one who is new", () => {
    const { all } = holders(100, 2);
    const [modest, growing] = all as [Holder, Holder];
    modest.keep(40);
    for (let bytes = 10; bytes <= 70; bytes += 10) growing.keep(bytes);
    expect([modest.cuts, growing.cuts]).toEqual([[], ["memory"]]);
  });

  test("cuts nobody for keeping less, or the same again, although it is too much", () => {
    const budget = new BufferBudget(100);
    const cuts: string[] = [];
    // One that does not let go at once.
    const stubborn = budget.open({ cut: (reason) => cuts.push(reason) });
    stubborn.keep(300);
    expect(cuts).toEqual(["memory"]);
    stubborn.keep(300);
    stubborn.keep(200);
    expect(cuts).toHaveLength(1);
    stubborn.keep(201);
    expect(cuts).toHaveLength(2);
  });

  test("counts nothing of an account that is closed, which may be closed twice", () => {
    const { budget, all } = holders(100, 2);
    const [first, second] = all as [Holder, Holder];
    first.keep(60);
    first.cut("gone");
    first.cut("gone");
    first.keep(60);
    second.keep(90);
    expect([budget.used, second.cuts]).toEqual([90, []]);
  });

  test("lets nobody keep anything if it is 0", () => {
    const { budget, all } = holders(0, 1);
    all[0]?.keep(0);
    expect(all[0]?.cuts).toEqual([]);
    all[0]?.keep(1);
    expect(all[0]?.cuts).toEqual(["memory"]);
    expect(budget.used).toBe(0);
  });

  test("cuts nobody if it is Infinity", () => {
    const { all } = holders(Infinity, 1);
    all[0]?.keep(Number.MAX_SAFE_INTEGER);
    expect(all[0]?.cuts).toEqual([]);
  });

  test("is never passed by those who let go when they are cut, and cuts one of the largest each time", () => {
    const step = fc.record({ which: fc.nat(9), bytes: fc.nat(60) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const { budget, all } = holders(100, 10);
        const kept = all.map(() => 0);
        for (const { which, bytes } of steps) {
          const before = all.map(({ cuts }) => cuts.length);
          if (before[which] === 0) kept[which] = bytes;
          all[which]?.keep(bytes);
          const cut = all.findIndex(({ cuts }, index) => cuts.length > (before[index] as number));
          if (cut !== -1) {
            expect(kept[cut]).toBe(Math.max(...kept));
            kept[cut] = 0;
          }
          const sum = kept.reduce((total, some) => total + some, 0);
          expect(budget.used).toBe(sum);
          expect(sum).toBeLessThanOrEqual(100);
        }
      }),
      { numRuns: 300 },
    );
  });
});
