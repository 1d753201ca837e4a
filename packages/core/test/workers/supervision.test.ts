import type { Connection } from "@socketserver/core";
import { dial, leakCheck, serve, talkDatagram, type RunningServer } from "@socketserver/testing";
import { rm, writeFile } from "node:fs/promises";
import { beforeEach, describe, expect, test } from "vitest";

import { SlowDatagramHandler, WorkerCommandHandler } from "../fixtures/worker-commands.ts";
import { ask } from "../support/ask.ts";
import { clientsOf } from "../support/clients-of.ts";
import { eventually } from "../support/eventually.ts";
import { sendDatagram } from "../support/send-datagram.ts";
import { soon } from "../support/soon.ts";
import { temporaryPath } from "../support/temporary-path.ts";
import { watchWorkers, workersReady } from "../support/watch-workers.ts";
import { WORKER_KINDS, type KindOptions, type WorkerKindCell, type WorkerServer } from "../support/worker-kinds.ts";

const MEBIBYTE = 1_048_576;

/** More than the kernel keeps for two ends of a connection, so that most of such an answer waits in its worker. */
const LARGE_MEBIBYTES = 32;

/** Long enough for a healthy worker on a busy machine. */
const HEARTBEAT_MS = 1_500;

const HEAP_SIZE = 32 * MEBIBYTE;

/** A way to lose a worker. */
interface Loss {
  readonly name: string;
  readonly pool?: NonNullable<KindOptions["pool"]>;
  /** Loses the worker that serves this client. */
  readonly lose: (client: Connection) => Promise<void>;
  /** What its error is, in a thread and in a process. */
  readonly error: { readonly threads?: object; readonly processes: object };
}

const say =
  (command: string): ((client: Connection) => Promise<void>) =>
  (client) =>
    client.sendAll(`${command}\n`);

const lostBecause = (message: RegExp): object => ({
  code: "ERR_SOCKETSERVER_WORKER_LOST",
  message: expect.stringMatching(message),
});

const CRASHED = { name: "Error", message: "crashed on purpose", stack: expect.stringContaining("worker-commands.ts") };

const BLOCKED = {
  code: "ERR_SOCKETSERVER_WORKER_BLOCKED",
  message: expect.stringContaining(`blocked for ${HEARTBEAT_MS} ms`),
};

const LOSSES: readonly Loss[] = [
  { name: "throws in a callback", lose: say("crash"), error: { threads: CRASHED, processes: CRASHED } },
  {
    name: "exits",
    lose: say("exit"),
    error: {
      threads: lostBecause(/thread exited with code 3$/),
      processes: lostBecause(/process exited with code 3$/),
    },
  },
  {
    name: "runs out of heap",
    pool: { maxHeapSize: HEAP_SIZE },
    lose: say("heap"),
    // For threads see `thread-heap.test.ts`.
    error: {
      processes: lostBecause(new RegExp(`SIGABRT, probably .* maxHeapSize, ${HEAP_SIZE} bytes$`)),
    },
  },
  {
    name: "is killed",
    lose: async (client) => {
      process.kill(Number.parseInt(await ask(client, "where")), "SIGKILL");
    },
    error: { processes: lostBecause(/was ended by SIGKILL$/) },
  },
  {
    name: "is blocked for too long",
    pool: { heartbeatTimeoutMs: HEARTBEAT_MS },
    lose: say("burn"),
    error: { threads: BLOCKED, processes: BLOCKED },
  },
];

beforeEach(() => leakCheck());

/** Read an answer of so many MiB, each of which is filled with its number. */
async function readAnswer(client: Connection, mebibytes: number): Promise<void> {
  for (let number = 0; number < mebibytes; number++) {
    const piece = await client.recvExactly(MEBIBYTE);
    expect(piece.equals(Buffer.alloc(MEBIBYTE, number))).toBe(true);
  }
}

/** The ids of requests, in order. */
function idsOf(requests: readonly { readonly id: number }[]): number[] {
  return requests.map(({ id }) => id).toSorted((one, other) => one - other);
}

