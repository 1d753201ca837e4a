import { parseArgs } from "node:util";

import type { Question } from "./question.ts";

/** What the command was asked for. */
export interface Command {
  readonly help: boolean;
  readonly quick: boolean;
  readonly questions: readonly Question[];
  readonly rounds: number | undefined;
  /** The folder to write to. */
  readonly out: string;
}

/** The caller's mistake: a message and no stack. */
export class UsageError extends Error {}

/** Where results go that nobody publishes; git ignores it. */
const OWN_FOLDER = "bench-results";
const MAX_ROUNDS = 1000;

/** What `--help` prints. */
export const USAGE = `npm run bench -- [--quick] [--only NAME,NAME] [--rounds N] [--out FOLDER]

  --quick    only what has a goal, in under a minute; exit code 1 if something has become much dearer
  --only     these questions and no others
  --rounds   how often each contestant is measured
  --out      the folder for performance.json, performance.md and performance/*.svg; ${OWN_FOLDER} unless given
  --help     this`;

/**
 * Read the arguments of the command.
 *
 * @throws UsageError that shows what is wrong, and what would be right.
 */
export function readCommandLine(args: readonly string[], questions: readonly Question[]): Command {
  const { help = false, quick = false, only, rounds, out = OWN_FOLDER } = parse(args);
  if (out === "") throw new UsageError('Cannot write results: --out must name a folder, received ""');
  return { help, quick, questions: chosen(only, quick, questions), rounds: roundsOf(rounds), out };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        help: { type: "boolean" },
        quick: { type: "boolean" },
        only: { type: "string" },
        rounds: { type: "string" },
        out: { type: "string" },
      },
    }).values;
  } catch (error) {
    throw new UsageError(`Cannot read the arguments: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function chosen(only: string | undefined, quick: boolean, questions: readonly Question[]): readonly Question[] {
  if (only === undefined) return quick ? questions.filter(({ goals }) => goals.length > 0) : questions;
  return only.split(",").map((name) => {
    const found = questions.find((question) => question.name === name.trim());
    if (found !== undefined) return found;
    const names = questions.map((question) => question.name).join(", ");
    throw new UsageError(`Cannot ask ${JSON.stringify(name.trim())}: --only must name some of ${names}`);
  });
}

function roundsOf(given: string | undefined): number | undefined {
  if (given === undefined) return undefined;
  const rounds = Number(given);
  if (/^\d+$/.test(given) && rounds >= 1 && rounds <= MAX_ROUNDS) return rounds;
  throw new UsageError(
    `Cannot measure: --rounds must be a whole number from 1 to ${MAX_ROUNDS}, received ${JSON.stringify(given)}`,
  );
}
