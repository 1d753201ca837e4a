import { expect, test } from "vitest";

import { runProgram } from "../support/run-program.ts";

/** How often Node may end the whole program, which it does now and then, before the test gives up. */
const ATTEMPTS = 5;

test("a thread that runs out of heap is lost alone, with the runtime's own error, and replaced", async () => {
  let end = await runProgram("thread-heap-program.ts");
  // Without an exit code it was a signal: the runtime aborted.
  for (let attempt = 1; end.code === null && attempt < ATTEMPTS; attempt++) {
    end = await runProgram("thread-heap-program.ts");
  }
  expect(end.code).toBe(0);
  expect(JSON.parse(end.stdout)).toEqual({
    answer: 0,
    id: 2,
    lost: 1,
    code: "ERR_WORKER_OUT_OF_MEMORY",
    stillThere: true,
    reasons: ["worker-lost"],
  });
});
