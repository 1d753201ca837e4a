import { describe, expect, test } from "vitest";

import { answer, missedGoals, regressions } from "../src/answer.ts";
import type { Figures, Question } from "../src/question.ts";
import { fakeContestant, fakeQuestion } from "./support/fakes.ts";

const GOAL = { against: "theirs", figure: "cpu", atMost: 1, quickAtMost: 1.5 };

/** Ours against one with a goal and one without; `cpu` is what ours needs, theirs need 1. */
function question(cpu: () => number, more: Partial<Question> = {}): Question {
  const contestants = ["ours", "theirs", "other"].map((name) => fakeContestant(name));
  const measure = (name: string): Figures => ({ cpu: name === "ours" ? cpu() : 1 });
  return fakeQuestion(contestants, measure, { goals: [GOAL], ...more });
}

describe("answer()", () => {
  test("asks everybody in full, as often as the question wants", async () => {
    const usual = await answer(
      question(() => 1),
      { quick: false },
    );
    expect(usual.contestants).toHaveLength(3);
    expect(usual.rounds).toBe(9);
    expect(
      (
        await answer(
          question(() => 1, { rounds: 4 }),
          { quick: false },
        )
      ).rounds,
    ).toBe(4);
    expect(
      (
        await answer(
          question(() => 1, { rounds: 4 }),
          { quick: false, rounds: 2 },
        )
      ).rounds,
    ).toBe(2);
  });

  test("asks quickly those with a goal alone", async () => {
    const found = await answer(
      question(() => 1),
      { quick: true },
    );
    expect(found.contestants.map(({ name }) => name)).toEqual(["ours", "theirs"]);
    expect(found.rounds).toBe(3);
  });

  test("asks everybody quickly where nobody has a goal", async () => {
    expect(
      (
        await answer(
          question(() => 1, { goals: [] }),
          { quick: true },
        )
      ).contestants,
    ).toHaveLength(3);
  });

  test("asks again before it calls something a regression", async () => {
    let asked = 0;
    const slowAtFirst = question(() => (++asked <= 4 ? 2 : 1));
    const found = await answer(slowAtFirst, { quick: true });
    expect(found.rounds).toBe(7);
    expect(regressions(found)).toEqual([]);
  });

  test("finds a regression that stays", async () => {
    const found = await answer(
      question(() => 2),
      { quick: true },
    );
    expect(regressions(found)).toMatchObject([{ against: "theirs", ratio: { median: 2 }, quickAtMost: 1.5 }]);
  });
});

describe("missedGoals()", () => {
  test("is stricter than regressions()", async () => {
    const found = await answer(
      question(() => 1.2),
      { quick: true },
    );
    expect(missedGoals(found)).toMatchObject([{ against: "theirs", atMost: 1 }]);
    expect(regressions(found)).toEqual([]);
  });

  test("counts a goal that is reached exactly as reached", async () => {
    expect(
      missedGoals(
        await answer(
          question(() => 1),
          { quick: true },
        ),
      ),
    ).toEqual([]);
  });
});
