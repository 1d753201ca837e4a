import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, test } from "vitest";

import { readCommandLine, UsageError } from "../src/command-line.ts";
import { fakeQuestion } from "./support/fakes.ts";

const goals = [{ against: "theirs", figure: "cpu", atMost: 1, quickAtMost: 1.5 }];
const first = fakeQuestion([], () => ({}), { name: "first", goals });
const second = fakeQuestion([], () => ({}), { name: "second" });

const read = (...args: readonly string[]) => readCommandLine(args, [first, second]);

describe("readCommandLine()", () => {
  test("asks everything, and writes where nobody publishes", () => {
    const asked = { help: false, quick: false, questions: [first, second], rounds: undefined, out: "bench-results" };
    expect(read()).toEqual(asked);
  });

  test("takes what it is given", () => {
    const { questions, rounds, out } = read("--only", "second, first", "--rounds", "3", "--out", "docs");
    expect(questions).toEqual([second, first]);
    expect(rounds).toBe(3);
    expect(out).toBe("docs");
  });

  test("asks quickly what has a goal, or what is named", () => {
    expect(read("--quick").questions).toEqual([first]);
    expect(read("--quick", "--only", "second").questions).toEqual([second]);
  });

  test.each([
    [["--only", "third"], 'Cannot ask "third": --only must name some of first, second'],
    [["--only", ""], 'Cannot ask "": --only must name some of first, second'],
    [["--rounds", "0"], 'Cannot measure: --rounds must be a whole number from 1 to 1000, received "0"'],
    [["--rounds", "1.5"], 'Cannot measure: --rounds must be a whole number from 1 to 1000, received "1.5"'],
    [["--rounds", "1001"], 'Cannot measure: --rounds must be a whole number from 1 to 1000, received "1001"'],
    [["--out", ""], 'Cannot write results: --out must name a folder, received ""'],
    [["--rounds"], "Cannot read the arguments: Option '--rounds <value>' argument missing"],
    [["--fast"], "Cannot read the arguments: Unknown option '--fast'"],
    [["echo"], "Cannot read the arguments: Unexpected argument 'echo'"],
  ])("refuses %j", (args, message) => {
    expect(() => read(...args)).toThrow(UsageError);
    expect(() => read(...args)).toThrow(message);
  });
});

describe("bench", () => {
  const bench = (...args: readonly string[]) => {
    return spawnSync(process.execPath, [join(import.meta.dirname, "../src/bench.ts"), ...args], { encoding: "utf8" });
  };

  test("says in one line what it was given wrongly, with exit code 2", () => {
    const { status, stdout, stderr } = bench("--rounds", "0");
    expect(status).toBe(2);
    expect(stdout).toBe("");
    expect(stderr).toBe('Cannot measure: --rounds must be a whole number from 1 to 1000, received "0"\n');
  });

  test("tells how it is used", () => {
    const { status, stdout } = bench("--help");
    expect(status).toBe(0);
    expect(stdout).toContain("--quick");
  });
});
