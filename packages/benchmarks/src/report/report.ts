import type { Comparison } from "../measure/compare.ts";
import type { FigureKind, Question } from "../question.ts";
import type { Machine } from "./machine.ts";

/** One question, and what was found: all that a page says of it. */
export interface Answer {
  readonly name: string;
  readonly title: string;
  readonly notAnswered: string;
  readonly figures: readonly FigureKind[];
  readonly comparison: Comparison;
}

/** A whole run: what performance.json holds, and what the page and the plots are rendered from. */
export interface Report {
  /** What repeats it. */
  readonly command: string;
  readonly machine: Machine;
  readonly answers: readonly Answer[];
}

/** A question and its answer as data. */
export function answerOf({ name, title, notAnswered, figures }: Question, comparison: Comparison): Answer {
  return { name, title, notAnswered, figures, comparison };
}
