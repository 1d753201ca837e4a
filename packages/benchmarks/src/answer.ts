/**
 * Answering a question: in full, or quickly.
 *
 * A full answer is for people, who see the spread. A quick one is for a machine that has to decide, so it is asked again at greater length
 * before it counts as a regression.
 *
 * @module
 */
import { compare, type Comparison, type Ratio } from "./measure/compare.ts";
import type { Question } from "./question.ts";

/** How to ask. */
export interface AnswerOptions {
  readonly quick: boolean;
  /** As many as the question or the kind of run wants, unless given. */
  readonly rounds?: number | undefined;
  readonly progress?: (line: string) => void;
}

const FULL = { rounds: 9, effort: 1 };
const QUICK = { rounds: 3, effort: 0.3 };
/** What a quick answer that looks like a regression is asked with again. */
const CAREFUL = { rounds: 7, effort: 0.6 };

/** Ask one question. */
export async function answer(
  question: Question,
  { quick, rounds, progress = () => {} }: AnswerOptions,
): Promise<Comparison> {
  if (!quick) {
    return await compare(question, { progress, effort: FULL.effort, rounds: rounds ?? question.rounds ?? FULL.rounds });
  }
  const goalsOnly = question.goals.length > 0;
  const first = await compare(question, { ...QUICK, rounds: rounds ?? QUICK.rounds, goalsOnly, progress });
  if (regressions(first).length === 0) return first;
  progress(`${question.name} looks like a regression, and is asked again`);
  return await compare(question, { ...CAREFUL, rounds: rounds ?? CAREFUL.rounds, goalsOnly, progress });
}

/** The ratios that are above what even a disturbed machine makes of them. */
export function regressions({ ratios }: Comparison): readonly Ratio[] {
  return ratios.filter(({ ratio, quickAtMost = Infinity }) => ratio.median > quickAtMost);
}

/** The ratios that are above the project's goals. */
export function missedGoals({ ratios }: Comparison): readonly Ratio[] {
  return ratios.filter(({ ratio, atMost = Infinity }) => ratio.median > atMost);
}