/** Hold this thread up. */
function stall(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

function abortAll(clients: readonly Connection[]): void {
  for (const client of clients) client.abort();
}

describe.each(WORKER_KINDS)("A server with $name", ({ name, TCP, UDP, workers }: WorkerKindCell) => {
  const start = (count: number, options?: KindOptions): Promise<RunningServer<WorkerServer>> =>
    serve(WorkerCommandHandler, { server: TCP, options: workers(count, options) });

  for (const loss of LOSSES) {
    const expected = loss.error[name as keyof Loss["error"]];
    if (expected === undefined) continue;

    test(`loses only the connections of a worker that ${loss.name}, says why once, and replaces it`, async () => {
      await using running = await start(2, { pool: loss.pool ?? {} });
      const log = watchWorkers(running);
      const clients = await clientsOf(running, 4);
      const [culprit, kept, bystander, loaded] = clients as [Connection, Connection, Connection, Connection];
      const lostPlace = await ask(bystander, "where");
      const keptPlace = await ask(kept, "where");
      expect(keptPlace).not.toBe(lostPlace);
      await loaded.sendAll(`answer ${LARGE_MEBIBYTES}\n`);
      await eventually(() => expect(running.server.workers[1]).toMatchObject({ active: 2 }));

      await loss.lose(culprit);
      await eventually(() => expect(log.exits).toHaveLength(1));
      const [exit] = log.exits;
      expect(exit).toMatchObject({ id: 1, lost: 2, error: expected });
      expect(running.errors).toEqual([exit?.error]);
      await eventually(() => expect(log.readies).toEqual([{ id: 3 }]));

      await readAnswer(loaded, LARGE_MEBIBYTES);
      expect(await ask(loaded, "where")).toBe(keptPlace);
      expect(running.closedRequests).toMatchObject([
        { id: 1, reason: "worker-lost" },
        { id: 3, reason: "worker-lost" },
      ]);
      await workersReady(running, 2);
      expect(running.server.workers).toMatchObject([
        { id: 2, restarts: 0, active: 2 },
        { id: 3, restarts: 1, active: 0, served: 0 },
      ]);
      const more = await clientsOf(running, 1);
      const newPlace = await ask(more[0] as Connection, "where");
      expect([lostPlace, keptPlace]).not.toContain(newPlace);

      await Promise.all([kept, loaded, ...more].map((client) => client.close()));
      await running.closedCount(5);
      expect(idsOf(running.closedRequests)).toEqual([1, 2, 3, 4, 5]);
      expect(running.closedRequests.filter(({ reason }) => reason === "peer-end")).toHaveLength(3);
      expect(running.errors).toHaveLength(1);
      expect(log.exits).toHaveLength(1);
      abortAll([culprit, bystander]);
    });
  }

  test("resets relayed connections of a lost worker, so that no answer seems complete", async () => {
    await using running = await start(1, { pool: { relay: true } });
    const [culprit, loaded] = (await clientsOf(running, 2)) as [Connection, Connection];
    await loaded.sendAll(`answer ${LARGE_MEBIBYTES}\n`);
    await loaded.recvExactly(1);
    await culprit.sendAll("exit\n");
    await expect(loaded.recvExactly(LARGE_MEBIBYTES * MEBIBYTE)).rejects.toMatchObject({ code: "ECONNRESET" });
    await expect(culprit.recv()).rejects.toMatchObject({ code: "ECONNRESET" });
    expect(await running.closedCount(2)).toMatchObject([{ reason: "worker-lost" }, { reason: "worker-lost" }]);
    abortAll([culprit, loaded]);
  });

  test.each([false, true])(
    "gives another worker what a lost one had not seen, unless its socket had left; relay %s",
    async (relay) => {
      await using running = await start(1, { pool: { relay, heartbeatTimeoutMs: HEARTBEAT_MS } });
      const log = watchWorkers(running);
      const [burning] = (await clientsOf(running, 1)) as [Connection];
      expect(await ask(burning, "burn")).toBe("burning");
      const unseen = await dial(running.address);
      const asking = ask(unseen, "where");
      asking.catch(() => undefined);
      await eventually(() => expect(running.server.workers).toMatchObject([{ served: 2 }]));
      await eventually(() => expect(log.exits).toHaveLength(1));
      const moved = running.server.handOver === "transfer";
      expect(log.exits).toMatchObject([{ lost: moved ? 2 : 1, error: BLOCKED }]);
      if (!moved) {
        expect(await asking).not.toBe("");
        expect(running.server.workers).toMatchObject([{ id: 2, served: 1 }]);
        await unseen.close();
      }
      const reasons = (await running.closedCount(2)).map(({ reason }) => reason);
      expect(reasons).toEqual(["worker-lost", moved ? "worker-lost" : "peer-end"]);
      expect(running.errors).toHaveLength(1);
      abortAll([burning, unseen]);
    },
  );

  test("loses only the datagrams of a lost worker", async () => {
    await using running = await serve(SlowDatagramHandler, { server: UDP, options: workers(2) });
    const { address, server } = running;
    const log = watchWorkers(running);
    const lost = talkDatagram(address, "60000", { timeoutMs: 1_500 });
    await eventually(() => expect(server.workers).toMatchObject([{ active: 1 }, { active: 0 }]));
    const kept = talkDatagram(address, "1000");
    await eventually(() => expect(server.workers).toMatchObject([{ active: 1 }, { active: 1 }]));
    await sendDatagram(address, "exit");
    await eventually(() => expect(log.readies).toEqual([{ id: 3 }]));
    expect(log.exits).toMatchObject([{ id: 1, lost: 2 }]);
    expect(idsOf(running.closedRequests.filter(({ reason }) => reason === "worker-lost"))).toEqual([1, 3]);
    expect(await talkDatagram(address, "1")).not.toEqual(await kept);
    expect(await kept).toBeDefined();
    expect(await lost).toBeUndefined();
    const closed = await running.closedCount(4);
    expect(closed.map(({ reason }) => reason).toSorted()).toEqual(["done", "done", "worker-lost", "worker-lost"]);
    expect(running.errors).toHaveLength(1);
  });

  test("gives nothing more to a worker that is blocked, and goes on with it afterwards", async () => {
    await using running = await start(2, { pool: { heartbeatTimeoutMs: 60_000 } });
    const { server } = running;
    const log = watchWorkers(running);
    const release = await temporaryPath("release");
    const [blocking, other] = (await clientsOf(running, 2)) as [Connection, Connection];
    const [blockedPlace, otherPlace] = [await ask(blocking, "where"), await ask(other, "where")];
    expect(await ask(blocking, `block ${release}`)).toBe("blocking");

    // The first one that goes there tells that it does not answer, much sooner than beats are missed, of which there is one a second.
    const stuck = await dial(running.address);
    await stuck.sendAll("where\n");
    await eventually(() => expect(server.workers[0]).toMatchObject({ served: 2, state: "blocked" }), 1_500);
    const others = await clientsOf(running, 3);
    for (const client of others) expect(await ask(client, "where")).toBe(otherPlace);
    expect(server.workers).toMatchObject([
      { state: "blocked", served: 2, active: 2 },
      { state: "ready", served: 4, active: 4 },
    ]);
    for (const candidates of server.choices.slice(-3)) expect(candidates.map(({ id }) => id)).toEqual([2]);

    await writeFile(release, "");
    expect(String(await blocking.recv())).toBe("unblocked\n");
    expect(String(await stuck.recv())).toBe(`${blockedPlace}\n`);
    await eventually(() => expect(server.workers[0]).toMatchObject({ state: "ready" }));
    const [late] = (await clientsOf(running, 1)) as [Connection];
    expect(await ask(late, "where")).toBe(blockedPlace);
    expect(log.exits).toEqual([]);
    await Promise.all([blocking, other, stuck, ...others, late].map((client) => client.close()));
  });

  test("sees by its heartbeat that an idle worker is blocked, and that it is not any more", async () => {
    await using running = await start(1, { pool: { heartbeatTimeoutMs: 8_000 } });
    const log = watchWorkers(running);
    const release = await temporaryPath("release");
    const [client] = (await clientsOf(running, 1)) as [Connection];
    await ask(client, `block ${release}`);
    await eventually(() => expect(running.server.workers).toMatchObject([{ id: 1, state: "blocked" }]));
    await writeFile(release, "");
    await eventually(() => expect(running.server.workers).toMatchObject([{ id: 1, state: "ready" }]));
    expect(String(await client.recv())).toBe("unblocked\n");
    expect(log.exits).toEqual([]);
    await client.close();
  });

  test("replaces a worker whose setup fails with growing pauses, and reports each failure once", async () => {
    const journal = await temporaryPath("journal");
    await using running = await start(2, { hooks: { journal } });
    const log = watchWorkers(running);
    const [culprit, kept] = (await clientsOf(running, 2)) as [Connection, Connection];
    await writeFile(`${journal}.broken`, "");
    await culprit.sendAll("exit\n");
    await eventually(() => expect(log.exits.length).toBeGreaterThanOrEqual(5));
    await rm(`${journal}.broken`);
    const failures = log.exits.slice(1, 5);
    for (const failure of failures) expect(failure).toMatchObject({ lost: 0, error: { message: "cannot set up" } });
    expect(failures.map(({ id }) => id)).toEqual([3, 4, 5, 6]);
    const times = failures.map(({ at }) => at);
    // A pause is twice the one before it, and the start of a worker comes on top.
    for (const [index, pauseMs] of [100, 200, 400].entries()) {
      expect((times[index + 1] as number) - (times[index] as number)).toBeGreaterThanOrEqual(pauseMs - 5);
    }
    await workersReady(running, 2);
    expect(await ask(kept, "where")).not.toBe("");
    expect(running.errors).toEqual(log.exits.map(({ error }) => error));
    const [, replacement] = running.server.workers;
    expect(replacement).toMatchObject({ restarts: log.exits.length, id: 2 + log.exits.length });
    await kept.close();
    abortAll([culprit]);
  });

  describe("when all workers are lost and startAttempts replacements fail", () => {
    const GAVE_UP = {
      code: "ERR_SOCKETSERVER_WORKERS_FAILED",
      message: expect.stringContaining("2 replacements in a row"),
      cause: { message: "cannot set up" },
    };

    async function startBreakable(): Promise<{ server: WorkerServer; breakSetup: () => Promise<void> }> {
      const journal = await temporaryPath("journal");
      const options = workers(2, { pool: { startAttempts: 2 }, hooks: { journal } });
      const server = new TCP({ host: "127.0.0.1", port: 0 } as never, WorkerCommandHandler as never, options as never);
      await server.listen();
      return { server, breakSetup: () => writeFile(`${journal}.broken`, "") };
    }

    test("serveForever() rejects with why, and the server is closed", async () => {
      const { server, breakSetup } = await startBreakable();
      const errors: unknown[] = [];
      const reasons: string[] = [];
      const reports: unknown[] = [];
      server.on("requestError", (error) => errors.push(error));
      server.on("requestClosed", ({ reason }) => reasons.push(reason));
      server.on("close", (report) => reports.push(report));
      const serving = server.serveForever();
      const failing = expect(soon(serving, 15_000)).rejects.toMatchObject(GAVE_UP);
      const [first, second] = [await dial(server.serverAddress), await dial(server.serverAddress)];
      expect(await ask(first, "where")).not.toBe(await ask(second, "where"));
      await breakSetup();
      await Promise.all([first.sendAll("exit\n"), second.sendAll("exit\n")]);
      await eventually(() => expect(reasons).toEqual(["worker-lost", "worker-lost"]));
      const waiting = await dial(server.serverAddress);
      await failing;
      expect(server.state).toBe("closed");
      expect(server.workers).toEqual([]);
      expect(reports).toHaveLength(1);
      expect(reasons.slice(2)).toEqual(["drain"]);
      // Two lost workers and two failed starts; that it gave up is told to whoever serves.
      expect(errors.map((error) => (error as Error).message)).toEqual([
        expect.stringContaining("exited with code 3"),
        expect.stringContaining("exited with code 3"),
        "cannot set up",
        "cannot set up",
      ]);
      abortAll([first, second, waiting]);
    });

    test("handleRequest() that waits for a worker rejects with why", async () => {
      const { server, breakSetup } = await startBreakable();
      server.on("requestError", () => {});
      const [first, second] = [await dial(server.serverAddress), await dial(server.serverAddress)];
      await server.handleRequest();
      await server.handleRequest();
      await breakSetup();
      await Promise.all([first.sendAll("exit\n"), second.sendAll("exit\n")]);
      await eventually(() => expect(server.activeRequests).toBe(0));
      const waiting = await dial(server.serverAddress);
      await expect(soon(server.handleRequest(), 15_000)).rejects.toMatchObject(GAVE_UP);
      await eventually(() => expect(server.state).toBe("closed"));
      abortAll([first, second, waiting]);
    });

    test("it is reported if nobody takes requests, and the server is closed", async () => {
      const { server, breakSetup } = await startBreakable();
      const errors: unknown[] = [];
      server.on("requestError", (error) => errors.push(error));
      const [first, second] = [await dial(server.serverAddress), await dial(server.serverAddress)];
      await server.handleRequest();
      await server.handleRequest();
      await breakSetup();
      await Promise.all([first.sendAll("exit\n"), second.sendAll("exit\n")]);
      await eventually(() => expect(server.state).toBe("closed"));
      expect(errors.at(-1)).toMatchObject(GAVE_UP);
      abortAll([first, second]);
    });
  });
});

describe("A stall of the listener side", () => {
  test("ends no worker", async () => {
    const heartbeatTimeoutMs = 1_000;
    const runs: RunningServer<WorkerServer>[] = [];
    for (const { TCP, workers } of WORKER_KINDS) {
      runs.push(
        await serve(WorkerCommandHandler, { server: TCP, options: workers(2, { pool: { heartbeatTimeoutMs } }) }),
      );
    }
    const logs = runs.map(watchWorkers);
    stall(2.5 * heartbeatTimeoutMs);
    // Time for a verdict: whoever was judged by the clock would be gone before this answer.
    const clients = await Promise.all(runs.map(({ address }) => dial(address)));
    const rest = await Promise.all(clients.map((client) => ask(client, `pause ${heartbeatTimeoutMs / 2}`)));
    expect(rest).toEqual(["rested", "rested"]);
    expect(logs).toEqual([
      { exits: [], readies: [] },
      { exits: [], readies: [] },
    ]);
    for (const { server } of runs) {
      expect(server.workers).toMatchObject([
        { id: 1, state: "ready" },
        { id: 2, state: "ready" },
      ]);
    }
    await Promise.all(clients.map((client) => client.close()));
    await Promise.all(runs.map((running) => running.close()));
  });
});
