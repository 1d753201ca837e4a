import { AsyncTCPServer } from "@socketserver/core";
import { leakCheck, serve } from "@socketserver/testing";
import { beforeEach, describe, expect, test } from "vitest";

import { parse } from "../calculator-client.ts";
import { CalculatorHandler } from "../json-calculator.ts";
import { runExample } from "./support/run-example.ts";

beforeEach(() => leakCheck());

const NO_CONNECTION = /^There is no connection \(.*\): next attempt in \d+ ms$/m;

describe("parse()", () => {
  test.each([
    ["2 + 3", { left: 2, operator: "+", right: 3 }],
    ["-2*-.5", { left: -2, operator: "*", right: -0.5 }],
    ["  7 /2 ", { left: 7, operator: "/", right: 2 }],
    ["4-1", { left: 4, operator: "-", right: 1 }],
    ["2 +", undefined],
    ["2 ^ 3", undefined],
    ["1.2.3 + 4", undefined],
    ["", undefined],
  ])("reads %j", (line, calculation) => {
    expect(parse(line)).toEqual(calculation);
  });
});

describe("calculator-client.ts", () => {
  test("prints a result for each line, and what is wrong with the others", async () => {
    await using running = await serve(CalculatorHandler, { server: AsyncTCPServer });
    await using client = runExample("calculator-client.ts", [String(running.port)]);
    client.input("2 + 3\n7 / 0\nwhat\n1-2");
    const { code, stdout, stderr } = await client.end();
    expect(stdout.split("\n")).toEqual(["2 + 3 = 5", "7 / 0: division by zero", "what: write 2 + 3", "1-2 = -1"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(await running.closedCount(1)).toMatchObject([{ reason: "peer-end" }]);
  });

  test("comes back to a server that was away", async () => {
    const first = await serve(CalculatorHandler, { server: AsyncTCPServer });
    await using client = runExample("calculator-client.ts", [String(first.port)]);
    client.write("1 + 1\n");
    await client.line(/^1 \+ 1 = 2$/);
    await first.close();
    client.write("2 + 2\n");
    await using second = await serve(CalculatorHandler, { server: AsyncTCPServer, address: first.address });
    await client.line(/^2 \+ 2 = 4$/);
    client.input("");
    const { code, stderr } = await client.end();
    expect(stderr).toMatch(NO_CONNECTION);
    expect(second.requests).toHaveLength(1);
    expect(code).toBe(0);
  });
});
