import type { Connection } from "@socketserver/core";
import { createSocket } from "node:dgram";
import { dial, leakCheck, serve, talk, type RunningServer } from "@socketserver/testing";
import { setTimeout as delay } from "node:timers/promises";
import { beforeEach, describe, expect, test } from "vitest";

import { LargeAnswerHandler, SlowDatagramHandler, WorkerCommandHandler } from "../fixtures/worker-commands.ts";
import { ask } from "../support/ask.ts";
import { eventually } from "../support/eventually.ts";
import { soon } from "../support/soon.ts";
import { watchWorkers, workersReady } from "../support/watch-workers.ts";
import { WORKER_KINDS, type KindOptions, type WorkerServer } from "../support/worker-kinds.ts";

const MEBIBYTE = 1_048_576;

/** The beat of workers, at which the old ones are looked for, is a tenth of it. */
const HEARTBEAT_MS = 2_000;

beforeEach(() => leakCheck());

async function dialMany(running: RunningServer, count: number): Promise<Connection[]> {
  const clients: Connection[] = [];
  for (let index = 0; index < count; index++) clients.push(await dial(running.address));
  return clients;
}

/** Watch until the end of the test how many workers are being replaced at once: so many are there beside those that were asked for. */
function watchReplacing({ server }: RunningServer<WorkerServer>, count: number): { most: number } {
  const seen = { most: 0 };
  const look = (): void => void (seen.most = Math.max(seen.most, server.workers.length - count));
  // The old one is still there when the new one becomes ready.
  for (const event of ["request", "requestClosed", "workerReady", "workerExit"] as const) server.on(event, look);
  return seen;
}

