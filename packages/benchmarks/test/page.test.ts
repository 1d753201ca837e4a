import { describe, expect, test } from "vitest";

import { page } from "../src/report/page.ts";
import { EXAMPLE_REPORT } from "./support/example-report.ts";

const rendered = page(EXAMPLE_REPORT);

describe("page()", () => {
  test("says where, when and with what it was measured, and how to repeat it", () => {
    const { machine, command } = EXAMPLE_REPORT;
    const versions = Object.values(machine.versions);
    for (const fact of [machine.date, machine.commit, machine.processor, machine.kernel, command, ...versions]) {
      expect(rendered).toContain(fact);
    }
  });

  test("shows each goal with what was found", () => {
    expect(rendered).toContain(
      "| [fake](#fake) | ours / a < b & c \\| d, cpu | **2.00** (1.80 to 2.50) | 1.5 | **missed** |",
    );
    expect(rendered).toContain("| [fake](#fake) | ours / slow, cpu | **0.50** (0.45 to 0.63) | 0.8 | reached |");
  });

  test("shows the medians of each contestant to three digits, and nothing for a figure that it has not", () => {
    expect(rendered).toContain("|  | cpu (µs of processor time a request) | rate (requests a second) |");
    expect(rendered).toContain("| ours | 12.3 | 81,200 |");
    expect(rendered).toContain("| slow | 24 |  |");
  });

  test("shows the ratios with their spread, and which way is better", () => {
    expect(rendered).toContain("|  | cpu (less is better) | rate (more is better) |");
    expect(rendered).toContain(
      "| ours / a < b & c \\| d | **2.00** (1.80 to 2.50), goal 1.5 | **2.00** (1.80 to 2.50) |",
    );
    expect(rendered).toContain("| ours / slow | **0.50** (0.45 to 0.63), goal 0.8 |  |");
  });

  test("says what a question does not answer, and who was not there", () => {
    expect(rendered).toContain("*Not answered:* Anything.");
    expect(rendered).toContain("*Not there:* Go, because go is not installed.");
  });

  test("shows the plot", () => {
    expect(rendered).toContain("![Nothing there & back](performance/fake.svg)");
  });
});
