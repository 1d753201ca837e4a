import { page } from "./page.ts";
import { plot } from "./plot.ts";
import type { Report } from "./report.ts";

/** What a report looks like as files: their paths in the folder of the results, and their text. */
export function files(report: Report): ReadonlyMap<string, string> {
  const plots = report.answers.flatMap((answer) => {
    const svg = plot(answer);
    return svg === undefined ? [] : [[`performance/${answer.name}.svg`, svg] as const];
  });
  return new Map([
    ["performance.json", `${JSON.stringify(report, undefined, 2)}\n`],
    ["performance.md", page(report)],
    ...plots,
  ]);
}
