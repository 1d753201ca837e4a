/**
 * The server's state machine against a model, over generated orders of calls.
 *
 * Calls are made without waiting for the earlier ones, from outside and from inside of handlers, of servers with and without room. Whatever the order:
 * every call settles, with one of its documented results; the state only moves forward as documented; every request that was taken is closed once; nothing
 * is left when `close()` resolves.
 */
import {
  AsyncTCPServer,
  ForkingTCPServer,
  TCPServer,
  ThreadingTCPServer,
  ThreadingUnixStreamServer,
  UnixStreamServer,
  type ServerOptions,
  type ServerState,
  type TCPServer as Server,
} from "@socketserver/core";
import { dial, leakCheck } from "@socketserver/testing";
import fc from "fast-check";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as nextTurn, setTimeout as delay } from "node:timers/promises";
import { describe, expect, test } from "vitest";

import { CallingHandler, HANDLER_CALLS, type HandlerCall } from "./fixtures/calling-handler.ts";

type Step =
  | { readonly kind: "listen" | "serve" | "handleRequest" | "shutdown" | "close" | "closeNow" }
  | { readonly kind: "wait"; readonly turns: number }
  | { readonly kind: "client"; readonly call: HandlerCall };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constantFrom("listen", "serve", "handleRequest", "shutdown", "close", "closeNow") }),
  fc.record({ kind: fc.constant("wait"), turns: fc.integer({ min: 1, max: 12 }) }),
  fc.record({ kind: fc.constant("client"), call: fc.constantFrom(...HANDLER_CALLS) }),
);

const ALLOWED_CODES = ["ERR_SOCKETSERVER_SERVER_CLOSED", "ERR_SOCKETSERVER_ALREADY_SERVING"];

/** What a client sees of a server that is gone, or that refuses. */
const GONE = ["ECONNREFUSED", "ECONNRESET", "ENOENT", "EPIPE"];

function codeOf(error: unknown): unknown {
  return (error as { readonly code?: unknown }).code;
}

const NEXT: Readonly<Record<ServerState, readonly ServerState[]>> = {
  new: ["new", "listening", "serving", "draining", "closed"],
  listening: ["listening", "serving", "draining", "closed"],
  serving: ["serving", "listening", "draining", "closed"],
  draining: ["draining", "closed"],
  closed: ["closed"],
};

/** Runs the steps of one case against one server. */
class Case {
  readonly #server: Server;
  /** What one turn of a step that waits is. */
  readonly #pause: () => Promise<unknown>;
  readonly #calls: Promise<unknown>[] = [];
  readonly #taken: number[] = [];
  readonly #closed: number[] = [];
  #state: ServerState = "new";

