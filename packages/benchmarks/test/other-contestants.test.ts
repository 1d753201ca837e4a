/**
 * Every contestant of the questions about workers, memory, latency, datagrams, limits and imports answers rightly: the load rejects otherwise.
 * Who is not installed says so, which is all that can be held there.
 */
import { leakCheck } from "@socketserver/testing";
import { describe, expect, test } from "vitest";

import { openLoop } from "../src/load/open-loop.ts";
import { datagrams } from "../src/questions/datagrams.ts";
import { importTime } from "../src/questions/import-time.ts";
import { latency } from "../src/questions/latency.ts";
import { limits } from "../src/questions/limits.ts";
import { memory } from "../src/questions/memory.ts";
import { processes } from "../src/questions/processes.ts";
import { threads } from "../src/questions/threads.ts";

/** Little of everything; where a question has a least amount, that. */
const TINY = 0.01;

describe.each([threads, processes, memory, latency, datagrams, limits, importTime])("$name", (question) => {
  test.each(question.contestants)("$name answers, or says why it is not there", async (contestant) => {
    const expectNothingLeft = leakCheck();
    {
      const started = await contestant.start();
      if (typeof started === "string") {
        expect(started).toMatch(/^(?:go|python3) is not installed/);
      } else {
        await using running = started;
        const figures = await question.measure(running, TINY, contestant);
        expect(Object.keys(figures)).toEqual(question.figures.map(({ name }) => name));
        expect(Object.values(figures).every((figure) => Number.isFinite(figure))).toBe(true);
      }
    }
    await expectNothingLeft();
  });

  test("has goals that name its contestants and figures, and fails only well above them", () => {
    const names = question.contestants.map(({ name }) => name);
    for (const { against, ours, figure, atMost, quickAtMost } of question.goals) {
      expect(names).toContain(against);
      expect(names).toContain(ours ?? names[0]);
      expect(question.figures.map(({ name }) => name)).toContain(figure);
      expect(quickAtMost).toBeGreaterThanOrEqual(atMost * 1.2);
    }
  });
});

describe("latency", () => {
  test.each(latency.contestants.filter(({ name }) => /taken over|replaced/.test(name)))(
    "$name: connections really end meanwhile, and nothing is lost",
    async (contestant) => {
      const started = await contestant.start();
      if (typeof started === "string") throw new Error(started);
      await using running = started;
      const load = { requestsPerSecond: 500, seconds: 1.5, connections: 10, size: 64 };
      expect((await openLoop(running.port, load)).reconnects).toBeGreaterThan(0);
    },
  );
});
