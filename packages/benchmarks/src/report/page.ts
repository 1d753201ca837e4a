/**
 * The page: Markdown, from a report alone.
 *
 * @module
 */
import type { ContestantResult, Ratio } from "../measure/compare.ts";
import type { Spread } from "../measure/spread.ts";
import type { FigureKind } from "../question.ts";
import type { Machine } from "./machine.ts";
import type { Answer, Report } from "./report.ts";

type Row = readonly string[];

const HOW_TO_READ = `Ours and the others are measured in the same run, in turn, round after round, forwards and then backwards. Each ratio is ours divided by
theirs in the same round; the tables give the median of the rounds and, in brackets, the least and the greatest. A machine that is slow
for a while slows both sides of a ratio, so ratios can be compared between machines, and absolute figures cannot.

Processor time is that of the server's process and its children, in user and kernel mode. It does not depend on who asks. What is
counted a second is a figure of the pair: the program that asks runs on the same machine, and may be the slower one.`;

/** Render a report. */
export function page(report: Report): string {
  const parts = [
    "# Performance",
    "<!-- Rendered from performance.json: to change it, run the command below. -->",
    HOW_TO_READ,
    "To repeat it:",
    `\`\`\`sh\n${report.command}\n\`\`\``,
    "## Goals",
    goals(report.answers),
    "## Where it was measured",
    table(["", ""], machineRows(report.machine)),
    ...report.answers.flatMap(section),
  ];
  return `${parts.join("\n\n")}\n`;
}

function goals(answers: readonly Answer[]): string {
  const rows = answers.flatMap(({ name, comparison }) => {
    return comparison.ratios.flatMap(({ ours, against, figure, ratio, atMost }): Row[] => {
      if (atMost === undefined) return [];
      const reached = ratio.median <= atMost ? "reached" : "**missed**";
      return [[`[${name}](#${name})`, `${ours} / ${against}, ${figure}`, showRatio(ratio), String(atMost), reached]];
    });
  });
  return rows.length === 0
    ? "None of these questions has one."
    : table(["question", "ratio", "found", "at most", ""], rows);
}

function machineRows({ date, commit, processor, cores, memory, load, kernel, versions }: Machine): Row[] {
  return [
    ["date", date],
    ["commit", commit],
    ["processor", `${processor}, ${cores} ${cores === 1 ? "core" : "cores"}`],
    ["memory", `${memory} GiB`],
    ["load in the minute before", String(load)],
    ["kernel", kernel],
    ...Object.entries(versions),
  ];
}

function section(answer: Answer): string[] {
  const { name, title, notAnswered, figures, comparison } = answer;
  const { contestants, absent, rounds } = comparison;
  const ratios = table(...ratioTable(answer));
  return [
    `## ${name}`,
    `${title}. ${rounds} ${rounds === 1 ? "round" : "rounds"}; medians:`,
    table(
      ["", ...figures.map(heading)],
      contestants.map((contestant) => [contestant.name, ...medians(contestant, figures)]),
    ),
    ...(comparison.ratios.length === 0
      ? []
      : ["Ours divided by theirs:", ratios, `![${title}](performance/${name}.svg)`]),
    `*Not answered:* ${notAnswered}`,
    ...absent.map((each) => `*Not there:* ${each.name}, because ${each.reason}.`),
  ];
}

function heading({ name, unit }: FigureKind): string {
  return `${name} (${unit})`;
}

function medians({ figures }: ContestantResult, kinds: readonly FigureKind[]): string[] {
  return kinds.map(({ name }) => {
    const found = figures[name];
    return found === undefined ? "" : showFigure(found.median);
  });
}

/** One row for each pair, one column for each figure that has a ratio. */
function ratioTable({ figures, comparison: { ratios } }: Answer): [Row, Row[]] {
  const columns = figures.filter(({ name }) => ratios.some(({ figure }) => figure === name));
  const pairs = new Set(ratios.map(pairOf));
  const rows = [...pairs].map((pair) => {
    const found = ratios.filter((ratio) => pairOf(ratio) === pair);
    return [pair, ...columns.map((column) => cell(column, found))];
  });
  const direction = (kind: FigureKind): string => `${kind.name} (${kind.lessIsBetter ? "less" : "more"} is better)`;
  return [["", ...columns.map(direction)], rows];
}

function pairOf({ ours, against }: Ratio): string {
  return `${ours} / ${against}`;
}

function cell({ name }: FigureKind, ratios: readonly Ratio[]): string {
  const found = ratios.find(({ figure }) => figure === name);
  if (found === undefined) return "";
  return `${showRatio(found.ratio)}${found.atMost === undefined ? "" : `, goal ${found.atMost}`}`;
}

function showRatio({ median, min, max }: Spread): string {
  return `**${median.toFixed(2)}** (${min.toFixed(2)} to ${max.toFixed(2)})`;
}

/** Three digits, which is more than such a measurement is good for. */
function showFigure(value: number): string {
  return new Intl.NumberFormat("en-GB", { maximumSignificantDigits: 3 }).format(value);
}

function table(headings: Row, rows: readonly Row[]): string {
  const lines = [headings, headings.map((_, index) => (index === 0 ? "---" : "---:")), ...rows];
  return lines.map((cells) => `| ${cells.map((text) => text.replaceAll("|", "\\|")).join(" | ")} |`).join("\n");
}
