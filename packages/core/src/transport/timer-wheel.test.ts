import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { LoopTimer } from "./loop-timer.ts";
import { OFF_WHEEL, TimerWheel, type WheelEntry } from "./timer-wheel.ts";

const TICK_MS = 100;

/** Remembers at which ticks it expired. */
class Entry implements WheelEntry {
  due: number;
  at = OFF_WHEEL;
  readonly expiredAt: number[] = [];
  onExpire: () => void = () => {};
  readonly #wheel: TimerWheel;

  constructor(wheel: TimerWheel, due: number) {
    this.#wheel = wheel;
    this.due = due;
  }

  expire(): void {
    this.expiredAt.push(this.#wheel.tick);
    this.onExpire();
  }
}

/** Lay an entry on that expires in so many ticks. */
function entryIn(wheel: TimerWheel, ticks: number): Entry {
  const entry = new Entry(wheel, wheel.tick + ticks);
  wheel.add(entry);
  return entry;
}

function turn(ticks = 1): void {
  vi.advanceTimersByTime(ticks * TICK_MS);
}

/** Let the clock go on while no timer of the runtime comes; the answer does that. */
function holdUps(): (ms: number) => void {
  const clock = performance.now.bind(performance);
  let heldUpMs = 0;
  vi.spyOn(performance, "now").mockImplementation(() => clock() + heldUpMs);
  return (ms) => (heldUpMs += ms);
}

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

describe("TimerWheel", () => {
  test.each([1, 2, 62, 63, 64, 65, 127, 128, 129, 1_000])(
    "expires what is due in %d ticks then, once, and not before",
    (ticks) => {
      const wheel = new TimerWheel(TICK_MS);
      const entry = entryIn(wheel, ticks);
      turn(ticks - 1);
      expect(entry.expiredAt).toEqual([]);
      turn();
      expect(entry.expiredAt).toEqual([ticks]);
      expect(entry.at).toBe(OFF_WHEEL);
      turn(200);
      expect(entry.expiredAt).toHaveLength(1);
    },
  );

  test("turns while something is on it, and needs no timer otherwise", () => {
    const wheel = new TimerWheel(TICK_MS);
    expect(vi.getTimerCount()).toBe(0);
    const entries = [entryIn(wheel, 1), entryIn(wheel, 2), entryIn(wheel, 300)];
    expect([wheel.size, vi.getTimerCount()]).toEqual([3, 1]);
    turn(2);
    expect([wheel.tick, wheel.size, vi.getTimerCount()]).toEqual([2, 1, 1]);
    wheel.remove(entries[2] as Entry);
    expect([wheel.size, vi.getTimerCount()]).toEqual([0, 0]);
    turn(10);
    expect(wheel.tick).toBe(2);
  });

  test("begins with a whole tick when something is laid on that was empty", () => {
    const wheel = new TimerWheel(TICK_MS);
    entryIn(wheel, 1);
    turn();
    vi.advanceTimersByTime(TICK_MS / 2);
    const second = entryIn(wheel, 1);
    vi.advanceTimersByTime(TICK_MS - 1);
    expect(second.expiredAt).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(second.expiredAt).toEqual([2]);
  });

  test("forgets what was removed, once and twice", () => {
    const wheel = new TimerWheel(TICK_MS);
    const entry = entryIn(wheel, 3);
    const other = entryIn(wheel, 3);
    wheel.remove(entry);
    wheel.remove(entry);
    expect(wheel.size).toBe(1);
    turn(3);
    expect([entry.expiredAt, other.expiredAt]).toEqual([[], [3]]);
  });

  test("does not expire what was put off while it lay there, before its new tick", () => {
    const wheel = new TimerWheel(TICK_MS);
    const entry = entryIn(wheel, 3);
    entry.due = 200;
    turn(199);
    expect(entry.expiredAt).toEqual([]);
    turn();
    expect(entry.expiredAt).toEqual([200]);
  });

  test("lets go of what was put off for ever when its tick comes", () => {
    const wheel = new TimerWheel(TICK_MS);
    const entry = entryIn(wheel, 3);
    entry.due = Infinity;
    turn(3);
    expect([wheel.size, entry.at, vi.getTimerCount()]).toEqual([0, OFF_WHEEL, 0]);
    expect(entry.expiredAt).toEqual([]);
  });

  test("lets what expires lay itself on again, and take others off that would expire with it", () => {
    const wheel = new TimerWheel(TICK_MS);
    const first = entryIn(wheel, 2);
    const second = entryIn(wheel, 2);
    first.onExpire = () => {
      wheel.remove(second);
      if (first.expiredAt.length > 3) return;
      first.due = wheel.tick + 1;
      wheel.add(first);
    };
    turn(10);
    expect([first.expiredAt, second.expiredAt]).toEqual([[2, 3, 4, 5], []]);
    expect([wheel.size, vi.getTimerCount()]).toEqual([0, 0]);
  });

  test("makes good what a tick is late", () => {
    const holdUp = holdUps();
    const wheel = new TimerWheel(TICK_MS);
    entryIn(wheel, 10);
    holdUp(TICK_MS * 0.6);
    turn();
    expect(wheel.tick).toBe(1);
    vi.advanceTimersByTime(TICK_MS * 0.4);
    expect(wheel.tick).toBe(2);
    turn();
    expect(wheel.tick).toBe(3);
  });

  test("counts a stall as one tick, however long it was", () => {
    const holdUp = holdUps();
    const wheel = new TimerWheel(TICK_MS);
    const entry = entryIn(wheel, 3);
    holdUp(TICK_MS * 500);
    turn();
    expect(wheel.tick).toBe(1);
    vi.advanceTimersByTime(TICK_MS - 1);
    expect(wheel.tick).toBe(1);
    vi.advanceTimersByTime(1);
    expect([wheel.tick, entry.expiredAt]).toEqual([2, []]);
  });

  test("turns again when its timer was lost with another clock", () => {
    const wheel = new TimerWheel(TICK_MS);
    const before = entryIn(wheel, 2);
    vi.clearAllTimers();
    turn(100);
    expect(before.expiredAt).toEqual([]);
    const after = entryIn(wheel, 2);
    turn(2);
    expect([before.expiredAt, after.expiredAt]).toEqual([[2], [2]]);
  });
});

type Command =
  | { readonly kind: "add"; readonly ticks: number }
  | { readonly kind: "remove" | "forget"; readonly which: number }
  | { readonly kind: "putOff"; readonly which: number; readonly ticks: number }
  | { readonly kind: "turn"; readonly ticks: number };

/** Around one turn, and around several. */
const ticks = fc.oneof(
  fc.integer({ min: 1, max: 4 }),
  fc.integer({ min: 60, max: 68 }),
  fc.integer({ min: 1, max: 300 }),
);

const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("add" as const), ticks }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constantFrom("remove" as const, "forget" as const), which: fc.nat(20) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("putOff" as const), which: fc.nat(20), ticks }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("turn" as const), ticks }) },
);

