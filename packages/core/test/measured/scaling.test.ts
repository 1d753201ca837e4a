/**
 * Two workers do nearly as much more than one as two bare threads do.
 *
 * How much that is depends on the machine, and on what else it does. So a gain is compared with that of bare threads on the same loop, taken next to it;
 * and it is counted in units of what a request took inside of its worker, because that is when other programs take its core.
 */
import { ForkingTCPServer, ThreadingTCPServer } from "@socketserver/core";
import { leakCheck, serve, talk, type RunningServer } from "@socketserver/testing";
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { beforeEach, describe, expect, test } from "vitest";

import { BurningHandler } from "../fixtures/burning-handlers.ts";
import { timedBurn } from "../fixtures/timed-burn.ts";

/** Pure work of one request, in milliseconds. */
const REQUEST_MS = 50;
const REQUESTS = 8;
/** Pairs of gains whose median counts. */
const ROUNDS = 5;
/** When that is too low, so many more rounds may show that the machine was to blame. */
const MOST_ROUNDS = 15;
const GOAL = 0.85;

/** Does one request of so many rounds of the loop; how long that took in its worker, in milliseconds. */
type Ask = (rounds: number) => Promise<number>;

/** Does `REQUESTS` requests as fast as it can; how long each one took in its worker. */
type Work = (rounds: number) => Promise<readonly number[]>;

/** One worker, and two. */
interface Pair {
  readonly one: Work;
  readonly two: Work;
}

/** How much more two do than one. */
interface Gains {
  readonly bare: number;
  readonly ours: number;
}

/** What is to be closed in the end. */
type Closer = () => Promise<unknown>;

const KINDS = [
  ["ThreadingTCPServer", ThreadingTCPServer, (threads: number) => ({ threading: { threads, requestsPerWorker: 1 } })],
  ["ForkingTCPServer", ForkingTCPServer, (processes: number) => ({ forking: { processes, requestsPerWorker: 1 } })],
] as const;

function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)] as number;
}

/** How many rounds of the loop take `REQUEST_MS` on this machine, once it is warm. */
function roundsPerRequest(): number {
  const sample = 2_000_000;
  const times = Array.from({ length: 6 }, () => timedBurn(sample).ms);
  return Math.ceil((sample * REQUEST_MS) / Math.min(...times));
}

/** Bare threads, each of which has one request at a time. */
function bareThreads(count: number, closers: Closer[]): Work {
  const threads = Array.from(
    { length: count },
    () => new Worker(new URL("../fixtures/burning-thread.ts", import.meta.url)),
  );
  closers.push(() => Promise.all(threads.map((thread) => thread.terminate())));
  return async (rounds) => {
    const took: number[] = [];
    let left = REQUESTS;
    await Promise.all(
      threads.map(async (thread) => {
        while (left-- > 0) {
          thread.postMessage(rounds);
          const [{ ms }] = (await once(thread, "message")) as [ReturnType<typeof timedBurn>];
          took.push(ms);
        }
      }),
    );
    return took;
  };
}

/** A server whose requests all wait for its workers from the beginning. */
function served({ address }: RunningServer): Work {
  const ask: Ask = async (rounds) => {
    const input = Buffer.alloc(4);
    input.writeUInt32BE(rounds);
    return (JSON.parse(String(await talk(address, input))) as ReturnType<typeof timedBurn>).ms;
  };
  return (rounds) => Promise.all(Array.from({ length: REQUESTS }, () => ask(rounds)));
}

/** How long it takes to do all requests, in units of what one takes in its worker. */
async function duration(work: Work, rounds: number): Promise<number> {
  const began = performance.now();
  const took = await work(rounds);
  const total = performance.now() - began;
  return total / (took.reduce((sum, ms) => sum + ms, 0) / took.length);
}

/** The four are taken in such an order that what comes and goes meets all of them. */
async function gains(bare: Pair, ours: Pair, rounds: number): Promise<Gains> {
  const bareOne = await duration(bare.one, rounds);
  const oursOne = await duration(ours.one, rounds);
  const oursTwo = await duration(ours.two, rounds);
  const bareTwo = await duration(bare.two, rounds);
  return { bare: bareOne / bareTwo, ours: oursOne / oursTwo };
}

describe("two workers", () => {
  beforeEach(() => leakCheck());

  test.each(KINDS)(
    `gain at least ${GOAL} of what two bare threads gain: %s`,
    async (_name, server, optionsFor) => {
      const closers: Closer[] = [];
      const start = async (workers: number): Promise<Work> => {
        const options = optionsFor(workers);
        const running = await serve<ThreadingTCPServer | ForkingTCPServer>(BurningHandler, { server, options });
        closers.push(() => running.close());
        return served(running);
      };
      try {
        const bare = { one: bareThreads(1, closers), two: bareThreads(2, closers) };
        const ours = { one: await start(1), two: await start(2) };
        const rounds = roundsPerRequest();
        // Every worker compiles the loop by itself.
        await gains(bare, ours, rounds / 10);
        const all: Gains[] = [];
        const share = (): number => median(all.map((gained) => gained.ours / gained.bare));
        while (all.length < ROUNDS || (share() < GOAL && all.length < MOST_ROUNDS)) {
          all.push(await gains(bare, ours, rounds));
        }
        const seen = all.map((gained) => `${gained.ours.toFixed(2)} of ${gained.bare.toFixed(2)}`).join(", ");
        expect(share(), `gains of ours and of bare threads: ${seen}`).toBeGreaterThanOrEqual(GOAL);
      } finally {
        await Promise.all(closers.map((close) => close()));
      }
    },
    120_000,
  );
});
