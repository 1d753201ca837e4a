import { leakCheck } from "@socketserver/testing";
import { join } from "node:path";
import { describe, expect, test } from "vitest";

import { program } from "../src/contestants/program.ts";
import { settledMemory } from "../src/measure/settled-memory.ts";
import type { Running } from "../src/question.ts";

const MEBIBYTE = 1_048_576;

async function start(...args: readonly string[]): Promise<Running> {
  const running = await program({ name: "keeps", file: join(import.meta.dirname, "programs/keeps.ts"), args }).start();
  if (typeof running === "string") throw new Error(running);
  return running;
}

describe("settledMemory()", () => {
  test.each(["itself", "child"])("sees what a process keeps: %s", async (where) => {
    const expectNothingLeft = leakCheck();
    {
      await using small = await start(where, "1");
      await using large = await start(where, "101");
      const difference = ((await settledMemory(large.pid)) - (await settledMemory(small.pid))) / MEBIBYTE;
      expect(difference).toBeGreaterThan(90);
      expect(difference).toBeLessThan(120);
    }
    await expectNothingLeft();
  });

  test("refuses a process that does not exist", async () => {
    await expect(settledMemory(2 ** 30)).rejects.toThrow("there is no process 1073741824");
  });
});
