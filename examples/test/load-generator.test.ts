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

/** Reads, and says nothing. */
class SilentHandler extends BaseRequestHandler {
  override async handle(): Promise<void> {
    while ((await this.request.recv()).length > 0);
  }
}

const PLAN = { connections: 2, pipeline: 1, requests: 100, timeoutMs: 10_000, message: "hi" };

describe("load()", () => {
  test("makes as many requests as it is told, over as many connections, and measures each", async () => {
    await using running = await serve(EchoHandler, { server: AsyncTCPServer });
    let done = 0;
    const plan = { ...PLAN, server: { port: running.port }, connections: 4, pipeline: 3, requests: 500 };
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
    const { latencies, errors } = await load({ ...PLAN, server: { port: running.port } }, () => {});
    expect(latencies.count).toBe(2);
    expect([...errors.values()]).toEqual([2]);
  });

  test("gives up a server that does not answer, after the time-out", async () => {
    await using running = await serve(SilentHandler, { server: AsyncTCPServer });
    const { errors } = await load({ ...PLAN, server: { port: running.port }, timeoutMs: 50 }, () => {});
    expect(errors).toEqual(new Map([["ERR_SOCKETSERVER_REQUEST_TIMEOUT", 2]]));
  });

  test("ends when its signal is aborted, and keeps what it has measured", async () => {
    await using running = await serve(EchoHandler, { server: AsyncTCPServer });
    const stopping = new AbortController();
    const plan = { ...PLAN, server: { port: running.port }, requests: Infinity };
    let done = 0;
    const stop = (): void => void (++done === 50 && stopping.abort());
    const { latencies, errors } = await load(plan, stop, stopping.signal);
    expect(latencies.count).toBeGreaterThanOrEqual(50);
    expect(errors).toEqual(new Map([["AbortError", 2]]));
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

  test("ends on Ctrl-C, and tells what it has done", async () => {
    await using running = await serve(EchoHandler, { server: AsyncTCPServer });
    await using program = runExample("load-generator.ts", [String(running.port), "--requests", "999999999"]);
    while (running.server.activeRequests === 0) await new Promise((resolve) => running.server.once("request", resolve));
    const { stdout } = await program.end("SIGINT");
    expect(stdout).toMatch(/^\d+ requests in /);
  });

  test("says how it is used", async () => {
    await using program = runExample("load-generator.ts", ["--help"]);
    expect(await program.end()).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("[--pipeline N]"),
      stderr: "",
    });
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
