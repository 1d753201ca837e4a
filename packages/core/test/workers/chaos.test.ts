/**
 * Workers die all the time, in every way, under full load, and nobody but their own clients notices.
 *
 * `CHAOS_MS` says for how long, `CHAOS_SEED` how: what happens is drawn from it, when it happens is up to the machine.
 */
import { ForkingTCPServer, ThreadingTCPServer, type BaseServer, type WorkerView } from "@socketserver/core";
import { leakCheck, serve, type RunningServer } from "@socketserver/testing";
import { randomInt } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { beforeEach, describe, expect, test, vi } from "vitest";

import { ChaosCommand, ChaosHandler } from "../fixtures/chaos-handler.ts";
import { ChaosClient } from "../support/chaos-client.ts";
import { ChaosLedger } from "../support/chaos-ledger.ts";
import { collectGarbage } from "../support/collect-garbage.ts";
import { countedHost } from "../support/counted-host.ts";
import { SeededRandom } from "../support/seeded-random.ts";

const CHAOS_MS = Number(process.env["CHAOS_MS"] ?? 8_000);
const SEED = Number(process.env["CHAOS_SEED"] ?? randomInt(2 ** 32));
const SAYS = `with CHAOS_SEED=${SEED}`;

/** Between them everything is quiet, and what is left can be counted. */
const ROUNDS = 4;
const CLIENTS = 20;
const WORKERS = 3;
/** Requests at once that end their workers. */
const FAULTS = 3;
/** Between two of them, in milliseconds. */
const PAUSE_MS = { min: 100, max: 300 };
/** At the end of a round nothing more goes wrong: the last workers have something to count. */
const CALM_MS = 500;
/** How long the pool may take to be whole again: the longest pauses before replacements, and slow starts. */
const QUIET = { timeout: 20_000, interval: 20 };

/** A thread that runs out of memory is left out: some versions of Node end the whole program instead. */
const THREAD_FAULTS = [ChaosCommand.exit, ChaosCommand.block, ChaosCommand.throw];
const PROCESS_FAULTS = [ChaosCommand.hold, ChaosCommand.block, ChaosCommand.throw, ChaosCommand.exhaust];

/** Complaints that a failure shows. */
const SHOWN = 20;

const OPTIONS = { heartbeatTimeoutMs: 1_000, maxHeapSize: 32 * 1_048_576 };

interface PooledServer extends BaseServer {
  readonly workers: readonly WorkerView[];
}

/** A server, its clients, and what ends its workers. */
class Chaos {
  readonly ledger: ChaosLedger;
  /** What ended so far. */
  exits = 0;
  /** Requests that were lost with it. */
  lost = 0;
  readonly #running: RunningServer<PooledServer>;
  readonly #faults: readonly ChaosCommand[];
  readonly #random = new SeededRandom(SEED);
  readonly #client = new ChaosClient(this.#random);
  #nextClient = 0;

  constructor(running: RunningServer<PooledServer>, faults: readonly ChaosCommand[]) {
    this.#running = running;
    this.#faults = faults;
    this.ledger = new ChaosLedger(running.server);
    running.server.on("workerExit", ({ lost }) => {
      this.exits++;
      this.lost += lost;
    });
  }

  /** Load and faults for a while, and then until every client is answered or lost. */
  async round(ms: number): Promise<void> {
    const over = new AbortController();
    const clients = Array.from({ length: CLIENTS }, async () => {
      while (!over.signal.aborted && this.#sound) await this.#echo();
    });
    await this.#fail(performance.now() + ms);
    await delay(CALM_MS);
    over.abort();
    await Promise.all(clients);
  }

  /** Wait until nothing runs and every worker is there. */
  async quiet(): Promise<void> {
    const { server } = this.#running;
    await vi.waitFor(() => {
      expect(
        server.workers.map(({ state }) => state),
        SAYS,
      ).toEqual(Array.from({ length: WORKERS }, () => "ready"));
      expect(server.activeRequests, SAYS).toBe(0);
      expect([...this.ledger.open].slice(0, SHOWN), SAYS).toEqual([]);
    }, QUIET);
    const { requests, closedRequests, errors } = this.#running;
    for (const list of [requests, closedRequests, errors]) list.length = 0;
  }

  /** Which workers there are, as they call themselves. */
  async workers(): Promise<readonly number[]> {
    const found = new Set<number>();
    // They take their turns, so that not many are needed.
    for (let count = 0; found.size < WORKERS && count < 10 * WORKERS; count++) {
      const { worker } = await this.#echo();
      if (worker !== undefined) found.add(worker);
    }
    return [...found];
  }

  /** Whether it is worth going on: a server that is gone would be asked without end. */
  get #sound(): boolean {
    const { violations, open } = this.ledger;
    return violations.length < SHOWN && open.size < 2 * (CLIENTS + FAULTS);
  }

