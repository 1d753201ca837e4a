/**
 * Comparing what was found of ours with what was found of others.
 *
 * Each ratio is taken inside of a round, and their median counts: a machine that gets slower for a minute slows both sides of a ratio.
 *
 * @module
 */
import type { Contestant, Question } from "../question.ts";
import { ask, type AskOptions, type Round } from "./ask.ts";
import { spread, type Spread } from "./spread.ts";

/** How to ask, and whom. */
export interface CompareOptions extends AskOptions {
  /** Only those that a goal names. */
  readonly goalsOnly?: boolean;
}

/** What all rounds found of one contestant. */
export interface ContestantResult {
  readonly name: string;
  readonly figures: Readonly<Record<string, Spread>>;
}

/** Ours / theirs. */
export interface Ratio {
  readonly ours: string;
  readonly against: string;
  readonly figure: string;
  readonly ratio: Spread;
  /** As in the goal, if there is one for these two. */
  readonly atMost?: number;
  readonly quickAtMost?: number;
}

/** One that could not be asked. */
interface Absent {
  readonly name: string;
  readonly reason: string;
}

/** The answer to a question. */
export interface Comparison {
  readonly question: string;
  readonly rounds: number;
  readonly contestants: readonly ContestantResult[];
  readonly ratios: readonly Ratio[];
  readonly absent: readonly Absent[];
}

/** Ask a question. Contestants that are not installed are left out and told of. */
export async function compare(question: Question, options: CompareOptions): Promise<Comparison> {
  const chosen = question.contestants.filter(({ name }) => !options.goalsOnly || isInGoal(question, name));
  const absent: Absent[] = [];
  const leaveOut = (name: string, reason: string): void => {
    absent.push({ name, reason });
    options.progress?.(`skipped ${name}: ${reason}`);
  };
  const rounds = await ask(question, chosen, options, leaveOut);
  return {
    question: question.name,
    rounds: rounds.length,
    contestants: chosen.flatMap(({ name }) => contestantResult(name, rounds)),
    ratios: ratiosOf(question, chosen, rounds),
    absent,
  };
}

function isInGoal({ goals, contestants }: Question, name: string): boolean {
  return goals.some(({ against, ours = contestants[0]?.name }) => against === name || ours === name);
}

function contestantResult(name: string, rounds: readonly Round[]): ContestantResult[] {
  const found = rounds.map((round) => round.get(name)).filter((figures) => figures !== undefined);
  if (found.length === 0) return [];
  const names = Object.keys(found[0] ?? {});
  const figures = names.map((figure) => [figure, spread(found.flatMap((one) => one[figure] ?? []))] as const);
  return [{ name, figures: Object.fromEntries(figures) }];
}

/** Ours against every other, and what else a goal names. */
function ratiosOf(question: Question, contestants: readonly Contestant[], rounds: readonly Round[]): Ratio[] {
  const first = question.contestants[0]?.name ?? "";
  const pairs = contestants.flatMap(({ name: against }) => {
    return question.figures.map(({ name: figure }) => ({ ours: first, against, figure }));
  });
  const goals = question.goals.map(({ ours = first, ...goal }) => ({ ours, ...goal }));
  const others = goals.filter(({ ours }) => ours !== first);
  return [...pairs.filter(({ against }) => against !== first), ...others].flatMap(({ ours, against, figure }) => {
    const values = rounds.flatMap((round) => {
      const one = round.get(ours)?.[figure];
      const other = round.get(against)?.[figure];
      return one === undefined || other === undefined ? [] : one / other;
    });
    if (values.length === 0) return [];
    const goal = goals.find((each) => each.ours === ours && each.against === against && each.figure === figure);
    const limits = goal === undefined ? {} : { atMost: goal.atMost, quickAtMost: goal.quickAtMost };
    return [{ ours, against, figure, ratio: spread(values), ...limits }];
  });
}
