/**
 * Requests at a fixed rate, whether or not the answers come.
 *
 * A request counts from the moment when it was due, not from when it was sent: what waits behind a stall is as late as it is (no coordinated
 * omission). What a connection that ends has not answered is sent again on a new one and still counts from when it was due, as whoever waits for
 * the answer would count.
 *
 * The generator looks at the clock in every turn of its event loop and never sleeps, because timers are late by up to a millisecond. It takes a core.
 *
 * @module
 */
import { createHistogram } from "node:perf_hooks";

import { bounded } from "./bounded.ts";
import { OpenLoopClient, type Due } from "./open-loop-client.ts";

/** What to send. */
export interface OpenLoopLoad {
  readonly requestsPerSecond: number;
  readonly seconds: number;
  readonly connections: number;
  /** Bytes of each request, and of its answer. */
  readonly size: number;
}

/** How late the answers were, in milliseconds. */
export interface Latencies {
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  /** How many connections ended and were replaced. */
  readonly reconnects: number;
}

const MILLISECOND_NS = 1_000_000;

/** Run the load, and tell how late the answers were. */
export async function openLoop(port: number, load: OpenLoopLoad): Promise<Latencies> {
  const loop = new OpenLoop(port, load);
  try {
    return await bounded(loop.run(), "requests at a fixed rate");
  } finally {
    loop.stop();
  }
}

class OpenLoop {
  readonly #load: OpenLoopLoad;
  readonly #total: number;
  readonly #clients: readonly OpenLoopClient[];
  readonly #histogram = createHistogram();
  readonly #finished = Promise.withResolvers<void>();
  #started = 0;
  #sent = 0;
  #answered = 0;
  #stopped = false;

  constructor(port: number, load: OpenLoopLoad) {
    this.#load = load;
    this.#total = Math.round(load.requestsPerSecond * load.seconds);
    const listener = {
      answered: (due: Due) => this.#count(due),
      failed: (error: Error) => this.#finished.reject(error),
    };
    this.#clients = Array.from({ length: load.connections }, () => new OpenLoopClient(port, load.size, listener));
  }

  async run(): Promise<Latencies> {
    await Promise.all(this.#clients.map((client) => client.connected()));
    this.#started = performance.now();
    this.#turn();
    await this.#finished.promise;
    const percentile = (share: number): number => this.#histogram.percentile(share) / MILLISECOND_NS;
    const reconnects = this.#clients.reduce((sum, client) => sum + client.reconnects, 0);
    return { p50: percentile(50), p99: percentile(99), p999: percentile(99.9), reconnects };
  }

  stop(): void {
    this.#stopped = true;
    for (const client of this.#clients) client.stop();
  }

  #turn(): void {
    if (this.#stopped) return;
    for (; this.#sent < this.#total; this.#sent++) {
      const at = this.#started + (this.#sent / this.#load.requestsPerSecond) * 1000;
      if (at > performance.now()) break;
      this.#clients[this.#sent % this.#clients.length]?.send({ number: this.#sent, at });
    }
    setImmediate(() => this.#turn());
  }

  #count({ at }: Due): void {
    this.#histogram.record(Math.max(1, Math.round((performance.now() - at) * MILLISECOND_NS)));
    if (++this.#answered === this.#total) this.#finished.resolve();
  }
}
