/**
 * A thousand peers that want to tie the server up cost it bounded memory, and its honest clients next to nothing.
 *
 * The server is one process, the hostile peers are a second one, the honest clients are here. What the clients see with
 * the peers around is compared to what the same clients saw before they came. The figures are printed.
 */
import { leakCheck } from "@socketserver/testing";
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { beforeEach, describe, expect, test } from "vitest";

import type { HostileTarget, HostileTargetState } from "../fixtures/hostile-server-program.ts";
import { HonestClients } from "../support/honest-clients.ts";

const SERVER = new URL("../fixtures/hostile-server-program.ts", import.meta.url);
const PEERS = new URL("../fixtures/hostile-peers-program.ts", import.meta.url);

const HOSTILE = 1_000;
const HONEST = 50;
const MIB = 1_048_576;
/** Above what the connections themselves may hold: their objects, and the heap's reserves. */
const MOST_BESIDE = 64 * MIB;
const MOST_MEDIAN = 2;
const MOST_99TH = 5;

/**
 * Enough for a 99th percentile that is no single round trip, and few enough that the processor is idle most of the
 * time.
 */
const ROUND_TRIPS = 3_000;
const PER_SECOND = 1_000;
/** When the machine is busy, every latency is the machine's. */
const ATTEMPTS = 3;
/** The peers have what they can get when the server is idle for so long, in milliseconds, but for so much of that. */
const SETTLED = { ms: 500, part: 0.1 };
const PATIENCE_MS = 30_000;

interface Latency {
  readonly median: number;
  readonly p99: number;
}

interface Findings {
  readonly grown: number;
  readonly most: number;
  readonly before: Latency;
  readonly after: Latency;
}

/** A child process that answers messages; it goes when it is disconnected. */
class Child implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #exited: Promise<unknown>;

  constructor(program: URL, args: readonly string[]) {
    this.#process = fork(program, args, { execArgv: ["--expose-gc"] });
    this.#exited = once(this.#process, "exit");
  }

  get running(): boolean {
    return this.#process.exitCode === null;
  }

  async next<Message>(): Promise<Message> {
    const ended = this.#exited.then(() => Promise.reject(new Error("Cannot get message: the program ended")));
    const [message] = (await Promise.race([once(this.#process, "message"), ended])) as [Message];
    return message;
  }

  ask<Message>(question: string): Promise<Message> {
    const answer = this.next<Message>();
    this.#process.send(question);
    return answer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.connected) this.#process.disconnect();
    await this.#exited;
  }
}

function latencyOf(durations: readonly number[]): Latency {
  const ascending = durations.toSorted((one, other) => one - other);
  const quantile = (part: number): number => ascending[Math.ceil(ascending.length * part) - 1] as number;
  return { median: quantile(0.5), p99: quantile(0.99) };
}

/** Work that the hostile peers will ask for, too: what the runtime keeps in reserve from then on is not theirs. */
async function warmUp(clients: HonestClients): Promise<void> {
  await clients.say("!answer 4");
  await clients.roundTrips(ROUND_TRIPS, PER_SECOND);
}

/** The server's state without garbage: each client is answered when its worker has collected its own. */
async function withoutGarbage(server: Child, clients: HonestClients): Promise<HostileTargetState> {
  await clients.say("!collect");
  return await server.ask("collect");
}

/** Wait until all peers are there, and have what they can get. */
async function settle(server: Child): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  for (let before = await server.ask<HostileTargetState>("look"); ;) {
    await delay(SETTLED.ms);
    const now = await server.ask<HostileTargetState>("look");
    const idle = now.cpu - before.cpu < SETTLED.ms * 1_000 * SETTLED.part;
    if (idle && now.activeRequests === HOSTILE + HONEST) return;
    if (performance.now() > deadline) throw new Error(`Cannot measure: ${now.activeRequests} are there, idle: ${idle}`);
    before = now;
  }
}

async function measure(target: HostileTarget): Promise<Findings> {
  await using server = new Child(SERVER, [target]);
  const port = await server.next<number>();
  await using clients = await HonestClients.connect(port, HONEST);
  await warmUp(clients);
  const before = latencyOf(await clients.roundTrips(ROUND_TRIPS, PER_SECOND));
  const alone = await withoutGarbage(server, clients);

  await using peers = new Child(PEERS, [String(port), String(HOSTILE)]);
  await settle(server);
  const after = latencyOf(await clients.roundTrips(ROUND_TRIPS, PER_SECOND));
  const together = await withoutGarbage(server, clients);
  // Else they were not there while it was measured.
  expect(peers.running).toBe(true);
  expect(together.activeRequests).toBe(HOSTILE + HONEST);
  const most = HOSTILE * 2 * together.highWaterMark + MOST_BESIDE;
  return { grown: together.rss - alone.rss, most, before, after };
}

function report(target: HostileTarget, { grown, most, before, after }: Findings): void {
  const memory = `memory grew by ${(grown / MIB).toFixed(1)} MiB (at most ${(most / MIB).toFixed(1)})`;
  const figures = (["median", "p99"] as const).map(
    (name) => `${name} ${before[name].toFixed(2)} -> ${after[name].toFixed(2)} ms`,
  );
  console.log(`${target}, ${HOSTILE} hostile peers, ${HONEST} honest clients: ${memory}, ${figures.join(", ")}`);
}

describe(`${HOSTILE} hostile peers at once`, () => {
  beforeEach(() => leakCheck());

  test.each<HostileTarget>(["async", "threads"])(
    "hold bounded memory, and do not hold up honest clients: %s",
    async (target) => {
      const ratios: Latency[] = [];
      const good = ({ median, p99 }: Latency): boolean => median <= MOST_MEDIAN && p99 <= MOST_99TH;
      while (ratios.length < ATTEMPTS && !ratios.some(good)) {
        const findings = await measure(target);
        report(target, findings);
        const { grown, most, before, after } = findings;
        expect(grown).toBeLessThanOrEqual(most);
        ratios.push({ median: after.median / before.median, p99: after.p99 / before.p99 });
      }
      expect(ratios.filter(good), JSON.stringify(ratios)).not.toEqual([]);
    },
    ATTEMPTS * 2 * PATIENCE_MS,
  );
});
