import { program } from "../contestants/program.ts";
import { askNumbers } from "../load/ask-numbers.ts";
import { spread } from "../measure/spread.ts";
import type { Question } from "../question.ts";

const PROCESSES = 7;

/** As few as a quick run has: the median of fewer is one of them. */
const LEAST_PROCESSES = 5;

/** What it costs to begin. */
export const importTime: Question = {
  name: "import",
  title: "Importing the package in a fresh process",
  notAnswered:
    "A first import after the machine has started, when the files are not in memory yet. How much is installed is held by the check of the " +
    "packages: at most 400 KiB with the one dependency.",
  figures: [{ name: "import", unit: "ms", lessIsBetter: true }],
  contestants: [
    program({ name: "@socketserver/core", file: "import-times.ts", args: ["@socketserver/core"] }),
    program({ name: "node:net and eventemitter3", file: "import-times.ts", args: ["node:net", "eventemitter3"] }),
  ],
  goals: [{ against: "node:net and eventemitter3", figure: "import", atMost: 1.5, quickAtMost: 4 }],
  async measure({ port }, effort) {
    const times = Math.max(Math.ceil(PROCESSES * effort), LEAST_PROCESSES);
    return { import: spread(await askNumbers(port, times)).median };
  },
};
