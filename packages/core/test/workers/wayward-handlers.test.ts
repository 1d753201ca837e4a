import { AsyncTCPServer, type BaseServer, type Connection, type DrainReport } from "@socketserver/core";
import { dial, leakCheck, serve, talk, type AnyServerClass, type RunningServer } from "@socketserver/testing";
import { beforeEach, describe, expect, test } from "vitest";

import { CallingHandler } from "../fixtures/calling-handler.ts";
import {
  ArgumentsHandler,
  CrashingBlockedHandler,
  CutHandler,
  OddErrorHandler,
  PostingHandler,
  ThrowingLaterHandler,
} from "../fixtures/wayward-handlers.ts";
import { THROWN_KINDS } from "../fixtures/thrown.ts";
import {
  DescribingForkingServer,
  DescribingThreadingServer,
  ThrowingSetupForkingServer,
  ThrowingSetupThreadingServer,
} from "../fixtures/wayward-servers.ts";
import { WorkerCommandHandler } from "../fixtures/worker-commands.ts";
import { ask } from "../support/ask.ts";
import { eventually } from "../support/eventually.ts";
import { soon } from "../support/soon.ts";
import { watchWorkers, workersReady } from "../support/watch-workers.ts";
import { WORKER_KINDS, type KindOptions, type WorkerKindCell } from "../support/worker-kinds.ts";

/** Longer than anything healthy needs on a busy machine. */
const DEADLINE_MS = 1_000;

/** Much longer than a worker may take that has crashed. */
const HEARTBEAT_MS = 60_000;

beforeEach(() => leakCheck());

const DESCRIBING: Readonly<Record<string, AnyServerClass>> = {
  threads: DescribingThreadingServer,
  processes: DescribingForkingServer,
};

const THROWING_SETUP: Readonly<Record<string, AnyServerClass>> = {
  threads: ThrowingSetupThreadingServer,
  processes: ThrowingSetupForkingServer,
};

