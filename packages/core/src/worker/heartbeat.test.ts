import { describe, expect, test } from "vitest";

import { Heartbeat } from "./heartbeat.ts";

const BEAT = { eventLoopDelayMs: 3, heapUsed: 1_000, freeDescriptors: 30 };

/** Let so many ticks pass; what the last one answered. */
function tick(heartbeat: Heartbeat, times: number): boolean {
  let silentForTooLong = false;
  for (let time = 0; time < times; time++) silentForTooLong = heartbeat.tick();
  return silentForTooLong;
}

describe("Heartbeat", () => {
  test("shows what the last beat told, and nothing before the first", () => {
    const heartbeat = new Heartbeat(100, 1_000);
    expect(heartbeat.last).toEqual({ eventLoopDelayMs: 0, heapUsed: 0, freeDescriptors: Infinity });
    heartbeat.beat(BEAT);
    heartbeat.beat({ eventLoopDelayMs: 1, heapUsed: 2_000, freeDescriptors: 30 });
    expect(heartbeat.last).toEqual({ eventLoopDelayMs: 1, heapUsed: 2_000, freeDescriptors: 30 });
  });

  test("is late after more than two ticks without a beat, until the next one", () => {
    const heartbeat = new Heartbeat(100, 1_000);
    expect([tick(heartbeat, 2), heartbeat.late]).toEqual([false, false]);
    expect([tick(heartbeat, 1), heartbeat.late]).toEqual([false, true]);
    heartbeat.beat(BEAT);
    expect([tick(heartbeat, 2), heartbeat.late]).toEqual([false, false]);
  });

  test("has been silent for too long when more ticks have passed than the limit holds", () => {
    const heartbeat = new Heartbeat(100, 1_000);
    expect(tick(heartbeat, 10)).toBe(false);
    expect(tick(heartbeat, 1)).toBe(true);
    heartbeat.beat(BEAT);
    expect(tick(heartbeat, 10)).toBe(false);
  });

  test("never has been, without a limit", () => {
    const heartbeat = new Heartbeat(1_000, Infinity);
    expect([tick(heartbeat, 100_000), heartbeat.late]).toEqual([false, true]);
  });
});
