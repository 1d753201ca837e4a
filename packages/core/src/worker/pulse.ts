import { getHeapStatistics } from "node:v8";

import { descriptorLimit, openDescriptors } from "../transport/descriptors.ts";
import type { WorkerBeat } from "./messages.ts";

/** How often the event loop is looked at, in milliseconds: a delay is known to within that. */
const LOOK_MS = 50;

/**
 * Tells the listener side again and again that this worker lives, and how it is.
 *
 * Not with `monitorEventLoopDelay()`: resetting that loses the delay that is just going on.
 */
export class Pulse {
  readonly #looking: NodeJS.Timeout;
  readonly #beating: NodeJS.Timeout;
  readonly #descriptorLimit = descriptorLimit();
  #lookedAt = performance.now();
  #longestMs = 0;

  constructor(beatMs: number, beat: (beat: WorkerBeat) => void) {
    // Neither may keep a worker alive that has nothing else to do.
    this.#looking = setInterval(() => this.#look(), LOOK_MS).unref();
    this.#beating = setInterval(() => beat(this.#measure()), beatMs).unref();
    beat(this.#measure());
  }

  stop(): void {
    clearInterval(this.#looking);
    clearInterval(this.#beating);
  }

  #look(): void {
    const now = performance.now();
    this.#longestMs = Math.max(this.#longestMs, now - this.#lookedAt - LOOK_MS);
    this.#lookedAt = now;
  }

  #measure(): WorkerBeat {
    this.#look();
    const eventLoopDelayMs = this.#longestMs;
    this.#longestMs = 0;
    const heapUsed = getHeapStatistics().used_heap_size;
    return { eventLoopDelayMs, heapUsed, freeDescriptors: Math.max(this.#descriptorLimit - openDescriptors(), 0) };
  }
}
