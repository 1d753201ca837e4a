/**
 * What a hand-over costs, in processor time of the server and its workers: once for each connection, and nothing for each byte.
 *
 * Every figure is a ratio of two kinds of servers that are taken in turn, and of those the median, because other programs use the machine, too. The
 * figures are printed; `docs/guides/threads-and-processes.md` has them from a quiet machine.
 */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { leakCheck } from "@socketserver/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import type { HandOverKind } from "../fixtures/hand-over-cost-program.ts";

const KINDS: readonly HandOverKind[] = ["async", "threads", "relay", "processes", "bare"];
const PROGRAM = new URL("../fixtures/hand-over-cost-program.ts", import.meta.url);

const ROUNDS = 7;
const CONNECTIONS = 600;
const AT_ONCE = 20;
const ROUND_TRIPS = 400;
const LASTING = 4;
const SMALL = Buffer.alloc(64, "x");
/** Large enough that the bytes are what costs, and not how often an event loop wakes up for them. */
const LARGE = Buffer.alloc(262_144, "x");

/** A hand-over is a few messages on top of a transfer; this is far above what was ever measured. */
const MOST_PER_CONNECTION = 5;
/** The same code runs in a worker as on one event loop; what is above 1 is noise, and caches that two cores do not share. */
const MOST_PER_BYTE = 2;

/** A server in a process of its own. */
class MeasuredServer {
  readonly #child: ChildProcess;
  readonly #lasting: Socket[] = [];
  #port = 0;

  constructor(kind: HandOverKind) {
    this.#child = fork(PROGRAM, [kind]);
  }

  async start(): Promise<void> {
    [this.#port] = (await once(this.#child, "message")) as [number];
    for (let index = 0; index < LASTING; index++) {
      const socket = connect({ host: "127.0.0.1", port: this.#port, noDelay: true });
      await once(socket, "connect");
      this.#lasting.push(socket);
    }
  }

  async stop(): Promise<void> {
    for (const socket of this.#lasting) socket.destroy();
    const exited = once(this.#child, "exit");
    this.#child.disconnect();
    await exited;
  }

  /** Connect, send, receive, end, so many times; microseconds of the server's processor time for each. */
  connections(): Promise<number> {
    let left = CONNECTIONS;
    const client = async (): Promise<void> => {
      while (left-- > 0) await this.#exchange(left);
    };
    return this.#measure(CONNECTIONS, () => Promise.all(Array.from({ length: AT_ONCE }, client)));
  }

  /** Send and receive a lot over connections that last; microseconds of the server's processor time for each time. */
  roundTrips(): Promise<number> {
    const each = ROUND_TRIPS / LASTING;
    return this.#measure(ROUND_TRIPS, () => Promise.all(this.#lasting.map((socket) => echoes(socket, LARGE, each))));
  }

  /** From many addresses, so that ports last. */
  async #exchange(index: number): Promise<void> {
    const socket = connect({ host: "127.0.0.1", port: this.#port, localAddress: `127.0.1.${1 + (index % 250)}` });
    await once(socket, "connect");
    await echoes(socket, SMALL, 1);
    socket.end();
    await once(socket, "close");
  }

  async #measure(count: number, work: () => Promise<unknown>): Promise<number> {
    const before = await this.#cpu();
    await work();
    return ((await this.#cpu()) - before) / count;
  }

  async #cpu(): Promise<number> {
    this.#child.send("cpu");
    const [microseconds] = (await once(this.#child, "message")) as [number];
    return microseconds;
  }
}

/** Send a message and get it back, so many times. */
async function echoes(socket: Socket, message: Buffer, count: number): Promise<void> {
  let left = count * message.length;
  const done = Promise.withResolvers<void>();
  const onData = (data: Buffer): void => {
    left -= data.length;
    if (left <= 0) done.resolve();
    else if (left % message.length === 0) socket.write(message);
  };
  socket.on("data", onData);
  socket.write(message);
  await done.promise;
  socket.off("data", onData);
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] as number;
}

describe("a hand-over", () => {
  const servers = new Map(KINDS.map((kind) => [kind, new MeasuredServer(kind)]));
  const expectNothingLeft = leakCheck();

  beforeAll(async () => {
    for (const server of servers.values()) await server.start();
  });

  afterAll(async () => {
    for (const server of servers.values()) await server.stop();
    await expectNothingLeft();
  });

  /** What each kind costs, in units of another one: the median over rounds in which all kinds take turns. */
  async function ratios(
    measure: (server: MeasuredServer) => Promise<number>,
    unit: HandOverKind,
  ): Promise<ReadonlyMap<HandOverKind, number>> {
    const found = new Map<HandOverKind, number[]>(KINDS.map((kind) => [kind, []]));
    for (let round = 0; round <= ROUNDS; round++) {
      const costs = new Map<HandOverKind, number>();
      for (const [kind, server] of servers) costs.set(kind, await measure(server));
      // The first round warms up.
      if (round === 0) continue;
      for (const [kind, cost] of costs) found.get(kind)?.push(cost / (costs.get(unit) as number));
    }
    return new Map([...found].map(([kind, values]) => [kind, median(values)]));
  }

  function print(what: string, found: ReadonlyMap<HandOverKind, number>): void {
    const figures = [...found].map(([kind, ratio]) => `${kind} ${ratio.toFixed(2)}`);
    console.log(`${what}: ${figures.join(", ")}`);
  }

  test("costs less than a few transfers written by hand, once for each connection", async () => {
    const found = await ratios((server) => server.connections(), "bare");
    print("processor time for each connection, in bare transfers", found);
    for (const kind of ["threads", "processes"] as const) expect(found.get(kind)).toBeLessThan(MOST_PER_CONNECTION);
  });

  test("costs nothing for each byte afterwards, unless the bytes are relayed", async () => {
    const found = await ratios((server) => server.roundTrips(), "async");
    print("processor time for each byte, in that of an event loop", found);
    for (const kind of ["threads", "processes"] as const) expect(found.get(kind)).toBeLessThan(MOST_PER_BYTE);
  });
});