describe.each(WORKER_KINDS)("A server with $name", ({ name, TCP, workers }: WorkerKindCell) => {
  const relays = (count: number, options: KindOptions = {}): object =>
    workers(count, { ...options, pool: { ...options.pool, relay: true } });

  test.each([
    ["moved", workers],
    ["relayed", relays],
  ])("is not disturbed by what handlers post to its program: %s", async (_name, options) => {
    await using running = await serve(PostingHandler, { server: TCP, options: options(1) });
    const log = watchWorkers(running);
    const first = await dial(running.address);
    expect(await ask(first, "hello")).toBe("hello");
    expect(await ask(first, "again")).toBe("again");
    expect(running.closedRequests).toEqual([]);
    expect(running.server.activeRequests).toBe(1);
    await first.close();
    expect(await running.closedCount(1)).toMatchObject([
      { id: 1, reason: "peer-end", bytesRead: 12, bytesWritten: 12 },
    ]);
    expect(String(await talk(running.address, "next\n"))).toBe("next\n");
    await running.closedCount(2);
    await eventually(() => expect(running.server.activeRequests).toBe(0));
    expect(running.closedRequests.map(({ id }) => id)).toEqual([1, 2]);
    expect(running.server.workers).toMatchObject([{ id: 1, state: "ready", active: 0, served: 2 }]);
    expect(running.errors).toEqual([]);
    expect(log.exits).toEqual([]);
  });

  test("ends a worker soon that crashed and cannot end by itself, and replaces it", async () => {
    const options = workers(1, { pool: { heartbeatTimeoutMs: HEARTBEAT_MS } });
    await using running = await serve(CrashingBlockedHandler, { server: TCP, options });
    const log = watchWorkers(running);
    const client = await dial(running.address);
    expect(await ask(client, "hello")).toBe("hello");
    await client.sendAll("crash\n");
    await eventually(() => expect(log.exits).toHaveLength(1), 5_000);
    expect(log.exits).toMatchObject([{ id: 1, lost: 1, error: { message: "crashed on purpose" } }]);
    expect(await running.closedCount(1)).toMatchObject([{ id: 1, reason: "worker-lost" }]);
    await workersReady(running, 1);
    expect(log.readies).toEqual([{ id: 2 }]);
    expect(String(await talk(running.address, "next\n"))).toBe("next\n");
    expect(running.errors).toMatchObject([{ message: "crashed on purpose" }]);
    client.abort();
  });

  test.each(THROWN_KINDS)("loses nothing but the worker in which nobody catches what is thrown: %s", async (kind) => {
    await using running = await serve(ThrowingLaterHandler, { server: TCP, options: workers(1) });
    const log = watchWorkers(running);
    const client = await dial(running.address);
    await client.sendAll(`${kind}\n`);
    expect(await soon(running.closedCount(1))).toMatchObject([{ id: 1, reason: "worker-lost" }]);
    expect(String(await talk(running.address, ""))).toBe("");
    expect(await running.closedCount(2)).toMatchObject([{ id: 1 }, { id: 2 }]);
    expect(running.errors).toEqual([expect.any(Error)]);
    expect((running.errors[0] as Error).message).not.toContain("exited with");
    expect(log.exits).toMatchObject([{ id: 1, lost: 1, error: running.errors[0] }]);
    client.abort();
  });

  test.each(THROWN_KINDS)("rejects listen() with an error, whatever workerSetup() throws: %s", async (kind) => {
    const server = THROWING_SETUP[name] as AnyServerClass;
    const serving = serve(OddErrorHandler, { server, options: { ...workers(1), throwing: { kind } } });
    await expect(serving).rejects.toBeInstanceOf(Error);
  });

  test("does not count a handler against requestsPerWorker whose deadline has passed", async () => {
    const options = { ...workers(1, { pool: { requestsPerWorker: 1 } }), deadlineMs: DEADLINE_MS };
    const running = await serve(WorkerCommandHandler, { server: TCP, options });
    const log = watchWorkers(running);
    const endless = await dial(running.address);
    expect(await ask(endless, "insist")).toBe("insisting");
    const next = await dial(running.address);
    const asking = ask(next, "where");
    expect(await running.closedCount(1)).toMatchObject([{ id: 1, reason: "deadline" }]);
    expect(await asking).not.toBe("");
    await next.close();
    expect(await running.closedCount(2)).toMatchObject([{ id: 1 }, { id: 2, reason: "peer-end" }]);
    expect(log.exits).toEqual([]);
    endless.abort();
    await soon(running.close({ graceMs: 0 }));
  });

  describe("DrainReport", () => {
    /** What was cut when a handler had read and answered two lines, of which the second one says what it does then. */
    async function cutAfter<Server extends BaseServer>(
      running: RunningServer<Server>,
      command: string,
    ): Promise<DrainReport> {
      const client: Connection = await dial(running.address);
      expect(await ask(client, "hello")).toBe("hello");
      expect(await ask(client, command)).toBe(command);
      const report = await soon(running.close({ graceMs: 50 }), 8_000);
      client.abort();
      return report;
    }

    const withoutTimes = ({ durationMs: _durationMs, cut, ...report }: DrainReport): object => ({
      ...report,
      cut: cut.map(({ id, bytesRead, bytesWritten, settled }) => ({ id, bytesRead, bytesWritten, settled })),
    });

    test.each([
      ["moved, never settles", workers, "hang", false],
      ["relayed, never settles", relays, "hang", false],
      ["moved, ends because of the cut", workers, "wait", true],
      ["relayed, ends because of the cut", relays, "wait", true],
    ] as const)("tells of a request as one without workers does: %s", async (_name, options, command, settled) => {
      const running = await serve(CutHandler, { server: TCP, options: options(1) });
      const report = await cutAfter(running, command);
      const [cut] = report.cut;
      expect(cut).toMatchObject({ id: 1, bytesRead: 11, bytesWritten: 11, settled });
      expect(cut?.idleMs).toBeLessThan(cut?.ageMs as number);
      expect(report).toMatchObject({ open: 1, finished: 0, neverSettled: settled ? 0 : 1 });
      const plain = await serve(CutHandler, { server: AsyncTCPServer });
      expect(withoutTimes(report)).toEqual(withoutTimes(await cutAfter(plain, command)));
      expect(running.closedRequests).toMatchObject([{ id: 1, reason: "drain", bytesRead: 11, bytesWritten: 11 }]);
      expect(running.errors).toEqual([]);
    });
  });

  test("tells what a relayed connection moved whose worker was lost", async () => {
    await using running = await serve(WorkerCommandHandler, { server: TCP, options: relays(1) });
    const client = await dial(running.address);
    const answer = await ask(client, "where");
    await client.sendAll("exit\n");
    const closed = await running.closedCount(1);
    const bytes = { bytesRead: "where\nexit\n".length, bytesWritten: answer.length + 1 };
    expect(closed).toMatchObject([{ id: 1, reason: "worker-lost", ...bytes }]);
    client.abort();
  });

  test("closes a relayed request with an error whose address cannot cross, and serves the next one", async () => {
    const server = DESCRIBING[name] as AnyServerClass;
    // Nobody ends the connection of a request that no worker got.
    const options = { ...relays(1), lingerMs: 50 };
    await using running = await serve(WorkerCommandHandler, { server, options });
    const client = await dial(running.address);
    expect(await soon(running.closedCount(1))).toMatchObject([{ id: 1, reason: "handler-error" }]);
    await eventually(() => expect(running.server.activeRequests).toBe(0));
    expect(running.errors).toHaveLength(1);
    expect(running.errors[0]).toMatchObject({ message: expect.stringContaining("could not be cloned") });
    client.abort();
    expect(String(await talk(running.address, "where\n"))).toMatch(/^\d+:\d+\n$/);
    await running.closedCount(2);
    expect(running.closedRequests.map(({ id }) => id)).toEqual([1, 2]);
    expect(running.errors).toHaveLength(1);
  });

  test("closes those of many requests whose address cannot cross, and serves the others", async () => {
    const server = DESCRIBING[name] as AnyServerClass;
    const options = { ...workers(1), lingerMs: 50 };
    await using running = await serve(WorkerCommandHandler, { server, options });
    const clients = await Promise.all(Array.from({ length: 6 }, () => dial(running.address)));
    await eventually(() => expect(running.errors).toHaveLength(3));
    for (const client of clients) client.shutdown("write");
    const closed = await soon(running.closedCount(6));
    expect(closed.map(({ id, reason }) => `${id} ${reason}`).toSorted()).toEqual([
      "1 handler-error",
      "2 peer-end",
      "3 handler-error",
      "4 peer-end",
      "5 handler-error",
      "6 peer-end",
    ]);
    for (const client of clients) client.abort();
  });

  test("is closed by a worker, though its report cannot cross to that", async () => {
    const server = DESCRIBING[name] as AnyServerClass;
    const running = await serve(CallingHandler, { server, options: workers(1) });
    const client = await dial(running.address);
    await eventually(() => expect(running.errors).toHaveLength(1));
    const closing = await dial(running.address);
    await closing.sendAll("closeNow");
    await soon(running.served);
    expect(running.server.state).toBe("closed");
    expect(running.closedRequests).toHaveLength(2);
    for (const one of [client, closing]) one.abort();
  });

  test.each([
    ["shared", RangeError, { name: "RangeError", message: "has shared memory", code: "E_SHARED" }],
    ["symbol", TypeError, { name: "TypeError", message: "Symbol(no text)" }],
  ] as const)("reports an error that cannot be cloned as it is: %s", async (command, errorClass, expected) => {
    await using running = await serve(OddErrorHandler, { server: TCP, options: workers(1) });
    const log = watchWorkers(running);
    expect(String(await talk(running.address, command))).toBe("");
    expect(await running.closedCount(1)).toMatchObject([{ id: 1, reason: "handler-error" }]);
    expect(running.errors).toMatchObject([expected]);
    expect(running.errors[0]).toBeInstanceOf(errorClass);
    await eventually(() => expect(running.server.activeRequests).toBe(0));
    expect(log.exits).toEqual([]);
  });

  test("gives its handlers the arguments of the program", async () => {
    await using running = await serve(ArgumentsHandler, { server: TCP, options: workers(1) });
    expect(JSON.parse(String(await talk(running.address, "")))).toEqual(process.argv.slice(1));
  });
});
