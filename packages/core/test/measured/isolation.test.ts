/**
 * A handler that computes holds up its own worker, and nobody else.
 *
 * Round trips begin at fixed times, whatever became of those before, and count from when they should have begun: a server that stands still cannot
 * hide the ones that it kept from being sent. Each figure is a ratio to what a server on one event loop shows in the same round.
 */
import { AsyncTCPServer, ForkingTCPServer, ThreadingTCPServer, type Connection } from "@socketserver/core";
import { dial, leakCheck, serve, type AnyServerClass, type RunningServer } from "@socketserver/testing";
import { beforeEach, describe, expect, test } from "vitest";

import { BurningLineHandler } from "../fixtures/burning-handlers.ts";

const BURN_MS = 2_000;
const ROUND_TRIPS_PER_SECOND = 50;
/** A client has one round trip under way, unless the server stands still. */
const CLIENTS = 10;
const LINE_END = 0x0a;
const GOAL = 0.1;
/** When the machine was busy in one round, the median of so many counts. */
const ROUNDS = 3;

const WORKER_SERVERS = [
  ["threads", ThreadingTCPServer, { threading: { threads: 2 } }],
  ["processes", ForkingTCPServer, { forking: { processes: 2 } }],
] as const;

async function ask(client: Connection, line: string): Promise<string> {
  await client.sendAll(`${line}\n`);
  return String(await client.recv()).trim();
}

/** A client that burns, and clients of other workers, or of the same one if there is no other. */
async function connectClients({ address }: RunningServer): Promise<{ burner: Connection; others: Connection[] }> {
  const burner = await dial(address);
  const busy = await ask(burner, "where");
  const all = await Promise.all(Array.from({ length: 2 * CLIENTS }, () => dial(address)));
  const workers = await Promise.all(all.map((client) => ask(client, "where")));
  const elsewhere = all.filter((_client, index) => workers[index] !== busy);
  const others = (elsewhere.length === 0 ? all : elsewhere).slice(0, CLIENTS);
  await Promise.all(all.filter((client) => !others.includes(client)).map((client) => client.close()));
  return { burner, others };
}

/** How long each round trip took while the burner burnt, in milliseconds. */
async function roundTrips(burner: Connection, others: readonly Connection[]): Promise<number[]> {
  const durations: number[] = [];
  const waiting = others.map((): number[] => []);
  const reading = others.map(async (client, index) => {
    for await (const chunk of client) {
      // Several, if the server had kept them.
      const lines = chunk.filter((byte) => byte === LINE_END).length;
      for (const due of waiting[index]?.splice(0, lines) ?? []) durations.push(performance.now() - due);
    }
  });
  const burning = ask(burner, `burn ${BURN_MS}`);
  const began = performance.now();
  const count = (BURN_MS / 1_000) * ROUND_TRIPS_PER_SECOND;
  let sent = 0;
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setInterval(() => {
    for (; sent < count; sent++) {
      const due = began + (sent * 1_000) / ROUND_TRIPS_PER_SECOND;
      if (due > performance.now()) return;
      const turn = sent % others.length;
      waiting[turn]?.push(due);
      others[turn]?.send("x\n");
    }
    clearInterval(timer);
    resolve();
  }, 1);
  await Promise.all([promise, burning]);
  for (const client of others) client.shutdown("write");
  await Promise.all(reading);
  expect(durations).toHaveLength(count);
  return durations;
}

/** The duration that 99 of 100 round trips do not exceed, in milliseconds. */
async function latencyOf(server: unknown, options: object): Promise<number> {
  await using running = await serve(BurningLineHandler, { server: server as AnyServerClass, options });
  const { burner, others } = await connectClients(running);
  const durations = (await roundTrips(burner, others)).toSorted((one, other) => one - other);
  await Promise.all([burner, ...others].map((client) => client.close()));
  return durations[Math.ceil(durations.length * 0.99) - 1] as number;
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] as number;
}

describe("a handler that computes", () => {
  beforeEach(() => leakCheck());

  test(`holds up the clients of other workers for at most ${GOAL} of what it holds up those of one event loop`, async () => {
    const ratios = WORKER_SERVERS.map(([name]) => ({ name, all: [] as number[] }));
    for (let round = 0; round < ROUNDS; round++) {
      const alone = await latencyOf(AsyncTCPServer, {});
      // Else nothing was measured.
      expect(alone).toBeGreaterThan(BURN_MS / 2);
      for (const [index, [, server, options]] of WORKER_SERVERS.entries()) {
        ratios[index]?.all.push((await latencyOf(server, options)) / alone);
      }
      if (ratios.every(({ all }) => median(all) <= GOAL)) break;
    }
    for (const { name, all } of ratios) expect(median(all), `${name}: ${all.join(", ")}`).toBeLessThanOrEqual(GOAL);
  }, 90_000);
});
