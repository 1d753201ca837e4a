/**
 * Servers that take over from each other, over generated orders of calls.
 *
 * Calls are made without waiting for the earlier ones, to any server of a few. Whatever the order: every call settles with one of its documented results,
 * whoever was let in is served or told that it was not, nobody is served twice, every server ends with nothing open, and the file is gone.
 */
import {
  AsyncTCPServer,
  AsyncUnixStreamServer,
  TCPServer,
  ThreadingTCPServer,
  UnixStreamServer,
  type BaseServer,
  type Connection,
} from "@socketserver/core";
import { dial, leakCheck } from "@socketserver/testing";
import fc from "fast-check";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as nextTurn, setTimeout as delay } from "node:timers/promises";
import { describe, expect, test } from "vitest";

import { LineLoopHandler } from "./fixtures/conversation-handlers.ts";
import { soon } from "./support/soon.ts";

/** How many servers a case has. */
const SERVERS = 5;

type Call =
  | "listen"
  | "serve"
  | "handleRequest"
  | "shutdown"
  | "close"
  | "closeNow"
  | "lameDuck"
  | "shut out"
  | "let in";

/** Who is called: the server that took over last, or will next, or one of those before it. */
type Step =
  | { readonly kind: "call"; readonly call: Call; readonly back: number }
  | { readonly kind: "takeOver"; readonly back: number; readonly serves: boolean }
  | { readonly kind: "wait"; readonly turns: number }
  | { readonly kind: "client"; readonly turns: number };

const CALLS: readonly Call[] = [
  "listen",
  "serve",
  "serve",
  "handleRequest",
  "shutdown",
  "close",
  "closeNow",
  "lameDuck",
  "shut out",
  "let in",
];

const turns = fc.integer({ min: 1, max: 8 });
const anyBack = fc.constantFrom(0, 0, 0, 1, 2);

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("call"), call: fc.constantFrom(...CALLS), back: anyBack }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("takeOver"), back: anyBack, serves: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("wait"), turns }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("client"), turns }) },
);

const ALLOWED_CODES = ["ERR_SOCKETSERVER_SERVER_CLOSED", "ERR_SOCKETSERVER_ALREADY_SERVING", "EADDRINUSE"];

/** What a client sees of a server that is gone, or that refuses. */
const GONE = ["ECONNREFUSED", "ECONNRESET", "ENOENT", "EPIPE"];

function codeOf(error: unknown): string {
  return String((error as { readonly code?: unknown }).code);
}

/** One case. */
class Case {
  readonly #servers: readonly BaseServer<Connection>[];
  readonly #pause: () => Promise<unknown>;
  readonly #calls: Promise<unknown>[] = [];
  readonly #clients: Promise<unknown>[] = [];
  readonly #complaints: unknown[] = [];
  #answered = 0;
  #newest = 0;

