import type { BaseServer, WorkerView } from "@socketserver/core";
import { dial, leakCheck, serve, talk, type AnyServerClass, type RunningServer } from "@socketserver/testing";
import { writeFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { beforeEach, describe, expect, test, vi } from "vitest";

import { ExitingHandler } from "../fixtures/failing-handlers.ts";
import {
  AbortingForkingServer,
  HeldSetupForkingServer,
  MisguidedForkingServer,
  NestingForkingServer,
  PlaceHandler,
  WatchingForkingServer,
} from "../fixtures/odd-processes.ts";
import {
  AbortingServer,
  FailOrHangServer,
  HeldSetupServer,
  MisguidedServer,
  NestingHandler,
  NestingServer,
  SlowCloseServer,
  WatchingServer,
} from "../fixtures/odd-threads.ts";
import { CommandHandler } from "../fixtures/thread-handlers.ts";
import { ask } from "../support/ask.ts";
import { soon } from "../support/soon.ts";
import { temporaryPath } from "../support/temporary-path.ts";

beforeEach(() => leakCheck());

const THREADS = { threading: { threads: 2 } };

/** Chooses what the test says. */
interface Misguided extends BaseServer {
  readonly workers: readonly WorkerView[];
  choice: ((candidates: readonly WorkerView[]) => unknown) | undefined;
}

/** Servers with two workers. */
interface Kind {
  readonly kind: string;
  readonly handler: unknown;
  readonly aborting: AnyServerClass<BaseServer & { readonly closes: number }>;
  readonly watching: AnyServerClass;
  readonly misguided: AnyServerClass<Misguided>;
  readonly options: object;
}

/** Threads and processes, each with connections that move and with such that are relayed. */
const KINDS: readonly Kind[] = [
  {
    kind: "threading",
    handler: CommandHandler,
    aborting: AbortingServer,
    watching: WatchingServer,
    misguided: MisguidedServer,
    options: THREADS,
  },
  {
    kind: "threading, relaying",
    handler: CommandHandler,
    aborting: AbortingServer,
    watching: WatchingServer,
    misguided: MisguidedServer,
    options: { threading: { threads: 2, relay: true } },
  },
  {
    kind: "forking",
    handler: PlaceHandler,
    aborting: AbortingForkingServer,
    watching: WatchingForkingServer,
    misguided: MisguidedForkingServer,
    options: { forking: { processes: 2 } },
  },
  {
    kind: "forking, relaying",
    handler: PlaceHandler,
    aborting: AbortingForkingServer,
    watching: WatchingForkingServer,
    misguided: MisguidedForkingServer,
    options: { forking: { processes: 2, relay: true } },
  },
];

/** Memory that a server shares with its threads, and the option that says so. */
function sharedMemory(): { readonly numbers: Int32Array; readonly shared: object } {
  const numbers = new Int32Array(new SharedArrayBuffer(8));
  return { numbers, shared: { memory: numbers.buffer } };
}

async function requestCount({ requests, server }: RunningServer, count: number): Promise<void> {
  while (requests.length < count) await new Promise((resolve) => server.once("request", resolve));
}

describe("close() of a forking server", () => {
  test("cuts a request that waits for a process which is not ready", async () => {
    const by = await temporaryPath("hold");
    const options = { forking: { processes: 1 }, held: { by } };
    const running = await serve(ExitingHandler, { server: HeldSetupForkingServer, options });
    await writeFile(by, "");
    const exited = new Promise((resolve) => running.server.once("workerExit", resolve));
    const first = await dial(running.address);
    await exited;
    const waiting = await dial(running.address);
    await requestCount(running, 2);
    const report = await soon(running.close({ graceMs: 20 }));
    expect(report).toMatchObject({ open: 1, finished: 0, cut: [{ id: 2 }] });
    expect(running.closedRequests).toMatchObject([{ id: 1 }, { id: 2, reason: "drain" }]);
    expect(running.server.activeRequests).toBe(0);
    expect(running.server.workers).toEqual([]);
    await soon(waiting.recv().catch((error: unknown) => expect(error).toMatchObject({ code: "ECONNRESET" })));
    first.abort();
    waiting.abort();
  });

  test.each(["listen", "serveForever"] as const)("twice while its processes start: %s() settles", async (method) => {
    const by = await temporaryPath("hold");
    await writeFile(by, "");
    const options = { forking: { processes: 2 }, held: { by } };
    const server = new HeldSetupForkingServer({ port: 0 }, PlaceHandler, options);
    const starting = server[method]().then(
      () => "resolves",
      (error: unknown) => (error as { readonly code?: unknown }).code,
    );
    await delay(50);
    const [first, second] = await soon(Promise.all([server.close(), server.close({ graceMs: 0 })]));
    expect(first).toBe(second);
    expect(await soon(starting)).toBe(method === "listen" ? "ERR_SOCKETSERVER_SERVER_CLOSED" : "resolves");
    expect(server.state).toBe("closed");
  });
});

describe("close() of a threading server", () => {
  test("cuts a request that waits for a thread which is not ready", async () => {
    const { numbers, shared } = sharedMemory();
    const options = { threading: { threads: 1 }, shared };
    const running = await serve(ExitingHandler, { server: HeldSetupServer, options });
    numbers[0] = 1;
    const exited = new Promise((resolve) => running.server.once("workerExit", resolve));
    const first = await dial(running.address);
    await exited;
    const waiting = await dial(running.address);
    await requestCount(running, 2);
    const report = await soon(running.close({ graceMs: 20 }));
    expect(report).toMatchObject({ open: 1, finished: 0, cut: [{ id: 2 }] });
    expect(running.closedRequests.map(({ id }) => id)).toEqual([1, 2]);
    expect(running.closedRequests[1]).toMatchObject({ reason: "drain" });
    expect(running.server.activeRequests).toBe(0);
    expect(running.server.workers).toEqual([]);
    await soon(waiting.recv().catch((error: unknown) => expect(error).toMatchObject({ code: "ECONNRESET" })));
    first.abort();
    waiting.abort();
  });

  test("waits for closeRequest() in the thread, and counts the request until then", async () => {
    const { numbers, shared } = sharedMemory();
    const running = await serve(CommandHandler, {
      server: SlowCloseServer,
      options: { threading: { threads: 1 }, shared, graceMs: 10_000 },
    });
    expect(String(await talk(running.address, "where\n"))).not.toBe("");
    await running.closedCount(1);
    expect(running.server.activeRequests).toBe(1);
    const closing = running.close();
    // The other end of what is waited for is in our hands: it does not come before we say so.
    expect(await Promise.race([closing, delay(100, "waits")])).toBe("waits");
    expect(running.server.activeRequests).toBe(1);
    Atomics.store(numbers, 0, 1);
    expect(await soon(closing)).toMatchObject({ open: 1, finished: 1, cut: [] });
    expect(numbers[1]).toBe(1);
    expect(running.server.activeRequests).toBe(0);
  });

  test("does not wait for closeRequest() in the thread beyond the grace", async () => {
    const { shared } = sharedMemory();
    const running = await serve(CommandHandler, {
      server: SlowCloseServer,
      options: { threading: { threads: 1 }, shared },
    });
    expect(String(await talk(running.address, "where\n"))).not.toBe("");
    await running.closedCount(1);
    await soon(running.close({ graceMs: 50 }));
    expect(running.closedRequests).toHaveLength(1);
    expect(running.server.activeRequests).toBe(0);
  });

  test.each(["listen", "serveForever"] as const)("twice while its threads start: %s() settles", async (method) => {
    const { numbers, shared } = sharedMemory();
    numbers[0] = 1;
    const server = new HeldSetupServer({ port: 0 }, CommandHandler, {
      ...THREADS,
      shared,
    } as never);
    const starting = server[method]().then(
      () => "resolves",
      (error: unknown) => (error as { readonly code?: unknown }).code,
    );
    await delay(50);
    const closing = [server.close(), server.close({ graceMs: 0 })];
    const [first, second] = await soon(Promise.all(closing));
    expect(first).toBe(second);
    expect(await soon(starting)).toBe(method === "listen" ? "ERR_SOCKETSERVER_SERVER_CLOSED" : "resolves");
    expect(server.state).toBe("closed");
  });
});

describe.each(KINDS)("verifyRequest() of a $kind server", ({ handler, aborting, watching, options }) => {
  test("may abort the request, which is closed once, and gone", async () => {
    await using running = await serve(handler, {
      server: aborting,
      options,
    });
    // The reset may come before it knows that it is connected.
    const aborted = await dial(running.address).catch(() => undefined);
    expect(await soon(running.closedCount(1))).toMatchObject([{ id: 1, reason: "aborted" }]);
    await vi.waitFor(() => expect(running.server.activeRequests).toBe(0));
    expect(running.server.closes).toBe(1);
    aborted?.abort();
    expect(String(await talk(running.address, "where\n"))).toMatch(/^\d+\n$/);
    expect(running.server.closes).toBe(1);
    expect(running.errors).toEqual([]);
  });

  test("may ask for the signal of a request, which goes to a worker with all of its bytes", async () => {
    await using running = await serve(handler, { server: watching, options });
    await using client = await dial(running.address);
    const place = await soon(ask(client, "where"));
    expect(["", "0", String(process.pid)]).not.toContain(place);
    expect(await ask(client, "where")).toBe(place);
    expect(running.errors).toEqual([]);
  });
});

describe.each(KINDS)("chooseWorker() of a $kind server", ({ handler, misguided, options }) => {
  // Nobody ends the connection of a request that no worker got.
  const brief = { ...options, lingerMs: 50 };

  /** Below the patience of the test: a server that asks for ever would else never let it fail. */
  function bounded(choose: () => unknown): () => unknown {
    let calls = 0;
    return () => {
      if (++calls > 1_000) throw new Error("chooseWorker() is asked for ever");
      return choose();
    };
  }

  test.each([
    ["nothing", undefined],
    ["null", null],
    ["something that is no worker", { id: 99, active: 0, served: 0 }],
  ])("that answers %s ends the request with an error, and the next one is served", async (_name, answer) => {
    await using running = await serve(handler, { server: misguided, options: brief });
    running.server.choice = bounded(() => answer);
    const client = await dial(running.address);
    expect(await soon(running.closedCount(1))).toMatchObject([{ id: 1 }]);
    expect(running.errors).toMatchObject([{ code: "ERR_SOCKETSERVER_INVALID_ARGUMENT" }]);
    client.abort();
    running.server.choice = undefined;
    expect(String(await talk(running.address, "where\n"))).toMatch(/^\d+\n$/);
  });

  test("that answers a worker which is gone ends the request with an error, and the next one is served", async () => {
    await using running = await serve(handler, { server: misguided, options: brief });
    const exited = new Promise((resolve) => running.server.once("workerExit", resolve));
    const dead = running.server.workers[0] as WorkerView;
    running.server.choice = () => dead;
    const lost = await dial(running.address);
    await lost.sendAll("exit\n");
    await exited;
    await running.closedCount(1);
    running.server.choice = bounded(() => dead);
    const client = await dial(running.address);
    // Timers run, else nobody could wait for this.
    expect(await soon(running.closedCount(2))).toMatchObject([{ reason: "worker-lost" }, { id: 2 }]);
    expect(running.errors).toMatchObject([
      { code: "ERR_SOCKETSERVER_WORKER_LOST" },
      { code: "ERR_SOCKETSERVER_INVALID_ARGUMENT" },
    ]);
    running.server.choice = undefined;
    expect(String(await talk(running.address, "where\n"))).toMatch(/^\d+\n$/);
    client.abort();
    lost.abort();
  });
});

describe("listen() of a threading server", () => {
  test("rejects with the failure of one thread although another one never ends to set up", async () => {
    const { shared } = sharedMemory();
    const server = new FailOrHangServer({ port: 0 }, CommandHandler, {
      ...THREADS,
      shared,
    } as never);
    await expect(soon(server.listen(), 5_000)).rejects.toThrow("workerSetup fails");
    expect(server.state).toBe("new");
    await soon(server.close());
  });
});

describe.each([
  { kind: "thread", handler: NestingHandler, server: NestingServer as AnyServerClass, options: THREADS },
  {
    kind: "process",
    handler: NestingHandler,
    server: NestingForkingServer as AnyServerClass,
    options: { forking: { processes: 2 } },
  },
])("a worker that is a $kind", ({ handler, server, options }) => {
  test("may start servers of its own, while it sets up and in a request", async () => {
    await using running = await serve(handler, { server, options });
    const answer = String(await talk(running.address, ""));
    const [own, inner] = JSON.parse(answer) as [number, number];
    expect(own).toBeGreaterThan(0);
    expect(inner).toBeGreaterThan(0);
    expect(new Set([own, inner, running.port]).size).toBe(3);
    expect(running.errors).toEqual([]);
  });
});
