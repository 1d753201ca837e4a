/**
 * Time-outs of connections, by the thousand.
 *
 * A wheel turns by one slot a tick, while anything is on it, and expires what lies in that slot. So there is one timer of the runtime for each
 * resolution, however many connections there are; starting a time-out is a sum and a comparison, and stopping one forgets a number.
 *
 * The time is that of this event loop: a tick that comes late, because the loop was held up, counts as one. What was held up is this side, and no
 * peer is blamed for it.
 *
 * @module
 */

/** What lies on a wheel. */
export interface WheelEntry {
  /** The tick at which it expires; it may be put off while it lies on the wheel. */
  readonly due: number;
  /** The tick at which its slot comes by, for the wheel alone. */
  at: number;
  /** Its tick has come. It is on the wheel no more. */
  expire(): void;
}

/** The tick of what is on no wheel. */
export const OFF_WHEEL = -1;

/** A power of two, so that the slot of a tick is a mask away. */
const SLOTS = 64;

/** How far off the next tick may be before it is clear that it will not come, because a test has changed the clock under the wheel. In milliseconds. */
const LOST_MS = 1_000;

/** A wheel of one resolution. */
export class TimerWheel {
  readonly tickMs: number;

  readonly #slots: readonly Set<WheelEntry>[] = Array.from({ length: SLOTS }, () => new Set());
  #tick = 0;
  #size = 0;
  #timer: NodeJS.Timeout | undefined;
  /** When the next tick is due, on the clock of `performance.now()`. */
  #nextAt = 0;
  /** How long it stands still before, in milliseconds: so long, the tick is not lost. */
  #pausedMs = 0;

  /** @param tickMs - Milliseconds between two slots. */
  constructor(tickMs: number) {
    this.tickMs = tickMs;
  }

  /** How often it has turned. */
  get tick(): number {
    return this.#tick;
  }

  /** How many lie on it. */
  get size(): number {
    return this.#size;
  }

  /** Lay an entry on, whose `due` is a later tick. What is due after more than one turn is moved on each time that its slot comes by. */
  add(entry: WheelEntry): void {
    this.#put(entry);
    this.#size++;
    const now = performance.now();
    if (this.#timer !== undefined && Math.abs(now - this.#nextAt) < this.tickMs + this.#pausedMs + LOST_MS) return;
    clearTimeout(this.#timer);
    this.#pausedMs = 0;
    this.#nextAt = now + this.tickMs;
    this.#timer = setTimeout(this.#turn, this.tickMs);
  }

  /** Take an entry off. */
  remove(entry: WheelEntry): void {
    if (entry.at === OFF_WHEEL) return;
    this.#slotAt(entry.at).delete(entry);
    this.#leave(entry);
  }

  /** Another loop was held up for so long, through which things come: stand still for as long. */
  pause(ms: number): void {
    if (this.#timer === undefined) return;
    this.#nextAt += ms;
    this.#pausedMs += ms;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#turn, Math.max(this.#nextAt - performance.now(), 1));
  }

  #slotAt(tick: number): Set<WheelEntry> {
    return this.#slots[tick & (SLOTS - 1)] as Set<WheelEntry>;
  }

  #put(entry: WheelEntry): void {
    entry.at = Math.min(entry.due, this.#tick + SLOTS - 1);
    this.#slotAt(entry.at).add(entry);
  }

  #leave(entry: WheelEntry): void {
    entry.at = OFF_WHEEL;
    this.#size--;
    if (this.#size > 0) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  readonly #turn = (): void => {
    const now = performance.now();
    const late = now - this.#nextAt;
    this.#pausedMs = 0;
    // A little late is the runtime's way, and made good; a whole tick is a stall, and counts as none.
    this.#nextAt = (late < this.tickMs ? this.#nextAt : now) + this.tickMs;
    this.#timer = setTimeout(this.#turn, Math.max(this.#nextAt - now, 1));
    this.#tick++;
    const slot = this.#slotAt(this.#tick);
    for (const entry of slot) {
      slot.delete(entry);
      if (entry.due === Infinity) this.#leave(entry);
      else if (entry.due > this.#tick) this.#put(entry);
      else {
        this.#leave(entry);
        expire(entry);
      }
    }
  };
}

/** One that throws must not hold up the others. */
function expire(entry: WheelEntry): void {
  try {
    entry.expire();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