describe.each(WORKER_KINDS)("A server with $name", ({ TCP, UDP, workers }) => {
  const start = (count: number, options?: KindOptions): Promise<RunningServer<WorkerServer>> =>
    serve(WorkerCommandHandler, { server: TCP, options: workers(count, options) });

  test("runs at most 1 024 datagrams at once in a worker unless told otherwise", async () => {
    const most = 1_024;
    const running = await serve(SlowDatagramHandler, { server: UDP, options: workers(1) });
    const { server, port, requests } = running;
    const sender = createSocket("udp4");
    // Two more: one that is taken and waits for room, and one behind it. In parts that the kernel's buffer can hold.
    for (let sent = 1; sent <= most + 2; sent++) {
      sender.send("60000", port, "127.0.0.1");
      if (sent % 64 === 0) await eventually(() => expect(requests.length).toBe(sent));
    }
    await eventually(() => expect(requests).toHaveLength(most + 1));
    expect(server.workers).toMatchObject([{ active: most, served: most }]);
    sender.close();
    expect(await running.close({ graceMs: 0 })).toMatchObject({ open: most + 1, finished: 0, refused: 1 });
  });

  test.each([1, 2])("runs at most requestsPerWorker, %i, handlers at once in a worker", async (requestsPerWorker) => {
    await using running = await start(2, { pool: { requestsPerWorker } });
    const { server } = running;
    const most: number[] = [];
    const look = (): number => most.push(...server.workers.map(({ active }) => active));
    for (const event of ["request", "requestClosed"] as const) server.on(event, look);
    const room = 2 * requestsPerWorker;
    const clients = await dialMany(running, room + 3);
    const served: Connection[] = [];
    const places: Promise<string>[] = clients.map(async (client) => {
      const answer = await ask(client, "where");
      served.push(client);
      return answer;
    });
    // All that have room, and one that the loop has taken and holds.
    await eventually(() => expect(served).toHaveLength(room));
    await eventually(() => expect(running.requests).toHaveLength(room + 1));
    expect(server.workers.map(({ active }) => active)).toEqual([requestsPerWorker, requestsPerWorker]);
    for (let gone = 0; gone < clients.length; gone++) {
      await eventually(() => expect(served.length).toBeGreaterThan(gone));
      const client = served[gone] as Connection;
      expect(Number(await ask(client, "peak"))).toBeLessThanOrEqual(requestsPerWorker);
      await client.close();
    }
    expect(new Set(await Promise.all(places)).size).toBe(2);
    expect(await running.closedCount(clients.length)).toHaveLength(clients.length);
    expect(Math.max(...most)).toBe(requestsPerWorker);
    expect(running.drops).toEqual([]);
  });

  test("refuses what the queue cannot hold while every worker is busy", async () => {
    await using running = await start(1, { pool: { requestsPerWorker: 1 }, requestQueueSize: 1 });
    const [busy] = (await dialMany(running, 1)) as [Connection];
    await ask(busy, "where");
    // The loop takes and holds the next one; one more waits.
    const [held] = (await dialMany(running, 1)) as [Connection];
    await eventually(() => expect(running.requests).toHaveLength(2));
    const [queued] = (await dialMany(running, 1)) as [Connection];
    // The reset may come before the client knows that it is connected.
    await expect(dial(running.address).then((refused) => refused.recv())).rejects.toMatchObject({ code: "ECONNRESET" });
    expect(running.drops).toMatchObject([{ reason: "queue-full" }]);
    for (const client of [busy, held, queued]) {
      expect(await ask(client, "where")).not.toBe("");
      await client.close();
    }
    await running.closedCount(3);
    expect(running.drops).toHaveLength(1);
  });

  test("gives each request a fresh worker with recycleAfterRequests 1, and cuts none however long it takes", async () => {
    await using running = await start(2, { pool: { recycleAfterRequests: 1 }, graceMs: 30 });
    const log = watchWorkers(running);
    const clients = await dialMany(running, 6);
    const places = await Promise.all(
      clients.map(async (client) => {
        const answer = await ask(client, "where");
        expect(await ask(client, "peak")).toBe("1");
        // Longer than a worker that is replaced would have for both of its graces.
        expect(await ask(client, "pause 150")).toBe("rested");
        await client.sendAll("answer 2\n");
        expect(await client.recvExactly(2 * MEBIBYTE)).toHaveLength(2 * MEBIBYTE);
        await client.close();
        return answer;
      }),
    );
    expect(new Set(places).size).toBe(6);
    const closed = await running.closedCount(6);
    expect(new Set(closed.map(({ reason }) => reason))).toEqual(new Set(["peer-end"]));
    await eventually(() => expect(log.exits).toHaveLength(6));
    expect(log.exits.filter(({ error, lost }) => error !== undefined || lost !== 0)).toEqual([]);
    await workersReady(running, 2);
    expect(running.server.workers.map(({ restarts }) => restarts).reduce((sum, one) => sum + one)).toBe(6);
    expect(running.errors).toEqual([]);
  });

  describe("with recycleAfterRequests 1, while a client reads slowly what a handler left to be sent", () => {
    const GRACE_MS = 50;
    const LARGE_MEBIBYTES = 24;

    /** A server of one worker at a time, and a client whose handler has ended. */
    async function startSlow(): Promise<{ running: RunningServer<WorkerServer>; client: Connection }> {
      const pool = { recycleAfterRequests: 1 };
      const options = { ...workers(1, { pool, graceMs: GRACE_MS }), lingerMs: GRACE_MS };
      const running = await serve(LargeAnswerHandler, { server: TCP, options });
      const client = await dial(running.address, { highWaterMark: 0 });
      await client.sendAll(`${LARGE_MEBIBYTES}\n`);
      await eventually(() => expect(running.server.workers).toMatchObject([{ state: "retiring" }, { state: "ready" }]));
      return { running, client };
    }

    test("it gets every byte, however long it takes", async () => {
      const { running, client } = await startSlow();
      // Longer than a worker that is replaced would have for both of its graces.
      await delay(10 * GRACE_MS);
      expect(await client.recvExactly(LARGE_MEBIBYTES * MEBIBYTE)).toHaveLength(LARGE_MEBIBYTES * MEBIBYTE);
      await client.close();
      expect(await running.closedCount(1)).toMatchObject([{ bytesWritten: LARGE_MEBIBYTES * MEBIBYTE }]);
      await workersReady(running, 1);
      await running.close();
    });

    test("close() cuts it after graceMs", async () => {
      const { running, client } = await startSlow();
      expect(await soon(running.close())).toMatchObject({ open: 1, cut: [{ id: 1 }] });
      client.abort();
    });
  });

  test("replaces workers after recycleAfterRequests, one at a time, and fails no connection meanwhile", async () => {
    const pool = { recycleAfterRequests: 20, heartbeatTimeoutMs: 1_000 };
    await using running = await start(2, { pool });
    const log = watchWorkers(running);
    const replacing = watchReplacing(running, 2);
    const places = new Set<string>();
    let requests = 0;
    const comeAgain = async (): Promise<void> => {
      while (log.exits.length < 4) {
        requests++;
        places.add(String(await talk(running.address, "where\n")).trim());
      }
    };
    await Promise.all([comeAgain(), comeAgain(), comeAgain()]);
    expect(places).not.toContain("");
    expect(places.size).toBeGreaterThanOrEqual(4);
    expect(log.exits.filter(({ error, lost }) => error !== undefined || lost !== 0)).toEqual([]);
    expect(replacing.most).toBe(1);
    await workersReady(running, 2);
    const closed = await running.closedCount(requests);
    expect(closed).toHaveLength(requests);
    expect(closed.filter(({ reason }) => reason !== "peer-end")).toEqual([]);
    expect(running.errors).toEqual([]);
  });

  test("replaces workers at the age of recycleAfterMs, one at a time, and fails no connection meanwhile", async () => {
    await using running = await start(2, { pool: { recycleAfterMs: 1_000, heartbeatTimeoutMs: 1_000 } });
    const log = watchWorkers(running);
    const replacing = watchReplacing(running, 2);
    const places = new Set<string>();
    let requests = 0;
    // Both of the first ones; where workers start slowly, a replacement may be old before the second one is replaced.
    while (![1, 2].every((first) => log.exits.some(({ id }) => id === first))) {
      requests++;
      const [client] = (await dialMany(running, 1)) as [Connection];
      places.add(await ask(client, "where"));
      expect(await ask(client, "pause 10")).toBe("rested");
      await client.close();
    }
    expect(places.size).toBeGreaterThanOrEqual(2);
    expect(places).not.toContain("");
    expect(log.exits.filter(({ error, lost }) => error !== undefined || lost !== 0)).toEqual([]);
    expect(replacing.most).toBe(1);
    expect(running.server.workers.every(({ restarts }) => restarts >= 1)).toBe(true);
    const closed = await running.closedCount(requests);
    expect(closed.filter(({ reason }) => reason !== "peer-end")).toEqual([]);
    expect(running.errors).toEqual([]);
  });

  test("tells long connections of a retiring worker to drain after graceMs, and cuts what is left after another", async () => {
    // Longer than the start of the replacement takes on a busy machine.
    const graceMs = 1_500;
    const pool = { recycleAfterRequests: 2, heartbeatTimeoutMs: HEARTBEAT_MS };
    await using running = await start(1, { pool, graceMs });
    const log = watchWorkers(running);
    const clients = await dialMany(running, 3);
    const [idle, stubborn, next] = clients as [Connection, Connection, Connection];
    const oldPlace = await ask(idle, "where");
    const before = performance.now();
    expect(await ask(stubborn, "insist")).toBe("insisting");
    // Its two requests are running: the third one gets the replacement, long before the old worker is gone.
    const newPlace = await ask(next, "where");
    expect(newPlace).not.toBe(oldPlace);
    expect(running.server.workers).toMatchObject([
      { id: 1, state: "retiring", active: 2, served: 2, restarts: 0 },
      { id: 2, state: "ready", active: 1, served: 1, restarts: 1 },
    ]);
    expect(await idle.recv()).toHaveLength(0);
    expect(performance.now() - before).toBeGreaterThanOrEqual(graceMs - 5);
    expect(running.closedRequests.map(({ id }) => id)).not.toContain(2);
    await expect(stubborn.recv()).rejects.toMatchObject({ code: "ECONNRESET" });
    expect(performance.now() - before).toBeGreaterThanOrEqual(2 * graceMs - 5);
    await idle.close();
    await eventually(() => expect(log.exits).toHaveLength(1));
    expect(log.exits[0]?.error).toBeUndefined();
    expect(running.closedRequests.toSorted((one, other) => one.id - other.id)).toMatchObject([
      { id: 1, reason: "done" },
      { id: 2, reason: "drain" },
    ]);
    expect(await ask(next, "where")).toBe(newPlace);
    await next.close();
    expect(running.errors).toEqual([]);
    stubborn.abort();
  });
});
