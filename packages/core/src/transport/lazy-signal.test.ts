import { describe, expect, test } from "vitest";

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
    lazy.abort("first");
    lazy.abort("second");
    expect(lazy.signal.aborted).toBe(true);
    expect(lazy.signal.reason).toBe("first");
  });

  test("answers the same signal each time", () => {
    const lazy = new LazySignal();
    expect(lazy.signal).toBe(lazy.signal);
  });
});
