import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { DataRate, type DataRateLimit } from "./data-rate.ts";

/** 100 bytes per second, looked at about once a second. */
const LIMIT: DataRateLimit = { bytesPerSecond: 100, graceMs: 1_000, slack: 0 };

/** What a time-out may be late. */
const LATE = 1 + 1 / 8;

let tooSlow: ReturnType<typeof vi.fn<() => void>>;
let rate: DataRate;

function limit(limits: Partial<DataRateLimit>, confirm?: (callback: () => void) => void): void {
  rate.dispose();
  rate = new DataRate({ ...LIMIT, ...limits }, tooSlow, confirm);
}

function pass(ms: number): void {
  vi.advanceTimersByTime(ms);
}

/** So many bytes per second pass, evenly, for so long. */
function flow(bytesPerSecond: number, ms: number): void {
  const stepMs = 10;
  for (let passed = 0; passed < ms; passed += stepMs) {
    rate.moved((bytesPerSecond * stepMs) / 1_000);
    pass(stepMs);
  }
}

beforeEach(() => {
  vi.useFakeTimers();
  tooSlow = vi.fn<() => void>();
  rate = new DataRate(LIMIT, tooSlow);
});

afterEach(() => {
  rate.dispose();
  vi.useRealTimers();
});

describe("DataRate", () => {
  test("notices that nothing passes for graceMs, and not before", () => {
    rate.wait();
    pass(999);
    expect(tooSlow).not.toHaveBeenCalled();
    pass(1_000 * LATE - 999);
    expect(tooSlow).toHaveBeenCalledTimes(1);
  });

  test("lets pass what is just fast enough, for as long as it likes", () => {
    rate.wait();
    flow(105, 60_000);
    expect(tooSlow).not.toHaveBeenCalled();
  });

  test("notices what is a little too slow", () => {
    rate.wait();
    flow(85, 2_000 * LATE);
    expect(tooSlow).toHaveBeenCalled();
  });

  test("saves up nothing of what was faster before", () => {
    rate.wait();
    flow(10_000, 5_000);
    // The window in which it stopped, and a whole one without any byte.
    pass(2_000 * LATE);
    expect(tooSlow).toHaveBeenCalledTimes(1);
  });

  test("counts no time in which nobody waits", () => {
    pass(10_000);
    rate.wait();
    pass(900);
    for (let pause = 0; pause < 5; pause++) {
      rate.rest();
      pass(100_000);
      rate.wait();
    }
    pass(90);
    expect(tooSlow).not.toHaveBeenCalled();
    pass(1_000 * LATE - 990);
    expect(tooSlow).toHaveBeenCalledTimes(1);
  });

  test("counts the bytes that pass while nobody waits", () => {
    rate.wait();
    pass(500);
    rate.rest();
    rate.moved(150);
    pass(500);
    rate.wait();
    pass(700);
    expect(tooSlow).not.toHaveBeenCalled();
  });

  test("goes on, and does not begin anew, when somebody waits who waits already", () => {
    rate.wait();
    for (let waited = 0; waited < 1_000 * LATE; waited += 25) {
      rate.wait();
      pass(25);
    }
    expect(tooSlow).toHaveBeenCalledTimes(1);
  });

  test("begins anew after a reset, with whoever waits then", () => {
    rate.wait();
    pass(900);
    rate.reset();
    pass(10_000);
    expect(tooSlow).not.toHaveBeenCalled();
    rate.wait();
    pass(999);
    expect(tooSlow).not.toHaveBeenCalled();
    pass(1_000 * LATE - 999);
    expect(tooSlow).toHaveBeenCalledTimes(1);
  });

  test("forgets with a reset what had passed before", () => {
    rate.wait();
    rate.moved(1_000);
    rate.reset();
    rate.wait();
    pass(1_000 * LATE);
    expect(tooSlow).toHaveBeenCalledTimes(1);
  });

  test("counts what has come before it is seen to be missing", () => {
    limit({}, (callback) => {
      rate.moved(200);
      callback();
    });
    rate.wait();
    pass(20_000);
    expect(tooSlow).not.toHaveBeenCalled();
  });

  test("leaves no timer behind when it is disposed", () => {
    rate.wait();
    rate.dispose();
    expect(vi.getTimerCount()).toBe(0);
    pass(10_000);
    expect(tooSlow).not.toHaveBeenCalled();
  });
});

describe("DataRate with bytes that pass unseen", () => {
  beforeEach(() => limit({ slack: 1_000 }));

  test("allows for them once: what is missing adds up beyond them", () => {
    rate.wait();
    pass(10_000);
    expect(tooSlow).not.toHaveBeenCalled();
    pass(12_000 * LATE - 10_000);
    expect(tooSlow).toHaveBeenCalledTimes(1);
  });

  test("lets pass what is seen late, as long as it was fast enough", () => {
    rate.wait();
    for (let piece = 0; piece < 10; piece++) {
      pass(9_000);
      rate.moved(1_000);
    }
    expect(tooSlow).not.toHaveBeenCalled();
  });

  test("takes what is faster for what was missing, and not for what will be", () => {
    rate.wait();
    pass(9_000);
    flow(100_000, 1_500);
    pass(9_000);
    expect(tooSlow).not.toHaveBeenCalled();
    pass(13_000 * LATE - 9_000);
    expect(tooSlow).toHaveBeenCalledTimes(1);
  });
});

describe("DataRate at its extremes", () => {
  test("never looks with a graceMs of Infinity", () => {
    limit({ graceMs: Infinity });
    rate.wait();
    expect(vi.getTimerCount()).toBe(0);
    pass(1_000_000);
    expect(tooSlow).not.toHaveBeenCalled();
  });

  test("finds everything too slow with a rate of Infinity", () => {
    limit({ bytesPerSecond: Infinity });
    rate.wait();
    flow(1_000_000, 1_000 * LATE);
    expect(tooSlow).toHaveBeenCalledTimes(1);
  });

  test.each([100, Infinity])(
    "notices after a moment that nothing passes with a graceMs of 0 and a rate of %d",
    (bytesPerSecond) => {
      limit({ graceMs: 0, bytesPerSecond });
      rate.wait();
      pass(120);
      expect(tooSlow).toHaveBeenCalledTimes(1);
    },
  );

  test("lets pass what is fast enough with a graceMs of 0", () => {
    limit({ graceMs: 0 });
    rate.wait();
    flow(300, 5_000);
    expect(tooSlow).not.toHaveBeenCalled();
  });
});
