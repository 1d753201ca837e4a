import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { onStopSignals } from "./stop-signals.ts";

describe("onStopSignals()", () => {
  let calls = 0;
  let stop: () => void;

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["performance"] });
    calls = 0;
    stop = onStopSignals(() => calls++);
  });

  afterEach(() => {
    stop();
    vi.useRealTimers();
  });

  test.each(["SIGINT", "SIGTERM"] as const)("calls for %s, until it is stopped", (signal) => {
    process.emit(signal);
    expect(calls).toBe(1);
    stop();
    expect(process.listenerCount(signal)).toBe(0);
  });

  test("takes signals that come a moment apart for one", () => {
    process.emit("SIGINT");
    vi.advanceTimersByTime(5);
    process.emit("SIGINT");
    process.emit("SIGTERM");
    expect(calls).toBe(1);
  });

  test("takes a later signal for a second wish", () => {
    process.emit("SIGINT");
    vi.advanceTimersByTime(1_000);
    process.emit("SIGINT");
    expect(calls).toBe(2);
  });

  test("counts from the last signal that it called for, so that an impatient key is heard", () => {
    const callsAfter: number[] = [];
    for (let press = 0; press < 7; press++) {
      process.emit("SIGINT");
      callsAfter.push(calls);
      vi.advanceTimersByTime(100);
    }
    // Pressed at 0, 100, ... 600 ms: those at 300 and 600 ms are new wishes.
    expect(callsAfter).toEqual([1, 1, 1, 2, 2, 2, 3]);
  });
});