  constructor(server: Server, pause: () => Promise<unknown> = nextTurn) {
    this.#server = server;
    this.#pause = pause;
    server.on("request", ({ id }) => this.#taken.push(id));
    server.on("requestClosed", ({ id }) => this.#closed.push(id));
    server.on("requestError", (error) => {
      throw new Error(`Cannot go on: no handler may fail here, ${String(error)}`);
    });
  }

  async run(steps: readonly Step[]): Promise<void> {
    for (const one of steps) {
      this.#call(one);
      this.#observe();
      for (let turn = 0; one.kind === "wait" && turn < one.turns; turn++) await this.#pause();
    }
    this.#note(this.#close(200));
    for (const result of await Promise.allSettled(this.#calls)) {
      if (result.status === "rejected" && !ALLOWED_CODES.includes(String(codeOf(result.reason)))) throw result.reason;
    }
    this.#observe();
    expect(new Set(this.#closed)).toEqual(new Set(this.#taken));
    expect(this.#closed).toHaveLength(this.#taken.length);
  }

  /** A call whose result is looked at in the end. */
  #note(call: Promise<unknown>): void {
    call.catch(() => {
      // run() judges it.
    });
    this.#calls.push(call);
  }

  #call(one: Step): void {
    const server = this.#server;
    if (one.kind === "listen") this.#note(server.listen());
    if (one.kind === "serve") this.#note(server.serveForever());
    if (one.kind === "handleRequest") this.#note(server.handleRequest());
    if (one.kind === "shutdown") this.#note(server.shutdown());
    if (one.kind === "close") this.#note(this.#close(200));
    if (one.kind === "closeNow") this.#note(this.#close(0));
    if (one.kind === "client") this.#note(this.#talk(one.call));
  }

  /** Whoever closes from outside waits for everything. */
  async #close(graceMs: number): Promise<void> {
    await this.#server.close({ graceMs });
    const { state, activeRequests, statistics, serverAddress } = this.#server;
    expect([state, activeRequests, statistics.waiting]).toEqual(["closed", 0, 0]);
    if ("path" in serverAddress) expect(existsSync(serverAddress.path)).toBe(false);
  }

  /** A client may be refused or cut, or wait unserved until the server closes; but what it gets is whole. */
  async #talk(call: HandlerCall): Promise<void> {
    const address = await this.#server.listen();
    try {
      await using connection = await dial(address);
      await connection.sendAll(call);
      let answer = "";
      for await (const chunk of connection) answer += String(chunk);
      expect(["", `${call} done`]).toContain(answer);
    } catch (error) {
      if (!GONE.includes(String(codeOf(error)))) throw error;
    }
  }

  #observe(): void {
    const { state } = this.#server;
    expect(NEXT[this.#state]).toContain(state);
    this.#state = state;
  }
}

let paths = 0;

function newPath(): string {
  return join(tmpdir(), `model-${process.pid}-${paths++}.sock`);
}

/** For whom there is room. */
const limits: fc.Arbitrary<ServerOptions> = fc.constantFrom<ServerOptions>(
  {},
  { maxConnections: 0, admissionWaitMs: 60_000 },
  { maxConnections: 1, admissionWaitMs: 60_000 },
  { maxConnections: 2 },
  { requestQueueSize: 1 },
);

const COMMON = { lingerMs: 100 };

describe.each([
  ["TCPServer", (options: ServerOptions) => new TCPServer({ port: 0 }, CallingHandler, options)],
  ["AsyncTCPServer", (options: ServerOptions) => new AsyncTCPServer({ port: 0 }, CallingHandler, options)],
  ["UnixStreamServer", (options: ServerOptions) => new UnixStreamServer({ path: newPath() }, CallingHandler, options)],
] as const)("the states of %s", (_name, make) => {
  test("hold over generated orders of calls", async () => {
    const expectNothingLeft = leakCheck();
    await fc.assert(
      fc.asyncProperty(limits, fc.array(step, { maxLength: 12 }), async (options, steps) => {
        await new Case(make({ ...COMMON, ...options })).run(steps);
      }),
      {
        numRuns: Number(process.env["MODEL_RUNS"] ?? 300),
        plugins: [fc.interruptAfterTimeLimit(60_000, { failOnInterrupt: true })],
      },
    );
    await expectNothingLeft();
  }, 120_000);
});

/** A part of the runs that servers have whose workers need no start. */
const runs = (part: number): number => Math.ceil(Number(process.env["MODEL_RUNS"] ?? 300) / part);

describe.each([
  [
    "ThreadingTCPServer",
    (options: ServerOptions) =>
      new ThreadingTCPServer({ port: 0 }, CallingHandler, { ...options, threading: { threads: 1 } }),
    runs(10),
  ],
  [
    "ThreadingTCPServer (relay)",
    (options: ServerOptions) =>
      new ThreadingTCPServer({ port: 0 }, CallingHandler, { ...options, threading: { threads: 1, relay: true } }),
    runs(10),
  ],
  [
    "ThreadingUnixStreamServer",
    (options: ServerOptions) =>
      new ThreadingUnixStreamServer({ path: newPath() }, CallingHandler, { ...options, threading: { threads: 1 } }),
    runs(20),
  ],
  [
    "ForkingTCPServer",
    (options: ServerOptions) =>
      new ForkingTCPServer({ port: 0 }, CallingHandler, { ...options, forking: { processes: 1 } }),
    runs(20),
  ],
] as const)("the states of %s", (_name, make, numRuns) => {
  test("hold over generated orders of calls, from the start and once it listens", async () => {
    const expectNothingLeft = leakCheck();
    await fc.assert(
      fc.asyncProperty(fc.boolean(), limits, fc.array(step, { maxLength: 12 }), async (listens, options, steps) => {
        const server = make({ ...COMMON, ...options });
        if (listens) await server.listen();
        // A message to a worker and back takes longer than a turn.
        await new Case(server, () => delay(1)).run(steps);
      }),
      { numRuns, plugins: [fc.interruptAfterTimeLimit(60_000, { failOnInterrupt: true })] },
    );
    await expectNothingLeft();
  }, 120_000);
});
