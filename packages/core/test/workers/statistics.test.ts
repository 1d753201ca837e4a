import {
  BaseRequestHandler,
  ForkingTCPServer,
  ForkingUDPServer,
  ForkingUnixStreamServer,
  ThreadingTCPServer,
  ThreadingUDPServer,
  ThreadingUnixStreamServer,
  type Address,
  type ClosedRequestInfo,
  type Connection,
  type WorkerView,
} from "@socketserver/core";
import { leakCheck, serve, talk, type RunningServer } from "@socketserver/testing";
import { readFile, writeFile } from "node:fs/promises";
import { beforeEach, describe, expect, test } from "vitest";

import { SlowDatagramHandler, WorkerCommandHandler } from "../fixtures/worker-commands.ts";
import { ask } from "../support/ask.ts";
import { clientsOf } from "../support/clients-of.ts";
import { eventually } from "../support/eventually.ts";
import { soon } from "../support/soon.ts";
import { temporaryPath } from "../support/temporary-path.ts";
import { watchWorkers, workersReady } from "../support/watch-workers.ts";
import { WORKER_KINDS, type KindOptions, type WorkerServer } from "../support/worker-kinds.ts";

const MEBIBYTE = 1_048_576;

/** A tenth of it is the time between two beats of a worker, with which its figures come. */
const HEARTBEAT_MS = 5_000;

beforeEach(() => leakCheck());

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

/** The lines that the hooks of the workers have written, in order of their names. */
async function linesOf(journal: string): Promise<string[]> {
  return (await readFile(journal, "utf8")).trim().split("\n").toSorted();
}

/** A worker as `chooseWorker()` sees it. */
function view(id: number, active: number): WorkerView {
  return {
    id,
    active,
    state: "ready",
    served: 0,
    restarts: 0,
    bytesRead: 0,
    bytesWritten: 0,
    eventLoopDelayMs: 0,
    freeDescriptors: Infinity,
    heapUsed: 0,
  };
}

describe("handOver", () => {
  const PORT: Address = { host: "127.0.0.1", port: 0 };
  const PATH: Address = { path: "/tmp/never-bound.sock" };

  class Handler extends BaseRequestHandler {}

  test.each([
    ["ThreadingTCPServer", new ThreadingTCPServer(PORT, Handler), "transfer"],
    ["ThreadingTCPServer, relay", new ThreadingTCPServer(PORT, Handler, { threading: { relay: true } }), "relay"],
    ["ThreadingUnixStreamServer", new ThreadingUnixStreamServer(PATH, Handler), "relay"],
    ["ThreadingUDPServer", new ThreadingUDPServer(PORT, SlowDatagramHandler), "relay"],
    ["ForkingTCPServer", new ForkingTCPServer(PORT, Handler), "send"],
    ["ForkingTCPServer, relay", new ForkingTCPServer(PORT, Handler, { forking: { relay: true } }), "relay"],
    ["ForkingUnixStreamServer", new ForkingUnixStreamServer(PATH, Handler), "send"],
    [
      "ForkingUnixStreamServer, relay",
      new ForkingUnixStreamServer(PATH, Handler, { forking: { relay: true } }),
      "relay",
    ],
    ["ForkingUDPServer", new ForkingUDPServer(PORT, SlowDatagramHandler), "relay"],
  ])("of %s is right before it listens", (_name, server, handOver) => {
    expect(server.handOver).toBe(handOver);
  });
});

