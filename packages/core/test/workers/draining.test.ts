import type { Address, Connection } from "@socketserver/core";
import { dial, leakCheck, serve, talkDatagram, type AnyServerClass, type RunningServer } from "@socketserver/testing";
import { beforeEach, describe, expect, test } from "vitest";

import { SlowDatagramHandler, WorkerCommandHandler } from "../fixtures/worker-commands.ts";
import { ask } from "../support/ask.ts";
import { eventually } from "../support/eventually.ts";
import { soon } from "../support/soon.ts";
import { temporaryPath } from "../support/temporary-path.ts";
import { watchWorkers } from "../support/watch-workers.ts";
import { WORKER_KINDS, type KindOptions, type WorkerServer } from "../support/worker-kinds.ts";

const MEBIBYTE = 1_048_576;

/** How long a client that takes its time may take, in milliseconds: much longer than anything here. */
const PATIENT_MS = 20_000;

/** How long requests may go on that are cut then: what ends by itself needs less on a busy machine, in milliseconds. */
const GRACE_MS = 1_000;

/** A way in which connections reach workers. */
interface DrainCell {
  readonly name: string;
  readonly server: AnyServerClass<WorkerServer>;
  readonly address: () => Promise<unknown>;
  readonly options: (count: number, options?: KindOptions) => object;
  /** Whether the peer of a connection that is cut can tell that from its end. */
  readonly resets: boolean;
}

const port = async (): Promise<unknown> => ({ host: "127.0.0.1", port: 0 });
const path = async (): Promise<unknown> => ({ path: await temporaryPath() });

const CELLS: readonly DrainCell[] = WORKER_KINDS.flatMap(({ name, TCP, Unix, workers }) => [
  { name: `TCP, ${name}`, server: TCP, address: port, options: workers, resets: true },
  {
    name: `TCP, ${name}, relay`,
    server: TCP,
    address: port,
    options: (count: number, { pool, ...others }: KindOptions = {}) =>
      workers(count, { ...others, pool: { ...pool, relay: true } }),
    resets: true,
  },
  { name: `Unix, ${name}`, server: Unix, address: path, options: workers, resets: false },
]);

beforeEach(() => leakCheck());

/** What handlers that never end say before they go on for ever. */
const BEGUN: Readonly<Record<string, string>> = { insist: "insisting", burn: "burning" };

/** Clients that have these things done, each by another worker in turn; those that never end have begun. */
async function clientsThat(running: RunningServer, commands: readonly string[]): Promise<Connection[]> {
  const clients: Connection[] = [];
  for (const command of commands) {
    const client = await dial(running.address);
    await ask(client, "where");
    if (command in BEGUN) expect(await ask(client, command)).toBe(BEGUN[command]);
    else if (command !== "") await client.sendAll(`${command}\n`);
    clients.push(client);
  }
  return clients;
}

/** The ids of requests, in order. */
function idsOf(requests: readonly { readonly id: number }[]): number[] {
  return requests.map(({ id }) => id).toSorted((one, other) => one - other);
}

