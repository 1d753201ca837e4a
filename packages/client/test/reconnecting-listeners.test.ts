/**
 * Listeners of a `ReconnectingChannel` that fail: in programs of their own, because such an error is one that nobody catches.
 *
 * @module
 */
import { describe, expect, test } from "vitest";

import { Program } from "../../core/test/support/program.ts";

const PROGRAM = new URL("./fixtures/failing-listeners-program.ts", import.meta.url).pathname;

describe("a listener of a ReconnectingChannel that throws, or rejects", () => {
  test("does the channel no harm: others hear, requests are answered, and it closes", async () => {
    await using program = new Program(process.execPath, [PROGRAM]);
    const { code, stdout, stderr } = await program.end();
    expect(stderr).toBe("");
    expect(code).toBe(0);
    const round = "connecting connected disconnected";
    expect(stdout).toMatch(/^reply one$/m);
    expect(stdout).toMatch(/^reply two$/m);
    expect(stdout).toMatch(new RegExp(`^heard ${round} waiting ${round} close$`, "m"));
  });

  test("has thrown what nobody caught: each error once", async () => {
    await using program = new Program(process.execPath, [PROGRAM]);
    await program.end();
    const uncaught = program.lines.filter((line) => line.startsWith("uncaught ")).toSorted();
    const events = ["close", "connected", "connecting", "disconnected", "waiting"];
    expect(uncaught).toEqual(events.flatMap((event) => [`uncaught ${event} rejects`, `uncaught ${event} throws`]));
  });

  test("ends a program that does not listen for such errors, with its stack", async () => {
    await using program = new Program(process.execPath, [PROGRAM, "uncaught"]);
    const { code, stderr } = await program.end();
    expect(code).toBe(1);
    expect(stderr).toContain("Error: connecting throws");
    expect(stderr).toContain("failing-listeners-program.ts");
  });
});
