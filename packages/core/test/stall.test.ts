/**
 * A stall of three seconds of the listener's event loop expires nobody, though every clock is shorter: what stood still was this side.
 *
 * The clients live in a process of their own, and go on. Where handlers run in workers, those go on, too; the hard cases are the connections whose bytes
 * come and go through the listener, because the worker's clocks run while nothing can reach it or leave it.
 */
import type { Address } from "@socketserver/core";
import { leakCheck, type RunningServer } from "@socketserver/testing";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, test } from "vitest";

import { STREAM_CELLS, serveIn, type Cell } from "./conformance/matrix.ts";
import { ClockedHandler, GreetingHandler } from "./fixtures/clocked-handlers.ts";
import { eventually } from "./support/eventually.ts";
import { Program } from "./support/program.ts";
import { soon } from "./support/soon.ts";

const STALL_MS = 3_000;

/** All of them are over long before the stall is. */
const CLOCKS = {
  idleTimeoutMs: 1_500,
  firstByteTimeoutMs: 1_500,
  writeStallMs: 1_500,
  lingerMs: 1_500,
  minReadRate: 5,
  rateGraceMs: 1_000,
  verifyTimeoutMs: 1_500,
  admissionWaitMs: 2_000,
};

/** Where clients are when the loop stands still; what each does is in the program. */
const BY_CLOCKS = [
  "waits in a read",
  "answers what is sent to it",
  "is in the middle of a line",
  "sends a line byte by byte",
  "has not taken what is pending for it",
  "has seen the server's end, and has not ended",
  "waits for the server to speak first",
  "has not said anything yet",
];
const VERIFIED = "is being verified";
const OUTSIDE = "waits outside for admission";
const DEADLINE = "has a deadline";
const AGED = "has come to its age in the middle of a line";

/** A server, and the clients that it serves. */
interface Group {
  readonly handler: unknown;
  readonly options: object;
  readonly names: readonly string[];
}

/** All the groups of a cell. */
function everyPhase({ concurrency }: Cell): readonly Group[] {
  // A plain server serves one at a time.
  const groups = concurrency === "plain" ? BY_CLOCKS.map((name) => [name]) : [BY_CLOCKS];
  return [
    ...groups.map((names) => ({ handler: GreetingHandler, options: {}, names })),
    { handler: ClockedHandler, options: { maxConnections: 1 }, names: [VERIFIED, OUTSIDE] },
    { handler: ClockedHandler, options: { deadlineMs: 2_000 }, names: [DEADLINE] },
    { handler: ClockedHandler, options: { maxAgeMs: 1_000, graceMs: 1_000 }, names: [AGED] },
  ];
}

interface Outcome {
  /** What the clients print. */
  readonly lines: readonly string[];
  /** Why their connections were closed, or refused. */
  readonly reasons: readonly string[];
}

/** Servers of one cell, their clients, and what became of those. */
class Stall {
  readonly #cell: Cell;
  readonly #groups: readonly Group[];
  readonly #servers: RunningServer[] = [];
  readonly #plan: [name: string, address: Address][] = [];

  constructor(cell: Cell, groups: readonly Group[]) {
    this.#cell = cell;
    this.#groups = groups;
  }

  async run(): Promise<Outcome> {
    const expectNothingLeft = leakCheck();
    const outcome = await this.#runOut();
    await expectNothingLeft();
    return outcome;
  }

  async #runOut(): Promise<Outcome> {
    try {
      await this.#start();
      const path = new URL("fixtures/stall-peers-program.ts", import.meta.url).pathname;
      await using peers = new Program(process.execPath, [path, JSON.stringify(this.#plan)]);
      this.#verify(peers);
      await peers.line(/^placed$/);
      await eventually(() => expect(this.#taken).toBe(this.#plan.filter(([name]) => name !== OUTSIDE).length));
      // A hand-over takes a moment, and begins nothing that a test could see.
      await delay(100);
      peers.input("the loop stands still");
      holdUp(STALL_MS);
      await peers.end();
      await soon(Promise.all(this.#servers.map(({ server }) => server.close({ graceMs: 1_000 }))));
      return { lines: peers.lines, reasons: this.#servers.flatMap((server) => reasonsOf(server)) };
    } finally {
      await Promise.all(this.#servers.map((server) => server.close({ graceMs: 0 })));
    }
  }

  async #start(): Promise<void> {
    for (const { handler, options, names } of this.#groups) {
      const running = await serveIn(this.#cell, handler, { ...CLOCKS, ...options });
      this.#servers.push(running);
      for (const name of names) this.#plan.push([name, running.address]);
    }
  }

  /** The word for those who are to be verified comes while the loop stands still. */
  #verify(peers: Program): void {
    for (const [index, { names }] of this.#groups.entries()) {
      if (!names.includes(VERIFIED)) continue;
      (this.#servers[index] as RunningServer).server.verifyRequest = async () => {
        await peers.line(/^verified$/);
        return true;
      };
    }
  }

  get #taken(): number {
    return this.#servers.reduce((sum, { requests }) => sum + requests.length, 0);
  }
}

function holdUp(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

function reasonsOf({ closedRequests, drops }: RunningServer): string[] {
  return [...closedRequests, ...drops].map(({ reason }) => reason);
}

describe.each(STREAM_CELLS)("A stall of the listener's event loop of $name", (cell) => {
  let outcome: Promise<Outcome> | undefined;

  /** One stall for all of them; of the first test, because what it opens is closed with that. */
  function theStall(): Promise<Outcome> {
    outcome ??= new Stall(cell, everyPhase(cell)).run();
    return outcome;
  }

  test.each([...BY_CLOCKS, VERIFIED, OUTSIDE, DEADLINE, AGED])("leaves a client alone that %s", async (name) => {
    const { lines } = await theStall();
    expect(lines.find((line) => line.endsWith(name) || line.includes(`${name}: `))).toBe(`ok: ${name}`);
  });

  test("ends no connection for another reason than that its client has ended", async () => {
    const { reasons } = await theStall();
    expect(reasons.filter((reason) => reason !== "done" && reason !== "peer-end")).toEqual([]);
    expect(reasons).toHaveLength(BY_CLOCKS.length + 4);
  });
});

/** Nothing comes to their workers, or goes, but through the listener's loop. */
const RELAYED = STREAM_CELLS.filter(({ relayed, name }) => relayed || name === "ThreadingUnixStreamServer");

describe.each(RELAYED)("A stall of the listener's event loop of $name that ends just before a clock does", (cell) => {
  test("leaves a client alone that has got its answer only now", async () => {
    const names = ["answers what is sent to it"];
    const clocks = [2_300, 2_600].map((idleTimeoutMs) => ({
      handler: GreetingHandler,
      options: { idleTimeoutMs },
      names,
    }));
    const { lines, reasons } = await new Stall(cell, clocks).run();
    expect(lines).toEqual(["placed", ...clocks.map(() => `ok: ${names.join("")}`)]);
    expect(reasons).toEqual(clocks.map(() => "peer-end"));
  });
});
