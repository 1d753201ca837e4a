/**
 * Asking a question of several contestants, in turn.
 *
 * Each round measures every contestant once, forwards and then backwards: whoever always came second would have the other's heat, or its
 * garbage, in its figures.
 *
 * @module
 */
import type { Contestant, Figures, Question, Running } from "../question.ts";

/** How much to ask. */
export interface AskOptions {
  readonly rounds: number;
  /** 1 is a full run. */
  readonly effort: number;
  /** Hears of each contestant that is not here, and of each measurement. */
  readonly progress?: (line: string) => void;
}

/** What one round found, by the name of the contestant. */
export type Round = ReadonlyMap<string, Figures>;

type LeaveOut = (name: string, reason: string) => void;

/** Enough for a compiler that optimises while the program runs. */
const WARM_UP_EFFORT = 0.3;

/** Ask all rounds. `leaveOut` hears of those that cannot be asked. */
export function ask(
  question: Question,
  contestants: readonly Contestant[],
  options: AskOptions,
  leaveOut: LeaveOut,
): Promise<Round[]> {
  return question.fresh
    ? askRounds(question, contestants, options, leaveOut)
    : askLasting(question, contestants, options, leaveOut);
}

/** The rounds of contestants that are started once and serve all of them. */
async function askLasting(
  question: Question,
  contestants: readonly Contestant[],
  options: AskOptions,
  leaveOut: LeaveOut,
): Promise<Round[]> {
  await using servers = new AsyncDisposableStack();
  const started: Contestant[] = [];
  for (const contestant of contestants) {
    const running = await contestant.start();
    if (typeof running === "string") {
      leaveOut(contestant.name, running);
      continue;
    }
    servers.use(running);
    started.push({ name: contestant.name, start: () => Promise.resolve(lent(running)) });
  }
  await askRounds(question, started, { rounds: 1, effort: WARM_UP_EFFORT }, leaveOut);
  return await askRounds(question, started, options, leaveOut);
}

/** One that whoever borrows it does not end. */
function lent(running: Running): Running {
  return { ...running, [Symbol.asyncDispose]: () => Promise.resolve() };
}

/** The rounds of contestants that are started for each measurement. */
async function askRounds(
  question: Question,
  contestants: readonly Contestant[],
  { rounds, effort, progress }: AskOptions,
  leaveOut: LeaveOut,
): Promise<Round[]> {
  const results: Round[] = [];
  let order = [...contestants];
  for (let round = 1; round <= rounds; round++) {
    const found = new Map<string, Figures>();
    for (const contestant of order) {
      const started = await contestant.start();
      if (typeof started === "string") {
        leaveOut(contestant.name, started);
        order = order.filter((other) => other !== contestant);
        continue;
      }
      await using running = started;
      const figures = await measured(question, running, effort, contestant);
      found.set(contestant.name, figures);
      progress?.(`round ${round}/${rounds} ${contestant.name} ${show(figures)}`);
    }
    results.push(found);
    order = order.toReversed();
  }
  return results;
}

async function measured(
  question: Question,
  running: Running,
  effort: number,
  contestant: Contestant,
): Promise<Figures> {
  const what = `Cannot measure ${contestant.name} in ${question.name}`;
  const figures = await question.measure(running, effort, contestant).catch((error: unknown) => {
    throw new Error(`${what}: it failed`, { cause: error });
  });
  for (const [name, value] of Object.entries(figures)) {
    // It could be no part of a ratio, and means that what was asked for is too little to be seen.
    if (!Number.isFinite(value) || value <= 0) throw new Error(`${what}: ${name} must be above 0, found ${value}`);
  }
  return figures;
}

function show(figures: Figures): string {
  return Object.entries(figures)
    .map(([name, value]) => `${name} ${value.toPrecision(3)}`)
    .join(", ");
}
