import { describe, expect, test } from "vitest";

import { runProgram } from "../support/run-program.ts";

describe("ForkingTCPServer", () => {
  test("keeps its workers in a program that preloads much", async () => {
    const preload = new URL("../fixtures/heavy-preload.ts", import.meta.url).pathname;
    const command = ["env", `NODE_OPTIONS=--require ${preload}`];
    const end = await runProgram("heavy-preload-program.ts", [], command);
    expect(end).toMatchObject({ code: 0, stderr: "" });
    expect(JSON.parse(end.stdout)).toEqual({ preloaded: true, exits: [], answer: "hello\n" });
  });
});

describe.each(["threading", "forking"])("A handler in a worker of a %s server", (outer) => {
  test.each(["threading", "forking"])("starts a %s server with classes of the main module", async (inner) => {
    const { code, stdout, stderr } = await runProgram("nested-program.ts", [outer, inner]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const [program, outside, inside, answer] = stdout.trim().split(" ");
    expect(answer).toBe(inner);
    // Three places: each is a process and a thread of it.
    expect(new Set([program, outside, inside]).size).toBe(3);
  });
});