/** Hold this thread up. */
function stall(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/** What a client gets after the cut: a reset, or where there is none the end. */
async function expectCut(client: Connection, { resets }: DrainCell): Promise<void> {
  if (resets) await expect(client.recv()).rejects.toMatchObject({ code: "ECONNRESET" });
  else expect(await client.recv()).toHaveLength(0);
}

describe.each(CELLS)("close() of a server with workers: $name", (cell) => {
  const { server, address, options } = cell;
  const start = async (count: number, others?: KindOptions): Promise<RunningServer<WorkerServer>> =>
    serve(WorkerCommandHandler, { server, address: await address(), options: options(count, others) });

  test("lets running requests end, ends idle ones, and its report adds up", async () => {
    const running = await start(2);
    const clients = await clientsThat(running, ["pause 200", "pause 300", "", "", "answer 3"]);
    const [first, second, idle, otherIdle, loaded] = clients as [
      Connection,
      Connection,
      Connection,
      Connection,
      Connection,
    ];
    await eventually(() => expect(running.server.workers.map(({ active }) => active)).toEqual([3, 2]));
    const closing = soon(running.close(), 10_000);
    expect(await idle.recv()).toHaveLength(0);
    expect(await otherIdle.recv()).toHaveLength(0);
    expect(String(await first.recv())).toBe("rested\n");
    expect(String(await second.recv())).toBe("rested\n");
    expect(await loaded.recvExactly(3 * MEBIBYTE)).toHaveLength(3 * MEBIBYTE);
    for (const client of clients) {
      expect(await client.recv()).toHaveLength(0);
      await client.close();
    }
    expect(await closing).toMatchObject({ open: 5, finished: 5, cut: [], neverSettled: 0, callers: 0, refused: 0 });
    expect(running.closedRequests.map(({ reason }) => reason)).toEqual(["done", "done", "done", "done", "done"]);
    expect(running.server.workers).toEqual([]);
    expect(running.errors).toEqual([]);
  });

  test("resets at the deadline what still runs in any worker, and reports each", async () => {
    const running = await start(2);
    const log = watchWorkers(running);
    const clients = await clientsThat(running, ["insist", "insist", `pause ${PATIENT_MS}`, ""]);
    const [insisting, otherInsisting, slow, idle] = clients as [Connection, Connection, Connection, Connection];
    const graceMs = GRACE_MS;
    const closing = soon(running.close({ graceMs }), 10_000);
    expect(await idle.recv()).toHaveLength(0);
    await idle.close();
    await expectCut(insisting, cell);
    await expectCut(otherInsisting, cell);
    await expectCut(slow, cell);
    const report = await closing;
    expect(report).toMatchObject({ open: 4, finished: 1, callers: 0, refused: 0 });
    expect(idsOf(report.cut)).toEqual([1, 2, 3]);
    expect(report.durationMs).toBeGreaterThanOrEqual(graceMs - 5);
    // None of their code runs any more, but it did not end by itself.
    expect(report.neverSettled).toBe(3);
    expect(running.closedRequests).toHaveLength(4);
    expect(running.closedRequests.filter(({ reason }) => reason === "drain")).toHaveLength(3);
    expect(log.exits).toHaveLength(2);
    for (const client of clients) client.abort();
  });

  test("ends workers that compute for ever soon after the deadline, and with them what they hold", async () => {
    const running = await start(3);
    const log = watchWorkers(running);
    const clients = await clientsThat(running, ["", "", "", "burn", "burn", "pause 100"]);
    const [trapped, alsoTrapped, idle, burning, alsoBurning, resting] = clients as [
      Connection,
      Connection,
      Connection,
      Connection,
      Connection,
      Connection,
    ];
    const closing = soon(running.close({ graceMs: GRACE_MS }), 10_000);
    expect(String(await resting.recv())).toBe("rested\n");
    for (const client of [idle, resting]) {
      expect(await client.recv()).toHaveLength(0);
      await client.close();
    }
    const report = await closing;
    expect(running.errors).toEqual([]);
    expect(report).toMatchObject({ open: 6, finished: 2, callers: 0 });
    expect(idsOf(report.cut)).toEqual([1, 2, 4, 5]);
    expect(running.closedRequests).toHaveLength(6);
    expect(running.closedRequests.filter(({ reason }) => reason === "drain")).toHaveLength(4);
    expect(running.server.workers).toEqual([]);
    await eventually(() => expect(log.exits).toHaveLength(3));
    // Their peers see an end in any case.
    for (const client of [trapped, alsoTrapped, burning, alsoBurning]) {
      await soon(client.recv().catch(() => Buffer.alloc(0)));
      client.abort();
    }
  });
});

describe.each(WORKER_KINDS)("close() of a server with $name", ({ TCP, workers }) => {
  test("has closed every request when it resolves, also if the listener side was held up while its workers ended", async () => {
    const running = await serve(WorkerCommandHandler, { server: TCP, options: workers(1) });
    const [burning] = (await clientsThat(running, ["burn"])) as [Connection];
    await eventually(() => expect(running.server.workers).toMatchObject([{ state: "ready", active: 1 }]));
    // While serverStop() waits for the worker, and until it has waited for too long.
    setTimeout(() => stall(600), 600);
    await soon(running.close({ graceMs: 0 }), 5_000);
    burning.abort();
    expect(running.errors).toEqual([]);
    expect(running.closedRequests).toMatchObject([{ id: 1, reason: "drain" }]);
    expect(running.server.workers).toEqual([]);
  });
});

describe.each(WORKER_KINDS)("close() of a UDP server with $name", ({ UDP, workers }) => {
  test("lets the replies of datagrams out that are being handled", async () => {
    const running = await serve(SlowDatagramHandler, { server: UDP, options: workers(2) });
    const { address } = running;
    const replies = ["100", "150", "200", "250"].map((packet) => talkDatagram(address, packet));
    await eventually(() => expect(running.requests).toHaveLength(4));
    const report = await soon(running.close());
    const places = (await Promise.all(replies)).map(String);
    expect(new Set(places).size).toBe(2);
    expect(report).toMatchObject({ open: 4, finished: 4, cut: [], refused: 0 });
    expect(running.closedRequests.map(({ reason }) => reason)).toEqual(["done", "done", "done", "done"]);
    expect(running.errors).toEqual([]);
  });

  test("cuts those that take too long", async () => {
    const running = await serve(SlowDatagramHandler, { server: UDP, options: workers(2) });
    const address: Address = running.address;
    const late = talkDatagram(address, String(PATIENT_MS), { timeoutMs: 4_000 });
    const early = talkDatagram(address, "100");
    await eventually(() => expect(running.requests).toHaveLength(2));
    const report = await soon(running.close({ graceMs: GRACE_MS }), 10_000);
    expect(report).toMatchObject({ open: 2, finished: 1, neverSettled: 1 });
    expect(await early).toBeDefined();
    expect(report.cut).toHaveLength(1);
    expect(running.closedRequests.map(({ reason }) => reason)).toEqual(["done", "drain"]);
    expect(await late).toBeUndefined();
  });
});
