import { LoopTimer, type Confirmation } from "./loop-timer.ts";

/** How often the rate is looked at, at most: in less, even a fast peer may be between two packets. In milliseconds. */
export const MIN_WINDOW_MS = 100;

const MS_PER_SECOND = 1_000;

/** How fast bytes have to pass while somebody waits for that. */
export interface DataRateLimit {
  /** Bytes per second. */
  readonly bytesPerSecond: number;
  /** How long it may be slower: the rate is looked at each time that it was waited for so long, in milliseconds. */
  readonly graceMs: number;
  /** Bytes that may be missing: they pass many at a time, or in bursts. */
  readonly slack: number;
}

/**
 * Notices that bytes pass too slowly: what `bytesPerSecond` asks for and did not come adds up, and more than `slack` of it is too much.
 *
 * Time counts only while somebody waits, and what was faster for a while is not saved up for later.
 */
export class DataRate {
  readonly #limit: DataRateLimit;
  readonly #windowMs: number;
  readonly #onTooSlow: () => void;
  readonly #window: LoopTimer;
  readonly #measure: (() => number) | undefined;
  #waiting = false;
  #moved = 0;
  #missing = 0;

  /** @param measure - Answers the bytes that have passed since it was asked last, if nobody tells by `moved()`. */
  constructor(limit: DataRateLimit, onTooSlow: () => void, confirm?: Confirmation, measure?: () => number) {
    this.#measure = measure;
    this.#limit = limit;
    this.#windowMs = Math.max(limit.graceMs, MIN_WINDOW_MS);
    this.#onTooSlow = onTooSlow;
    this.#window = new LoopTimer(() => this.#look(), confirm);
  }

  /** Somebody waits from now on. */
  wait(): void {
    if (this.#waiting) return;
    this.#waiting = true;
    if (!this.#window.resume()) this.#window.start(this.#windowMs);
  }

  /** Nobody waits for now. */
  rest(): void {
    this.#waiting = false;
    this.#window.pause();
  }

  /** Bytes have passed. */
  moved(bytes: number): void {
    this.#moved += bytes;
  }

  /** Nobody waits, and whoever waits next begins anew. */
  reset(): void {
    this.#waiting = false;
    this.#moved = 0;
    this.#missing = 0;
    this.#window.stop();
  }

  /** Notice nothing any more. */
  dispose(): void {
    this.reset();
    this.#window.dispose();
  }

  #look(): void {
    const { bytesPerSecond, slack } = this.#limit;
    const expected = (bytesPerSecond * this.#windowMs) / MS_PER_SECOND;
    const moved = this.#measure?.() ?? this.#moved;
    this.#missing = Math.max(this.#missing + expected - moved, 0);
    this.#moved = 0;
    if (this.#missing > slack) this.#onTooSlow();
    else this.#window.start(this.#windowMs);
  }
}
