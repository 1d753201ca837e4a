import { AsyncTCPServer, BaseRequestHandler } from "@socketserver/core";
import { leakCheck, serve } from "@socketserver/testing";
import { beforeEach, describe, expect, test } from "vitest";

import { EchoHandler } from "../echo.ts";
import { load } from "../load.ts";
import { runExample } from "./support/run-example.ts";

beforeEach(() => leakCheck());

/** Answers one line of each client, and hangs up. */
class OnceHandler extends BaseRequestHandler {
  override async handle(): Promise<void> {
    await this.request.sendAll(await this.request.recv());
  }
}

describe("load()", () => {
  test("makes as many requests as it is told, over as many connections, and measures each", async () => {
    await using running = await serve(EchoHandler, { server: AsyncTCPServer });
    let done = 0;
    const plan = { server: { port: running.port }, connections: 4, pipeline: 3, requests: 500, message: "hi" };
    const { latencies, errors } = await load(plan, () => done++);
    expect(done).toBe(500);
    expect(latencies.count).toBe(500);
    expect(latencies.max).toBeGreaterThanOrEqual(latencies.percentile(50));
    expect(errors).toEqual(new Map());
    const closed = await running.closedCount(4);
    expect(closed.map(({ bytesRead }) => bytesRead).reduce((sum, each) => sum + each)).toBe(500 * "hi\n".length);
  });

  test("counts what failed, by its reason, and ends", async () => {
    await using running = await serve(OnceHandler, { server: AsyncTCPServer });
    const plan = { server: { port: running.port }, connections: 2, pipeline: 1, requests: 100, message: "hi" };
    const { latencies, errors } = await load(plan, () => {});
    expect(latencies.count).toBe(2);
    expect([...errors.values()].reduce((sum, each) => sum + each, 0)).toBeLessThanOrEqual(2);
  });
});

describe("load-generator.ts", () => {
  test("prints how many requests it made, and how long they took", async () => {
    await using running = await serve(EchoHandler, { server: AsyncTCPServer });
    const args = [String(running.port), "--connections", "2", "--pipeline", "4", "--requests", "300", "--message", "ü"];
    await using program = runExample("load-generator.ts", args);
    const { code, stdout, stderr } = await program.end();
    expect(stdout.split("\n")).toEqual([
      expect.stringMatching(/^300 requests in \d+\.\d\d s: \d+ requests\/s$/),
      expect.stringMatching(/^latency in ms: p50 [\d.]+, p90 [\d.]+, p99 [\d.]+, p99\.9 [\d.]+, max [\d.]+$/),
    ]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(await running.closedCount(2)).toHaveLength(2);
  });

  test("says that no server is there", async () => {
    const running = await serve(EchoHandler);
    await running.close();
    await using program = runExample("load-generator.ts", [String(running.port), "--connections", "3"]);
    const { code, stdout } = await program.end();
    expect(stdout.split("\n")).toEqual([expect.stringMatching(/^0 requests in /), "failed: 3 x ECONNREFUSED"]);
    expect(code).toBe(1);
  });

  test.each([
    { args: ["--connections", "0"], problem: '--connections must be a whole number from 1 to 999999999, received "0"' },
    { args: ["--requests", "many"], problem: '--requests must be a whole number from 1 to 999999999, received "many"' },
    { args: ["--rate", "1"], problem: "Unknown option '--rate'" },
  ])("refuses $args in one line", async ({ args, problem }) => {
    await using program = runExample("load-generator.ts", ["5007", ...args]);
    expect(await program.end()).toMatchObject({
      code: 1,
      stdout: "",
      stderr: expect.stringMatching(`^Cannot start: ${problem}.*\n$`),
    });
  });
});
