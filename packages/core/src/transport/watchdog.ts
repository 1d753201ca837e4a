import { MAX_TIMER_MS } from "../option-rules.ts";

/**
 * A time-out that is cheap to start and stop for every read.
 *
 * At most one timer runs. Stopping only forgets the deadline; a timer that fires too early is armed again for what is left. Before it
 * expires, the event loop gets one turn, so that after a stall of our own the bytes that waited in the kernel are seen first.
 */
export class Watchdog {
  readonly #onExpire: () => void;
  #deadline = Infinity;
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Infinity;
  #lastTurn: NodeJS.Immediate | undefined;

  constructor(onExpire: () => void) {
    this.#onExpire = onExpire;
  }

  /** Expire in `ms` milliseconds, unless stopped or started again before; `Infinity` never does. */
  start(ms: number): void {
    if (ms === Infinity) {
      this.#deadline = Infinity;
      return;
    }
    this.#deadline = performance.now() + ms;
    if (this.#timer !== undefined && this.#timerAt > this.#deadline) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
    }
    this.#arm(ms);
  }

  /** Do not expire. */
  stop(): void {
    this.#deadline = Infinity;
  }

  /** Stop, and leave no timer behind. */
  dispose(): void {
    this.#deadline = Infinity;
    clearTimeout(this.#timer);
    clearImmediate(this.#lastTurn);
    this.#timer = undefined;
    this.#lastTurn = undefined;
  }

  #arm(ms: number): void {
    if (this.#timer !== undefined) return;
    const delay = Math.min(ms, MAX_TIMER_MS);
    this.#timerAt = performance.now() + delay;
    this.#timer = setTimeout(this.#check, delay);
  }

  readonly #check = (): void => {
    this.#timer = undefined;
    if (this.#deadline === Infinity) return;
    const left = this.#deadline - performance.now();
    // Timers round down: one that fires within the last millisecond is in time.
    if (left >= 1) this.#arm(left);
    else this.#lastTurn = setImmediate(this.#expire, this.#deadline);
  };

  readonly #expire = (deadline: number): void => {
    this.#lastTurn = undefined;
    if (this.#deadline === deadline) {
      this.#deadline = Infinity;
      this.#onExpire();
    } else if (this.#deadline !== Infinity) {
      this.#arm(Math.max(this.#deadline - performance.now(), 0));
    }
  };
}
