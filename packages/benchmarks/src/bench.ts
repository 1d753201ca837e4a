/**
 * The command: asks the questions, prints what it finds, and writes the page and the plots.
 *
 *     npm run bench                            everything, in a few minutes
 *     npm run bench -- --quick                 what has a goal, in under a minute; fails on a regression
 *     npm run bench -- --only echo --rounds 3
 *     npm run bench -- --out docs              what is published
 */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

import { answer, missedGoals, regressions } from "./answer.ts";
import { readCommandLine, USAGE, UsageError, type Command } from "./command-line.ts";
import type { Comparison, Ratio } from "./measure/compare.ts";
import type { Question } from "./question.ts";
import { QUESTIONS } from "./questions/index.ts";
import { files } from "./report/files.ts";
import { machine } from "./report/machine.ts";
import { answerOf, type Report } from "./report/report.ts";

const MISUSED = 2;

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

const ERASE_LINE = "\r\u001B[K";

/** On a terminal, what is going on is shown in one line that is written over; elsewhere only what stays. */
function progress(line: string): void {
  const { isTTY, columns } = process.stderr;
  if (isTTY) process.stderr.write(ERASE_LINE);
  if (!line.startsWith("round ")) say(`  ${line}`);
  else if (isTTY) process.stderr.write(`  ${line.slice(0, columns - 3)}`);
}

function print({ question, contestants, ratios }: Comparison): void {
  if (process.stderr.isTTY) process.stderr.write(ERASE_LINE);
  const width = Math.max(...contestants.map(({ name }) => name.length));
  for (const { name, figures } of contestants) {
    const medians = Object.entries(figures).map(([figure, { median }]) => `${figure} ${Number(median.toPrecision(3))}`);
    say(`  ${name.padEnd(width)}  ${medians.join("  ")}`);
  }
  for (const ratio of ratios) say(`  ${question}: ${described(ratio)}`);
}

function described({ ours, against, figure, ratio: { median, min, max }, atMost }: Ratio): string {
  const found = `${median.toFixed(2)} (${min.toFixed(2)} to ${max.toFixed(2)})`;
  const goal = atMost === undefined ? "" : `, goal ${atMost}: ${median <= atMost ? "reached" : "MISSED"}`;
  return `${figure} of ${ours} / ${against}: ${found}${goal}`;
}

/** What a reader types to have it again. */
function repeating(args: readonly string[]): string {
  const python = process.env["PYTHON"];
  return [...(python ? [`PYTHON=${python}`] : []), "npm run bench", ...(args.length > 0 ? ["--", ...args] : [])].join(
    " ",
  );
}

async function write(report: Report, folder: string): Promise<void> {
  for (const [path, text] of files(report)) {
    const file = join(folder, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
  }
  say(`written: ${folder}/performance.md, performance.json and performance/*.svg`);
}

/** A goal against one that is not here is neither reached nor missed. */
function sumUp(questions: readonly Question[], comparisons: readonly Comparison[]): void {
  const goals = questions.flatMap((question) => question.goals).length;
  const measured = comparisons.flatMap(({ ratios }) => ratios.filter(({ atMost }) => atMost !== undefined)).length;
  const missed = comparisons.flatMap(missedGoals).length;
  say(`goals: ${measured - missed} reached, ${missed} missed, ${goals - measured} not measured`);
}

async function bench({ quick, questions, rounds, out }: Command, args: readonly string[]): Promise<void> {
  const where = machine();
  const comparisons: Comparison[] = [];
  const answers: Report["answers"][number][] = [];
  for (const question of questions) {
    say(`${question.name}: ${question.title}`);
    const comparison = await answer(question, { quick, rounds, progress });
    print(comparison);
    comparisons.push(comparison);
    answers.push(answerOf(question, comparison));
  }
  await write({ command: repeating(args), machine: where, answers }, out);
  sumUp(questions, comparisons);
  const worse = quick ? comparisons.flatMap(regressions) : [];
  for (const ratio of worse) say(`REGRESSION, above ${ratio.quickAtMost}: ${described(ratio)}`);
  if (worse.length > 0) process.exitCode = 1;
}

const args = process.argv.slice(2);
try {
  const command = readCommandLine(args, QUESTIONS);
  if (command.help) {
    say(USAGE);
  } else {
    if (process.platform !== "linux") {
      throw new UsageError(
        `Cannot measure: processor time is read from /proc, which needs Linux, and this is ${process.platform}`,
      );
    }
    await bench(command, args);
  }
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = MISUSED;
}
