import { leakCheck } from "@socketserver/testing";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { describe, expect, test } from "vitest";

import { program } from "../src/contestants/program.ts";
import { processorTime } from "../src/measure/processor-time.ts";
import type { Running } from "../src/question.ts";

const SECOND = 1_000_000;

async function start(file: string, ...args: readonly string[]): Promise<Running> {
  const running = await program({ name: file, file: join(import.meta.dirname, "programs", file), args }).start();
  if (typeof running === "string") throw new Error(running);
  return running;
}

/** Wait until a process has used so much. The test's own limit is the bound. */
async function used(pid: number, atLeast: number): Promise<number> {
  for (;;) {
    const found = processorTime(pid);
    if (found >= atLeast) return found;
    await wait(20);
  }
}

describe("processorTime()", () => {
  test.each(["itself", "thread", "child"])("sees what a process burns: %s", async (where) => {
    const expectNothingLeft = leakCheck();
    {
      await using running = await start("burns.ts", where);
      // At least what it burnt, and far less than if a unit were wrong.
      expect(await used(running.pid, 0.45 * SECOND)).toBeLessThan(5 * SECOND);
    }
    await expectNothingLeft();
  });

  test("does not count the time in which a process sleeps", async () => {
    await using running = await start("sleeps.ts");
    // It may still be at the end of its start.
    await wait(200);
    const before = processorTime(running.pid);
    await wait(500);
    expect(processorTime(running.pid) - before).toBeLessThan(0.1 * SECOND);
  });

  test("refuses a process that does not exist", () => {
    expect(() => processorTime(2 ** 30)).toThrow("there is no process 1073741824");
  });
});