/** A wheel, and what it should do: a list of who is due when. */
class ModelledWheel {
  readonly #wheel = new TimerWheel(TICK_MS);
  readonly #entries: Entry[] = [];
  /** At which ticks each one has to expire. */
  readonly #expected: (number | undefined)[] = [];

  run(step: Command): void {
    if (step.kind === "turn") return this.#turn(step.ticks);
    if (step.kind === "add") {
      this.#expected.push(this.#wheel.tick + step.ticks);
      this.#entries.push(entryIn(this.#wheel, step.ticks));
      return;
    }
    const which = step.which % Math.max(this.#entries.length, 1);
    const entry = this.#entries[which];
    if (entry === undefined || entry.at === OFF_WHEEL || entry.due === Infinity) return;
    if (step.kind === "putOff") entry.due += step.ticks;
    else if (step.kind === "forget") entry.due = Infinity;
    else this.#wheel.remove(entry);
    this.#expected[which] = step.kind === "putOff" ? entry.due : undefined;
  }

  /** Let everything expire that is left. */
  end(): void {
    this.#turn(1_000_000);
    expect([this.#wheel.size, vi.getTimerCount()]).toEqual([0, 0]);
  }

  #turn(count: number): void {
    for (let passed = 0; passed < count && this.#wheel.size > 0; passed++) {
      const { tick } = this.#wheel;
      turn();
      expect(this.#wheel.tick).toBe(tick + 1);
      this.#compare();
    }
  }

  #compare(): void {
    const expected = this.#expected.map((due) => (due === undefined || due > this.#wheel.tick ? [] : [due]));
    expect(this.#entries.map(({ expiredAt }) => expiredAt)).toEqual(expected);
    expect(vi.getTimerCount()).toBe(this.#wheel.size > 0 ? 1 : 0);
  }
}

describe("TimerWheel under any order of calls", () => {
  test("expires everything exactly once, at its tick, and never what was taken off", () => {
    fc.assert(
      fc.property(fc.array(command, { minLength: 5, maxLength: 40 }), (commands) => {
        const modelled = new ModelledWheel();
        for (const step of commands) modelled.run(step);
        modelled.end();
      }),
      { numRuns: 150 },
    );
  });
});

describe("a LoopTimer that is started while its wheel is late", () => {
  test("does not expire early", () => {
    const holdUp = holdUps();
    const first = new LoopTimer(() => {});
    first.start(320);
    vi.advanceTimersByTime(19);
    // Less than a tick of a wheel for that time.
    holdUp(15);
    const began = performance.now();
    let tookMs = 0;
    const second = new LoopTimer(() => (tookMs = performance.now() - began));
    second.start(320);
    vi.advanceTimersByTime(1_000);
    expect(tookMs).toBeGreaterThanOrEqual(320);
    first.dispose();
    second.dispose();
  });
});
