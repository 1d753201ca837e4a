import type { WorkerBeat } from "./messages.ts";

/** After how many beats that did not come a worker is late. */
const LATE_TICKS = 2;

/**
 * Whether a worker is alive, judged by the beats that it sends.
 *
 * The listener side counts its own ticks since the last beat, and reads no clock: while the listener side itself is held up, or the whole machine
 * sleeps, it does not tick either, and nobody is judged for a silence that it did not hear.
 */
export class Heartbeat {
  readonly #limit: number;
  #silentTicks = 0;
  #last: WorkerBeat = { eventLoopDelayMs: 0, heapUsed: 0, freeDescriptors: Infinity };

  /**
   * @param beatMs - How often the worker beats, and the listener side ticks.
   * @param timeoutMs - How long it may be silent; `Infinity` for ever.
   */
  constructor(beatMs: number, timeoutMs: number) {
    this.#limit = timeoutMs / beatMs;
  }

  /** What the last beat told. */
  get last(): WorkerBeat {
    return this.#last;
  }

  /** Whether beats are missing. */
  get late(): boolean {
    return this.#silentTicks > LATE_TICKS;
  }

  /** The worker lives. */
  beat(beat: WorkerBeat): void {
    this.#silentTicks = 0;
    this.#last = beat;
  }

  /** A tick of the listener side has passed; whether the worker has been silent for too long. */
  tick(): boolean {
    this.#silentTicks++;
    return this.#silentTicks > this.#limit;
  }
}
