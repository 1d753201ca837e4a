import { leakCheck, runHandler, serve, talk } from "@socketserver/testing";
import { beforeEach, describe, expect, test } from "vitest";

import { needs } from "../../packages/core/test/support/peers.ts";
import { Program } from "../../packages/core/test/support/program.ts";
import { CalculatorHandler } from "../json-calculator.ts";
import { addressOf, runExample } from "./support/run-example.ts";

beforeEach(() => leakCheck());

const SUM = '{"left":2,"operator":"+","right":3}';
const WRONG = "Cannot decode message: it does not fit the schema; ";

describe("CalculatorHandler", () => {
  test.each([
    { line: SUM, answer: { result: 5 } },
    { line: '{"left":2,"operator":"-","right":3}', answer: { result: -1 } },
    { line: '{"left":2,"operator":"*","right":3.5}', answer: { result: 7 } },
    { line: '{"left":7,"operator":"/","right":2}', answer: { result: 3.5 } },
    { line: '{"left":0,"operator":"/","right":0}', answer: { error: "division by zero" } },
    { line: '{"left":1e308,"operator":"*","right":10}', answer: { error: "the result is too large" } },
    { line: "2 + 3", answer: { error: "Cannot decode message: it is no JSON at position 2" } },
    { line: "", answer: { error: "Cannot decode message: it is no JSON" } },
    { line: "[]", answer: { error: expect.stringMatching(`^${WRONG}Invalid input`) } },
    { line: '{"left":1e999,"operator":"+","right":1}', answer: { error: expect.stringMatching(`^${WRONG}left: `) } },
    { line: '{"left":1,"operator":"constructor","right":1}', answer: { error: expect.stringContaining("operator: ") } },
    { line: '{"operator":"+","right":"1"}', answer: { error: expect.stringMatching(/; left: .*; right: /) } },
  ])("answers $line, and goes on", async ({ line, answer }) => {
    const { output, closeReason } = await runHandler(CalculatorHandler, `${line}\n${SUM}\r\n`);
    const answers = output.toString().trimEnd().split("\n");
    expect(answers.map((text): unknown => JSON.parse(text))).toEqual([answer, { result: 5 }]);
    expect(closeReason).toBe("peer-end");
  });

  test.each([
    { what: "too long", end: `${" ".repeat(1025)}\n`, error: "it is longer than 1024 bytes", reason: "too-big" },
    { what: "cut off", end: "[", error: "the stream ended in the middle of it, after 1 bytes", reason: "protocol" },
  ])("says what is wrong with a line that is $what, and hangs up", async ({ end, error, reason }) => {
    await using running = await serve(CalculatorHandler);
    const answer = await talk(running.address, `${SUM}\n${end}`);
    expect(answer.toString()).toBe(`{"result":5}\n{"error":"Cannot decode message: ${error}"}\n`);
    expect(await running.closedCount(1)).toMatchObject([{ reason }]);
  });
});

describe("json-calculator.ts", () => {
  test("answers lines with lines", async () => {
    await using program = runExample("json-calculator.ts");
    const answer = await talk(await addressOf(program), `${SUM}\n`.repeat(3));
    expect(answer.toString()).toBe('{"result":5}\n'.repeat(3));
    expect(await program.end("SIGINT")).toMatchObject({ code: 0, stderr: "" });
  });

  describe("with nc", () => {
    beforeEach(needs("nc"));

    test("prints a line to try that works as it is", async () => {
      await using program = runExample("json-calculator.ts");
      const [line] = await program.line(/^ {2}printf .* \| nc .*$/);
      await using shell = new Program("sh", ["-c", line]);
      expect(await shell.end()).toMatchObject({ code: 0, stdout: '{"result":5}', stderr: "" });
      expect(await program.end("SIGINT")).toMatchObject({ code: 0, stderr: "" });
    });
  });
});