describe.each(WORKER_KINDS)("A server with $name", ({ TCP, Unix, workers }) => {
  const start = (count: number, options?: KindOptions): Promise<RunningServer<WorkerServer>> =>
    serve(WorkerCommandHandler, { server: TCP, options: workers(count, options) });

  describe("handOver", () => {
    test.each([
      ["TCP", false],
      ["TCP", true],
      ["Unix", false],
      ["Unix", true],
    ] as const)("is how connections reach the workers: %s, relay %s", async (transport, relay) => {
      const address = transport === "TCP" ? { host: "127.0.0.1", port: 0 } : { path: await temporaryPath() };
      const server = transport === "TCP" ? TCP : Unix;
      await using running = await serve(WorkerCommandHandler, {
        server,
        address,
        options: workers(1, { pool: { relay } }),
      });
      const stream = (await talk(running.address, "stream\n")).toString().trim();
      expect(stream).toBe(running.server.handOver === "relay" ? "RelayedSocket" : "Socket");
    });
  });

  describe("workers", () => {
    test("tells of each worker what it is doing, what it did, and how it is", async () => {
      await using running = await start(2, { pool: { heartbeatTimeoutMs: HEARTBEAT_MS } });
      const { server } = running;
      const nothing = { state: "ready", active: 0, served: 0, restarts: 0, bytesRead: 0, bytesWritten: 0 };
      expect(server.workers).toMatchObject([
        { id: 1, ...nothing },
        { id: 2, ...nothing },
      ]);
      const [first, second, third] = (await clientsOf(running, 3)) as [Connection, Connection, Connection];
      expect(server.workers).toMatchObject([
        { id: 1, active: 2, served: 2 },
        { id: 2, active: 1, served: 1 },
      ]);
      await third.close();
      await running.closedCount(1);
      await eventually(() => expect(server.workers[0]).toMatchObject({ active: 1, served: 2 }));
      // "where" and its line feed; the answer differs with the number of digits.
      const [{ bytesRead, bytesWritten }] = running.closedRequests as [ClosedRequestInfo];
      expect(bytesRead).toBe(6);
      expect(server.workers[0]).toMatchObject({ bytesRead, bytesWritten });

      const release = await temporaryPath("release");
      expect(await ask(second, `block ${release}`)).toBe("blocking");
      await eventually(() => expect(server.workers[1]).toMatchObject({ state: "blocked" }));
      await writeFile(release, "");
      expect(String(await second.recv())).toBe("unblocked\n");
      // It was late by two beats at least.
      await eventually(() => expect(server.workers[1]?.eventLoopDelayMs).toBeGreaterThan(HEARTBEAT_MS / 10));
      await eventually(() => expect(server.workers.every(({ heapUsed }) => heapUsed > MEBIBYTE)).toBe(true));
      await Promise.all([first.close(), second.close()]);
    });

    test("counts bytes as requestClosed does, whichever way they went", async () => {
      for (const relay of [false, true]) {
        await using running = await start(2, { pool: { relay } });
        const inputs = ["answer 1\n", "answer 2\n", "where\nwhere\n", "pause 1\n", "answer 0\n"];
        const outputs = await Promise.all(inputs.map((input) => talk(running.address, input)));
        const closed = await running.closedCount(inputs.length);
        const { workers: views } = running.server;
        const bytesRead = sum(inputs.map(({ length }) => length));
        const bytesWritten = sum(outputs.map(({ length }) => length));
        expect(bytesWritten).toBeGreaterThan(3 * MEBIBYTE);
        expect(sum(closed.map((info) => info.bytesRead))).toBe(bytesRead);
        expect(sum(views.map((info) => info.bytesRead))).toBe(bytesRead);
        expect(sum(closed.map((info) => info.bytesWritten))).toBe(bytesWritten);
        expect(sum(views.map((info) => info.bytesWritten))).toBe(bytesWritten);
        expect(sum(views.map(({ served }) => served))).toBe(inputs.length);
        await eventually(() => expect(running.server.activeRequests).toBe(0));
        expect(running.server.workers.map(({ active }) => active)).toEqual([0, 0]);
      }
    });

    test("is empty before listen(), after close(), and never changes what it has answered", async () => {
      const server = new TCP({ port: 0 } as never, WorkerCommandHandler as never, workers(1) as never);
      expect(server.workers).toEqual([]);
      await server.listen();
      const [seen] = server.workers as [WorkerView];
      expect(Object.isFrozen(seen)).toBe(true);
      await server.close();
      expect(seen).toMatchObject({ id: 1, state: "ready" });
      expect(server.workers).toEqual([]);
    });
  });

  describe("chooseWorker()", () => {
    const unopened = (): WorkerServer =>
      new TCP({ port: 0 } as never, WorkerCommandHandler as never, workers(1) as never);

    test("answers the one with the fewest active requests", () => {
      const server = unopened();
      const candidates = [view(1, 3), view(2, 1), view(3, 2)];
      for (let index = 0; index < 3; index++) expect(server.chooseWorker(candidates).id).toBe(2);
    });

    test("takes those in turn that have equally few, whatever their order, also when one has left", () => {
      const server = unopened();
      const candidates = [view(5, 1), view(2, 1), view(9, 4), view(7, 1)];
      const ids = Array.from({ length: 4 }, () => server.chooseWorker(candidates).id);
      expect(ids).toEqual([2, 5, 7, 2]);
      expect(server.chooseWorker([view(7, 1), view(2, 1)]).id).toBe(7);
    });

    test("throws if there is none", () => {
      expect(() => unopened().chooseWorker([])).toThrow(
        expect.objectContaining({ code: "ERR_SOCKETSERVER_INVALID_ARGUMENT" }),
      );
    });

    test("is asked once for each request, about workers that have room", async () => {
      await using running = await start(3, { pool: { requestsPerWorker: 2 } });
      const clients = await clientsOf(running, 6);
      const { choices } = running.server;
      expect(choices.map((candidates) => candidates.length)).toEqual([3, 3, 3, 3, 2, 1]);
      expect(choices.flat().every(({ state, active }) => state === "ready" && active < 2)).toBe(true);
      await Promise.all(clients.map((client) => client.close()));
    });
  });

  describe("workerSetup() and workerTeardown()", () => {
    test("are called once in each worker, also in replacements; not if it dies", async () => {
      const journal = await temporaryPath("journal");
      const running = await start(2, { hooks: { journal } });
      const log = watchWorkers(running);
      const clients = await clientsOf(running, 2);
      const [culprit, kept] = clients as [Connection, Connection];
      const [lostPlace, keptPlace] = [await ask(culprit, "where"), await ask(kept, "where")];
      expect(await linesOf(journal)).toEqual([`setup ${lostPlace}`, `setup ${keptPlace}`].toSorted());
      await culprit.sendAll("exit\n");
      await eventually(() => expect(log.readies).toHaveLength(1));
      const [newcomer] = (await clientsOf(running, 1)) as [Connection];
      const newPlace = await ask(newcomer, "where");
      await Promise.all([kept.close(), newcomer.close()]);
      await running.close();
      const setups = [lostPlace, keptPlace, newPlace].map((where) => `setup ${where}`);
      const teardowns = [keptPlace, newPlace].map((where) => `teardown ${where}`);
      expect(await linesOf(journal)).toEqual([...setups, ...teardowns].toSorted());
      culprit.abort();
    });

    test("are called in workers that are replaced for their age, too", async () => {
      const journal = await temporaryPath("journal");
      const running = await start(1, { pool: { recycleAfterRequests: 1 }, hooks: { journal } });
      const places: string[] = [];
      for (let index = 0; index < 2; index++) places.push(String(await talk(running.address, "where\n")).trim());
      await eventually(() => expect(running.server.workers).toMatchObject([{ restarts: 2, state: "ready" }]));
      expect((await linesOf(journal)).filter((line) => line.startsWith("teardown"))).toEqual(
        places.map((where) => `teardown ${where}`).toSorted(),
      );
      await running.close();
      const lines = await linesOf(journal);
      expect(lines.filter((line) => line.startsWith("setup"))).toHaveLength(3);
      expect(lines.filter((line) => line.startsWith("teardown"))).toHaveLength(3);
    });
  });

  describe("workerTeardown()", () => {
    test("is reported if it throws, once for each worker, and close() resolves", async () => {
      const running = await start(2, { hooks: { workerTeardown: "throws" } });
      expect(await soon(running.close())).toMatchObject({ open: 0 });
      expect(running.errors).toMatchObject([{ message: "cannot tear down" }, { message: "cannot tear down" }]);
    });

    test.each(["hangs", "burns"] as const)("that %s holds close() up only shortly", async (workerTeardown) => {
      const running = await start(2, { hooks: { workerTeardown } });
      const log = watchWorkers(running);
      expect(await soon(running.close())).toMatchObject({ open: 0 });
      expect(running.server.state).toBe("closed");
      await eventually(() => expect(log.exits).toHaveLength(2));
      expect(running.server.workers).toEqual([]);
      expect(running.errors).toEqual([]);
    });

    test("that throws in a worker that retires is reported, and the worker is replaced", async () => {
      await using running = await start(1, {
        pool: { recycleAfterRequests: 1 },
        hooks: { workerTeardown: "throws" },
      });
      expect(String(await talk(running.address, "where\n"))).not.toBe("");
      await eventually(() => expect(running.errors).toMatchObject([{ message: "cannot tear down" }]));
      await workersReady(running, 1);
      expect(String(await talk(running.address, "where\n"))).not.toBe("");
    });
  });
});
