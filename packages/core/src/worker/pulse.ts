import { monitorEventLoopDelay } from "node:perf_hooks";
import { getHeapStatistics } from "node:v8";

import type { WorkerBeat } from "./messages.ts";

/** How finely the delay of the event loop is measured, in milliseconds. */
const RESOLUTION_MS = 50;

const NANOSECONDS_PER_MS = 1e6;

/** Tells the listener side again and again that this worker lives, and how it is. */
export class Pulse {
  readonly #delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  readonly #timer: NodeJS.Timeout;

  constructor(beatMs: number, beat: (beat: WorkerBeat) => void) {
    this.#delay.enable();
    this.#timer = setInterval(() => beat(this.#measure()), beatMs);
    // It must not keep a worker alive that has nothing else to do.
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#delay.disable();
  }

  #measure(): WorkerBeat {
    // What is recorded is the time between two looks, which is at least their distance. Without a look there is no record.
    const longest = this.#delay.count === 0 ? 0 : this.#delay.max / NANOSECONDS_PER_MS - RESOLUTION_MS;
    this.#delay.reset();
    return { eventLoopDelayMs: Math.max(longest, 0), heapUsed: getHeapStatistics().used_heap_size };
  }
}
