import type { Ratio } from "../../src/measure/compare.ts";
import type { Spread } from "../../src/measure/spread.ts";
import { answerOf, type Answer, type Report } from "../../src/report/report.ts";
import { fakeContestant, fakeQuestion } from "./fakes.ts";

const around = (median: number): Spread => {
  const [min, max] = [median * 0.9, median * 1.25];
  return { median, min, max, lowerQuartile: min, upperQuartile: max };
};

const ratio = (against: string, figure: string, median: number, more: Partial<Ratio> = {}): Ratio => {
  return { ours: "ours", against, figure, ratio: around(median), ...more };
};

/** An answer with everything that a page and a plot may have to show. */
export const EXAMPLE_ANSWER: Answer = answerOf(
  fakeQuestion([fakeContestant("ours"), fakeContestant("a < b & c | d")], () => ({})),
  {
    question: "fake",
    rounds: 3,
    contestants: [
      { name: "ours", figures: { cpu: around(12.3456), rate: around(81_234) } },
      { name: "a < b & c | d", figures: { cpu: around(6.1728), rate: around(40_617) } },
      { name: "slow", figures: { cpu: around(24) } },
    ],
    ratios: [
      ratio("a < b & c | d", "cpu", 2, { atMost: 1.5, quickAtMost: 2.5 }),
      ratio("a < b & c | d", "rate", 2),
      ratio("slow", "cpu", 0.5, { atMost: 0.8, quickAtMost: 1 }),
    ],
    absent: [{ name: "Go", reason: "go is not installed" }],
  },
);

/** A report of that answer. */
export const EXAMPLE_REPORT: Report = {
  command: "npm run bench -- --out docs",
  machine: {
    date: "2026-01-02T03:04:05.000Z",
    commit: "0123456789ab",
    processor: "Example 9000",
    cores: 2,
    memory: 8,
    load: 0.1,
    kernel: "Linux 6.1",
    versions: { "Node.js": "26.10.0", Python: "3.11.2" },
  },
  answers: [EXAMPLE_ANSWER],
};
