import { describe, expect, test, vi } from "vitest";

import { LazySignal } from "./lazy-signal.ts";

describe("LazySignal", () => {
  test("aborts a signal that somebody has asked for, with the reason", () => {
    const lazy = new LazySignal();
    const { signal } = lazy;
    expect([lazy.aborted, signal.aborted]).toEqual([false, false]);
    const reason = new Error("over");
    lazy.abort(reason);
    expect([lazy.aborted, signal.aborted]).toEqual([true, true]);
    expect(signal.reason).toBe(reason);
  });

  test("answers an aborted signal to whoever asks later", () => {
    const lazy = new LazySignal();
    const reason = new Error("first");
    lazy.abort(reason);
    lazy.abort(new Error("second"));
    expect(lazy.signal.aborted).toBe(true);
    expect(lazy.signal.reason).toBe(reason);
  });

  test("makes the reason when it is asked for", () => {
    const lazy = new LazySignal();
    const reason = new Error("over");
    const make = vi.fn<() => Error>(() => reason);
    lazy.abort(make);
    expect([lazy.aborted, make.mock.calls.length]).toEqual([true, 0]);
    expect(lazy.signal.reason).toBe(reason);
  });

  test("answers the same signal each time", () => {
    const lazy = new LazySignal();
    expect(lazy.signal).toBe(lazy.signal);
  });
});
