/**
 * The quick form of `npm run bench`: no ratio has become much worse than its goal. The bounds are wide, and what looks like a regression is asked
 * again at greater length, so that it takes a change of the code to fail here and not a mood of the machine.
 */
import { describe, expect, test } from "vitest";

import { answer, regressions } from "../../src/answer.ts";
import { QUESTIONS } from "../../src/questions/index.ts";

/** Both tries of the slowest question, on a machine that does something else as well. */
const LIMIT_MS = 180_000;

describe("The goals", () => {
  test.each(QUESTIONS.filter(({ goals }) => goals.length > 0))(
    "$name costs no more than its peers, within wide bounds",
    { timeout: LIMIT_MS },
    async (question) => {
      const progress = (line: string): void => {
        if (!line.startsWith("round ")) process.stdout.write(`${question.name}: ${line}\n`);
      };
      const comparison = await answer(question, { quick: true, progress });
      expect(comparison.contestants.length).toBeGreaterThan(1);
      const found = regressions(comparison).map(({ ours, against, figure, ratio, quickAtMost }) => {
        return `${figure} of ${ours} / ${against}: ${ratio.median.toFixed(2)}, at most ${quickAtMost}`;
      });
      expect(found).toEqual([]);
    },
  );
});
