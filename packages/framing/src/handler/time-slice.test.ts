import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { TimeSlice } from "./time-slice.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["performance"] }));

afterEach(() => void vi.useRealTimers());

/** Use it for messages that take so long each, until it is used up: how many that were, at most 1000. */
async function messagesUntilPause(slice: TimeSlice, milliseconds: number): Promise<number> {
  for (let count = 1; count <= 1_000; count++) {
    const pause = slice.use();
    if (pause !== undefined) {
      await pause;
      return count;
    }
    vi.advanceTimersByTime(milliseconds);
  }
  return 1_000;
}

describe("TimeSlice", () => {
  test("has room for a few messages, however long they take", async () => {
    expect(await messagesUntilPause(new TimeSlice(), 1_000)).toBe(16);
  });

  test("is used up after 10 milliseconds of many messages, and begins anew behind a pause", async () => {
    const slice = new TimeSlice();
    // It is looked at with every 16th message.
    for (let round = 0; round < 3; round++) {
      expect(await messagesUntilPause(slice, 1)).toBe(16);
      expect(await messagesUntilPause(slice, 0.5)).toBe(32);
    }
  });

  test("is not used up by messages that take no time", async () => {
    expect(await messagesUntilPause(new TimeSlice(), 0)).toBe(1_000);
  });

  test("begins anew when others had a turn", async () => {
    const slice = new TimeSlice();
    for (let round = 0; round < 100; round++) {
      for (let message = 0; message < 15; message++) expect(slice.use()).toBeUndefined();
      vi.advanceTimersByTime(1_000);
      slice.begin();
    }
    expect(slice.use()).toBeUndefined();
  });

  test("lets others have their turn in its pause", async () => {
    const slice = new TimeSlice();
    let turns = 0;
    const others = setImmediate(() => (turns += 1));
    expect(await messagesUntilPause(slice, 10)).toBe(16);
    clearImmediate(others);
    expect(turns).toBe(1);
  });
});
