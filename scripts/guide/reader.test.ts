import { mkdtempDisposable } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import { Reader } from "./reader.ts";
import type { Step } from "./steps.ts";

const SERVER = `node -e 'process.on("SIGINT", () => { console.log("closed"); process.exit(); }); console.log("open"); setInterval(() => {}, 1e6)'`;

/** Follows these steps in an empty folder. */
async function follow(...steps: readonly Step[]): Promise<void> {
  await using folder = await mkdtempDisposable(join(tmpdir(), "reader-"));
  await using reader = new Reader(folder.path, join(folder.path, "notes"), process.env);
  for (const step of steps) await reader.follow(step);
}

describe("Reader", () => {
  test("saves, runs, serves and interrupts as a guide says", async () => {
    await follow(
      { line: 1, action: "save", file: "name.txt", text: "Ada\n" },
      { line: 2, action: "serve", commands: SERVER, printed: "open" },
      { line: 3, action: "run", commands: "cat name.txt", printed: "Ada" },
      { line: 4, action: "interrupt", printed: "closed" },
    );
  });

  test("stays in the folder into which a command went", async () => {
    await follow(
      { line: 1, action: "run", commands: "mkdir inner\ncd inner" },
      { line: 2, action: "run", commands: "basename $PWD", printed: "inner" },
    );
  });

  test("says what was printed instead", async () => {
    const step: Step = { line: 1, action: "run", commands: "echo 4", printed: "5" };
    await expect(follow(step)).rejects.toThrow("says:\n5\n  but it prints:\n4");
  });

  test("says that a command failed", async () => {
    await expect(follow({ line: 1, action: "run", commands: "echo no >&2; exit 3" })).rejects.toThrow(
      "ended with 3:\nno",
    );
  });

  test("says so if a server ends before it has printed all, also by a signal", async () => {
    for (const end of ["exit 1", "kill -KILL $$"]) {
      const step: Step = { line: 1, action: "serve", commands: `sh -c 'echo op; ${end}'`, printed: "open" };
      await expect(follow(step), end).rejects.toThrow("but it prints:\nop");
    }
  });

  test("says so if a server ends badly when it is interrupted", async () => {
    const commands = `node -e 'process.on("SIGINT", () => process.exit(2)); console.log("open"); setInterval(() => {}, 1e6)'`;
    const serve: Step = { line: 1, action: "serve", commands, printed: "open" };
    await expect(follow(serve, { line: 2, action: "interrupt", printed: "" })).rejects.toThrow(
      "the server ended badly",
    );
  });
});
