import { leakCheck } from "@socketserver/testing";
import { existsSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { program, type ProgramOptions } from "../src/contestants/program.ts";
import type { Running } from "../src/question.ts";

const fixture = (file: string, more: Partial<ProgramOptions> = {}) => {
  return program({ name: "fixture", file: join(import.meta.dirname, "programs", file), ...more });
};

async function started(contestant: ReturnType<typeof program>): Promise<Running> {
  const running = await contestant.start();
  if (typeof running === "string") throw new Error(running);
  return running;
}

let expectNothingLeft: () => Promise<void>;
beforeEach(() => {
  expectNothingLeft = leakCheck();
});
afterEach(() => expectNothingLeft());

describe("program()", () => {
  test("is absent, and says why, if what runs it is not installed", async () => {
    const contestant = fixture("sleeps.ts", { command: ["no-such-runtime"] });
    expect(await contestant.start()).toBe("no-such-runtime is not installed");
  });

  test("is absent if the program says so", async () => {
    expect(await fixture("speaks.ts", { args: ["absent it rains"] }).start()).toBe("it rains");
  });

  test("rejects with what the program complained of if it ends", async () => {
    await expect(fixture("no-such-file.ts").start()).rejects.toThrow(/^Cannot start fixture: it ended without.*Error/s);
  });

  test("rejects if the program says nothing in time", async () => {
    const contestant = fixture("silent.ts", { startLimitMs: 1000 });
    await expect(contestant.start()).rejects.toThrow(/^Cannot start fixture: it said nothing for 1 s/);
  });

  test.each(["hello", "listening", "listening zero", "listening 0", ""])("rejects the first line %j", async (line) => {
    const received = `received ${JSON.stringify(line)}`;
    await expect(fixture("speaks.ts", { args: [line] }).start()).rejects.toThrow(received);
  });

  test("refuses a kind of file that it does not know", () => {
    expect(() => fixture("x.rb")).toThrow("name the command that runs it");
  });

  test.each(["sleeps.ts", "stubborn.ts"])("leaves nothing running: %s", async (file) => {
    const running = await started(fixture(file));
    expect(existsSync(`/proc/${running.pid}`)).toBe(true);
    await running[Symbol.asyncDispose]();
    expect(existsSync(`/proc/${running.pid}`)).toBe(false);
    await running[Symbol.asyncDispose]();
  });

  test("says what a compiler says, and leaves no folder", async () => {
    const folders = (): string[] => readdirSync(tmpdir()).filter((name) => name.startsWith("benchmark-"));
    const before = folders();
    // Without a compiler it is absent, which is all that can be seen there.
    const found = await fixture("broken.c")
      .start()
      .catch((error: unknown) => String(error));
    expect(found).toMatch(/Cannot compile fixture: .*undeclared|gcc is not installed/s);
    expect(folders().filter((name) => !before.includes(name))).toEqual([]);
  });
});
