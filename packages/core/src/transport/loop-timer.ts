import { OFF_WHEEL, TimerWheel, type WheelEntry } from "./timer-wheel.ts";

/** Lets whatever has come meanwhile be seen, then calls back. */
export type Confirmation<Owner = undefined> = (callback: () => void, owner: Owner) => void;

/** Ticks of a wheel in the shortest time-out that goes on it: so one is late by an eighth at most. */
const TICKS_PER_TIMEOUT = 24;

/** The present tick is over in part, and so is the next one, if the wheel is late and makes that good. */
const PART_TICKS = 2;

/** A confirmation that takes so long tells of a stall, and not of a loop that is merely busy. In milliseconds. */
const HELD_UP_MS = 500;

/** From the finest to the coarsest. */
const WHEELS: readonly TimerWheel[] = [5, 20, 80, 320, 1_280].map((tickMs) => new TimerWheel(tickMs));

/** How long time-outs stood still in all, in milliseconds. */
let pausedMs = 0;

/** Let no time-out of this event loop go on for so many milliseconds: another one was held up, through which things come. */
export function pauseTimers(ms: number): void {
  pausedMs += ms;
  for (const wheel of WHEELS) wheel.pause(ms);
}

/**
 * A time-out that is cheap to start and stop for every read.
 *
 * Never early by the time of this event loop, in which a stall of our own does not count, and late by an eighth at most (or by 15 ms, if that is more).
 * Before it expires, what has come meanwhile is seen first: whoever starts or stops it then is in time.
 */
export class LoopTimer<Owner = undefined> implements WheelEntry {
  /** {@inheritDoc WheelEntry.due} */
  due = Infinity;
  /** {@inheritDoc WheelEntry.at} */
  at = OFF_WHEEL;

  #onExpire: (owner: Owner) => void;
  #confirm: Confirmation<Owner> | undefined;
  #owner: Owner;
  #ms = Infinity;
  #ticks = Infinity;
  #wheel: TimerWheel | undefined;
  #extended = false;
  /** Ticks that were left when it was paused. */
  #left = Infinity;

  /**
   * @param confirm - Called before it expires; it expires at once without.
   * @param owner - What both are called with: where there are many timers, the functions need not be made for each.
   */
  constructor(
    onExpire: (owner: Owner) => void,
    confirm?: Confirmation<Owner>,
    ...[owner]: undefined extends Owner ? [owner?: Owner] : [owner: Owner]
  ) {
    this.#onExpire = onExpire;
    this.#confirm = confirm;
    this.#owner = owner as Owner;
  }

  /** Expire in `ms` milliseconds, unless stopped or started again before; `Infinity` never does. */
  start(ms: number): void {
    this.#extended = false;
    if (ms !== this.#ms) this.#measure(ms);
    this.#runFor(this.#ticks);
  }

  /** Do not expire. */
  stop(): void {
    this.due = Infinity;
    this.#left = Infinity;
  }

  /** Stand still, if it runs. */
  pause(): void {
    if (this.due === Infinity || this.#wheel === undefined) return;
    this.#left = Math.max(this.due - this.#wheel.tick, 1);
    this.due = Infinity;
  }

  /** Go on with what was left when it was paused; `false` if it was not. */
  resume(): boolean {
    if (this.#left === Infinity) return false;
    this.#runFor(this.#left);
    return true;
  }

  /** Stop for good, and leave nothing behind. */
  dispose(): void {
    this.stop();
    this.#wheel?.remove(this);
    // A set keeps what it has forgotten until the next large collection: no connection may hang on that.
    this.#wheel = undefined;
    this.#onExpire = nothing;
    this.#confirm = undefined;
    this.#owner = undefined as Owner;
  }

  /** For the wheel alone. */
  expire(): void {
    const { due } = this;
    if (this.#confirm === undefined) {
      this.#end();
      return;
    }
    const askedAt = performance.now();
    const pausedBefore = pausedMs;
    const confirmed = (): void => {
      if (this.due !== due) return;
      const tookMs = performance.now() - askedAt;
      const heldUpMs = Math.max(pausedMs - pausedBefore, tookMs < HELD_UP_MS ? 0 : tookMs);
      if (heldUpMs === 0 || this.#extended) this.#end();
      else this.#extend(heldUpMs);
    };
    this.#confirm(confirmed, this.#owner);
  }

  #end(): void {
    this.due = Infinity;
    this.#onExpire(this.#owner);
  }

  /** Another loop was held up, through which everything comes: give that time back. Once: a loop that always is must not put off everything for ever. */
  #extend(ms: number): void {
    this.#extended = true;
    this.#runFor(Math.ceil(ms / (this.#wheel as TimerWheel).tickMs));
  }

  #measure(ms: number): void {
    this.#wheel?.remove(this);
    this.#ms = ms;
    this.#wheel = ms === Infinity ? undefined : wheelFor(ms);
    this.#ticks = this.#wheel === undefined ? Infinity : Math.ceil(ms / this.#wheel.tickMs) + PART_TICKS;
  }

  #runFor(ticks: number): void {
    this.#left = Infinity;
    const wheel = this.#wheel;
    if (wheel === undefined) {
      this.due = Infinity;
      return;
    }
    const due = wheel.tick + ticks;
    this.due = due;
    // It can be put off where it lies, and not brought forward.
    if (due < this.at) wheel.remove(this);
    if (this.at === OFF_WHEEL) wheel.add(this);
  }
}

function nothing(): void {
  // It was disposed of.
}

function wheelFor(ms: number): TimerWheel {
  return WHEELS.findLast(({ tickMs }) => tickMs * TICKS_PER_TIMEOUT <= ms) ?? (WHEELS[0] as TimerWheel);
}
