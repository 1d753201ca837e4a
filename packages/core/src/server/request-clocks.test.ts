import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { FakeRequest } from "../../test/support/fake-request.ts";
import { RequestClocks, type ClockLimits } from "./request-clocks.ts";
import { RequestRecord } from "./request-record.ts";

const MINUTE_MS = 60_000;

/** A wheel is late by an eighth at most. */
const LATE = 1.125;

interface Clocked {
  readonly clocks: RequestClocks;
  readonly record: RequestRecord;
  readonly request: FakeRequest;
  /** What was done to the request, and when, in milliseconds since the clocks were started. */
  readonly log: { readonly what: string; readonly at: number }[];
}

function clocked(limits: Partial<ClockLimits>): Clocked {
  const began = performance.now();
  const request = new FakeRequest();
  const record = new RequestRecord(1, request.remoteAddress, request);
  const log: { what: string; at: number }[] = [];
  const note = (what: string): void => void log.push({ what, at: performance.now() - began });
  record.reachThrough({ drain: () => note("drain"), cut: () => note("cut through the record") });
  record.onOverdue = () => note("overdue");
  const all = { deadlineMs: Infinity, maxAgeMs: Infinity, graceMs: MINUTE_MS, ...limits };
  const clocks = new RequestClocks(record, request, all, (cutRecord, cutRequest, reason) => {
    expect([cutRecord, cutRequest]).toEqual([record, request]);
    note(`cut ${reason}`);
  });
  return { clocks, record, request, log };
}

function whats({ log }: Clocked): string[] {
  return log.map(({ what }) => what);
}

describe("RequestClocks", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });

  afterEach(() => {
    vi.restoreAllMocks();
    vi.useRealTimers();
  });

  test("needs no timer without a limit", () => {
    clocked({}).clocks.stop();
    clocked({});
    expect(vi.getTimerCount()).toBe(0);
  });

  test("cuts at the deadline, and then waits for the handler no longer", async () => {
    const one = clocked({ deadlineMs: 10_000 });
    await vi.advanceTimersByTimeAsync(9_990);
    expect(one.log).toEqual([]);
    await vi.advanceTimersByTimeAsync(10_000 * (LATE - 1) + 30);
    expect(whats(one)).toEqual(["cut deadline", "overdue"]);
    await vi.advanceTimersByTimeAsync(MINUTE_MS);
    expect(one.log).toHaveLength(2);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("does not mind a request for which nobody waits", async () => {
    const one = clocked({ deadlineMs: 1_000 });
    one.record.onOverdue = undefined;
    await vi.advanceTimersByTimeAsync(2_000);
    expect(whats(one)).toEqual(["cut deadline"]);
  });

  test("sees what has come before it cuts: a request that ends then is left alone", async () => {
    const one = clocked({ deadlineMs: 1_000 });
    const afterArrivals = vi.spyOn(one.request, "afterArrivals").mockImplementation((callback) => {
      one.clocks.stop();
      callback();
    });
    await vi.advanceTimersByTimeAsync(MINUTE_MS);
    expect(afterArrivals).toHaveBeenCalledTimes(1);
    expect(one.log).toEqual([]);
  });

  test("drains at the age, and cuts when the grace is over", async () => {
    const one = clocked({ maxAgeMs: 10_000, graceMs: 5_000 });
    await vi.advanceTimersByTimeAsync(8_990);
    expect(one.log).toEqual([]);
    await vi.advanceTimersByTimeAsync(10_000 * LATE - 8_990 + 30);
    expect(whats(one)).toEqual(["drain"]);
    expect(one.record.draining).toBe(true);
    await vi.advanceTimersByTimeAsync(MINUTE_MS);
    expect(whats(one)).toEqual(["drain", "cut max-age"]);
    const [drained, cut] = one.log.map(({ at }) => at) as [number, number];
    expect(cut - drained).toBeGreaterThanOrEqual(5_000);
    expect(cut - drained).toBeLessThanOrEqual(5_000 * LATE + 30);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("does not drain again what drains already, and still cuts it", async () => {
    const one = clocked({ maxAgeMs: 1_000, graceMs: 1_000 });
    one.record.drain();
    await vi.advanceTimersByTimeAsync(3_000);
    expect(whats(one)).toEqual(["drain", "cut max-age"]);
  });

  test("never cuts what has drained if the grace has no end", async () => {
    const one = clocked({ maxAgeMs: 1_000, graceMs: Infinity });
    await vi.advanceTimersByTimeAsync(60 * MINUTE_MS);
    expect(whats(one)).toEqual(["drain"]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test.each([
    [0, 10_000],
    [0.5, 9_500],
    [0.999, 9_001],
  ])("leaves the last tenth of the age to chance: %d is %d ms of 10 s", async (chance, ms) => {
    vi.spyOn(Math, "random").mockReturnValue(chance);
    const one = clocked({ maxAgeMs: 10_000 });
    await vi.advanceTimersByTimeAsync(20_000);
    const [drained] = one.log;
    expect(drained?.at).toBeGreaterThanOrEqual(ms - 1);
    expect(drained?.at).toBeLessThanOrEqual(ms * LATE + 30);
  });

  test("does not let connections go together that came together", async () => {
    const many = Array.from({ length: 200 }, () => clocked({ maxAgeMs: 100_000 }));
    await vi.advanceTimersByTimeAsync(100_000 * LATE);
    const ages = many.map(({ log }) => log[0]?.at ?? NaN);
    expect(Math.min(...ages)).toBeGreaterThanOrEqual(90_000);
    expect(Math.max(...ages) - Math.min(...ages)).toBeGreaterThan(5_000);
    for (const { clocks } of many) clocks.stop();
  });

  test("leaves the deadline as it is: chance has no part in it", async () => {
    vi.spyOn(Math, "random").mockReturnValue(0.999);
    const one = clocked({ deadlineMs: 10_000 });
    await vi.advanceTimersByTimeAsync(20_000);
    expect(one.log[0]?.at).toBeGreaterThanOrEqual(10_000);
  });

  test.each([
    ["at the beginning", 0],
    ["while it drains", 2_500],
  ])("stop() %s leaves no timer, twice too, and nothing happens any more", async (_when, afterMs) => {
    const one = clocked({ deadlineMs: 30_000, maxAgeMs: 2_000, graceMs: 10_000 });
    await vi.advanceTimersByTimeAsync(afterMs);
    const before = whats(one);
    expect(before).toEqual(afterMs === 0 ? [] : ["drain"]);
    expect(vi.getTimerCount()).toBeGreaterThan(0);
    one.clocks.stop();
    one.clocks.stop();
    expect(vi.getTimerCount()).toBe(0);
    await vi.advanceTimersByTimeAsync(2 * MINUTE_MS);
    expect(whats(one)).toEqual(before);
  });

  test("stop() in what drains it leaves no timer, either", async () => {
    const one = clocked({ maxAgeMs: 1_000, graceMs: 1_000 });
    one.record.reachThrough({ drain: () => one.clocks.stop(), cut: () => {} });
    await vi.advanceTimersByTimeAsync(MINUTE_MS);
    expect(one.log).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });
});
