/**
 * Every contestant of the questions about throughput answers rightly: the load rejects otherwise. Who is not installed says so, which is
 * all that can be held there.
 */
import { leakCheck } from "@socketserver/testing";
import { describe, expect, test } from "vitest";

import { connect } from "../src/questions/connect.ts";
import { echo } from "../src/questions/echo.ts";
import { lines } from "../src/questions/lines.ts";
import { pipelined } from "../src/questions/pipelined.ts";
import { transfers } from "../src/questions/transfers.ts";

/** A few hundred requests: enough for each connection to have some. */
const TINY = 0.01;

describe.each([echo, lines, pipelined, transfers, connect])("$name", (question) => {
  test.each(question.contestants)("$name answers, or says why it is not there", async (contestant) => {
    const expectNothingLeft = leakCheck();
    {
      const started = await contestant.start();
      if (typeof started === "string") {
        expect(started).toMatch(/^(?:go|gcc|bun|python3|uvloop) is not installed/);
      } else {
        await using running = started;
        const figures = await question.measure(running, TINY, contestant);
        expect(Object.keys(figures)).toEqual(question.figures.map(({ name }) => name));
        expect(figures["rate"]).toBeGreaterThan(0);
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