  constructor(servers: readonly BaseServer<Connection>[], pause: () => Promise<unknown>) {
    this.#servers = servers;
    this.#pause = pause;
    for (const one of servers) {
      one.on("acceptError", (error) => this.#complaints.push(error));
      one.on("requestError", (error) => this.#complaints.push(error));
      one.on("drop", ({ reason }) => {
        const leaves = one.state === "draining" || one.state === "closed";
        if (reason === "draining" && !leaves) this.#complaints.push(`${reason} while ${one.state}`);
      });
    }
  }

  async run(steps: readonly Step[]): Promise<void> {
    for (const one of steps) {
      this.#take(one);
      for (let turn = 0; one.kind === "wait" && turn < one.turns; turn++) await this.#pause();
    }
    for (const one of this.#servers) this.#note(one.close({ graceMs: 500, lameDuckMs: 0 }));
    for (const result of await soon(Promise.allSettled(this.#calls), 10_000)) {
      if (result.status === "rejected" && !ALLOWED_CODES.includes(codeOf(result.reason))) throw result.reason;
    }
    await soon(Promise.all(this.#clients), 10_000);
    expect(this.#complaints).toEqual([]);
    this.#expectEnded();
  }

  #expectEnded(): void {
    let taken = 0;
    for (const { state, activeRequests, statistics } of this.#servers) {
      expect([state, activeRequests, statistics.waiting]).toEqual(["closed", 0, 0]);
      taken += statistics.taken;
    }
    expect(this.#answered).toBeLessThanOrEqual(taken);
  }

  /** A call whose result is looked at in the end. */
  #note(call: Promise<unknown>): void {
    call.catch(() => {
      // run() judges it.
    });
    this.#calls.push(call);
  }

  #take(one: Step): void {
    if (one.kind === "wait") return;
    if (one.kind === "client") this.#clients.push(this.#talk(one.turns));
    else if (one.kind === "call") this.#note(this.#call(this.#server(one.back), one.call));
    else this.#takeOver(one.back, one.serves);
  }

  #takeOver(back: number, serves: boolean): void {
    const from = this.#server(back);
    if (this.#newest < SERVERS - 1) this.#newest++;
    const next = this.#server(0);
    this.#note(next.takeOver(from));
    if (serves) this.#note(next.serveForever());
  }

  #server(back: number): BaseServer<Connection> {
    return this.#servers[Math.max(this.#newest - back, 0)] as BaseServer<Connection>;
  }

  #call(target: BaseServer, call: Call): Promise<unknown> {
    if (call === "listen") return target.listen();
    if (call === "serve") return target.serveForever();
    if (call === "handleRequest") return target.handleRequest();
    if (call === "shutdown") return target.shutdown();
    if (call === "close") return target.close({ graceMs: 500 });
    if (call === "closeNow") return target.close({ graceMs: 0 });
    if (call === "lameDuck") return target.close({ graceMs: 500, lameDuckMs: 20 });
    return target.changeAdmission({ maxConnections: call === "let in" ? 100 : 0 });
  }

  /** A client may be refused, or cut, or wait until the end; but what it gets is the whole answer, and comes once. */
  async #talk(stays: number): Promise<void> {
    const address = (this.#servers[0] as BaseServer).serverAddress;
    try {
      await using client = await dial(address);
      await client.sendAll("hello\n");
      for (let turn = 0; turn < stays; turn++) await this.#pause();
      client.shutdown("write");
      let answer = "";
      for await (const chunk of client) answer += String(chunk);
      expect(["", "hello\n"]).toContain(answer);
      if (answer !== "") this.#answered++;
    } catch (error) {
      if (!GONE.includes(codeOf(error))) throw error;
    }
  }
}

let paths = 0;

const OPTIONS = { admissionWaitMs: 60_000, lingerMs: 100, timeoutMs: 1_000 };
const runs = (part: number): number => Math.ceil(Number(process.env["MODEL_RUNS"] ?? 300) / part);

describe.each([
  ["AsyncTCPServer", () => AsyncTCPServer, {}, runs(1)],
  ["TCPServer and AsyncTCPServer", (index: number) => (index % 2 === 0 ? TCPServer : AsyncTCPServer), {}, runs(1)],
  [
    "UnixStreamServer and AsyncUnixStreamServer",
    (index: number) => (index % 2 === 0 ? UnixStreamServer : AsyncUnixStreamServer),
    {},
    runs(1),
  ],
  ["ThreadingTCPServer", () => ThreadingTCPServer, { threading: { threads: 1 } }, runs(20)],
] as const)("%s that take over from each other", (name, classOf, options, numRuns) => {
  test("hold over generated orders of calls", async () => {
    const expectNothingLeft = leakCheck();
    const isUnix = name.includes("Unix");
    const pause = name.includes("Threading") ? (): Promise<unknown> => delay(2) : (): Promise<unknown> => nextTurn();
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 24 }), async (steps) => {
        const path = join(tmpdir(), `take-over-${process.pid}-${paths++}.sock`);
        const servers = Array.from({ length: SERVERS }, (_, index) => {
          const Server = classOf(index) as unknown as typeof TCPServer;
          return new Server((isUnix ? { path } : { port: 0 }) as never, LineLoopHandler, { ...OPTIONS, ...options });
        });
        // Something to take over.
        await servers[0]?.listen();
        await new Case(servers, pause).run([{ kind: "call", call: "serve", back: 0 }, ...steps]);
        expect(existsSync(path)).toBe(false);
      }),
      { numRuns, plugins: [fc.interruptAfterTimeLimit(60_000, { failOnInterrupt: true })] },
    );
    await expectNothingLeft();
  }, 120_000);
});