  #echo(): Promise<{ readonly worker: number | undefined }> {
    return this.#run(this.#random.pick([ChaosCommand.echo, ChaosCommand.echoToEnd]));
  }

  async #fail(end: number): Promise<void> {
    const running = new Set<Promise<unknown>>();
    for (;;) {
      await delay(this.#random.integer(PAUSE_MS.min, PAUSE_MS.max));
      if (performance.now() >= end) break;
      if (running.size >= FAULTS) await Promise.race(running);
      const fault = this.#run(this.#random.pick(this.#faults));
      running.add(fault);
      void fault.then(() => running.delete(fault));
    }
    await Promise.all(running);
  }

  async #run(command: ChaosCommand): Promise<{ readonly worker: number | undefined }> {
    const host = countedHost(this.#nextClient++);
    this.ledger.begin(host, command > ChaosCommand.echoToEnd);
    // At this moment its connection is open, and nobody has waited for its process: the id is still its own.
    const kill = (worker: number): unknown => command === ChaosCommand.hold && process.kill(worker, "SIGKILL");
    const outcome = await this.#client.exchange({ port: this.#running.port, host, command, onWorker: kill });
    this.ledger.end(host, outcome);
    return outcome;
  }
}

describe("a pool whose workers are ended all the time", () => {
  beforeEach(() => leakCheck());

  test.each([
    ["ThreadingTCPServer", ThreadingTCPServer, { threading: { ...OPTIONS, threads: WORKERS } }, THREAD_FAULTS],
    ["ForkingTCPServer", ForkingTCPServer, { forking: { ...OPTIONS, processes: WORKERS } }, PROCESS_FAULTS],
  ] as const)(
    "loses nothing but the requests of those workers, and recovers: %s",
    async (_name, server, options, faults) => {
      const heaps: number[] = [];
      let workers: readonly number[] = [];
      {
        await using running = await serve<PooledServer>(ChaosHandler, { server, options });
        const chaos = new Chaos(running, faults);
        const { ledger } = chaos;
        for (let round = 0; round < ROUNDS; round++) {
          await chaos.round(CHAOS_MS / ROUNDS);
          await chaos.quiet();
          collectGarbage();
          heaps.push(process.memoryUsage().heapUsed);
        }
        workers = await chaos.workers();
        await chaos.quiet();

        expect(ledger.violations.slice(0, SHOWN), SAYS).toEqual([]);
        expect(ledger.answered, SAYS).toBeGreaterThan(0);
        expect(ledger.lost, SAYS).toBeGreaterThan(0);
        expect(chaos.lost, SAYS).toBe(ledger.lost);
        const views = running.server.workers;
        expect(
          views.reduce((sum, { restarts }) => sum + restarts, 0),
          SAYS,
        ).toBe(chaos.exits);
        const answered = workers.map((worker) => ledger.answeredBy.get(worker) ?? 0);
        expect(ascending(views.map(({ served }) => served)), SAYS).toEqual(ascending(answered));
        expect(running.drops, SAYS).toEqual([]);
      }
      const [, second = 0, third = 0, last = 0] = heaps;
      expect((Math.min(third, last) - second) / 1_048_576, SAYS).toBeLessThan(2);
      if (server === ForkingTCPServer) expect(workers.filter(isProcess), SAYS).toEqual([]);
    },
    CHAOS_MS + 120_000,
  );
});

function ascending(numbers: readonly number[]): number[] {
  return numbers.toSorted((one, other) => one - other);
}

function isProcess(id: number): boolean {
  try {
    return process.kill(id, 0);
  } catch {
    return false;
  }
}
