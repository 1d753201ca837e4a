import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { FakeRequest } from "../../test/support/fake-request.ts";
import { MAX_TIMER_MS } from "../option-rules.ts";
import { Drain, LAST_STEPS_MS } from "./drain.ts";
import { RequestRegistry } from "./registry.ts";
import type { RequestRecord } from "./request-record.ts";

function newRegistry(): RequestRegistry {
  return new RequestRegistry({
    taken: () => {},
    control: (_record, request) => ({ drain: () => request.drain(), cut: (reason) => request.cut(reason) }),
    closed: () => {},
  });
}

/** A request that runs, and the way to end it. */
function running(registry: RequestRegistry): { request: FakeRequest; record: RequestRecord; end: () => void } {
  const request = new FakeRequest();
  const record = registry.take(request, request.remoteAddress);
  const end = (): void => {
    registry.settle(record);
    request.destroy();
    registry.cleanedUp(record);
  };
  return { request, record, end };
}

describe("Drain", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  function started(registry: RequestRegistry, graceMs: number): { drain: Drain; ran: { done: boolean } } {
    const drain = new Drain(registry, () => 0);
    drain.limit(graceMs);
    drain.begin();
    const ran = { done: false };
    void drain.run(Promise.resolve()).then(() => (ran.done = true));
    return { drain, ran };
  }

  test("is over at once when nothing runs, and leaves no timer", async () => {
    const { drain, ran } = started(newRegistry(), 1_000);
    await vi.advanceTimersByTimeAsync(10);
    expect(ran.done).toBe(true);
    expect(drain.report()).toMatchObject({ open: 0, finished: 0, cut: [], neverSettled: 0, callers: 0, refused: 0 });
    expect(vi.getTimerCount()).toBe(0);
  });

  test("tells every request, and waits for those that end by themselves", async () => {
    const registry = newRegistry();
    const requests = [running(registry), running(registry)];
    const { drain, ran } = started(registry, 1_000);
    await vi.advanceTimersByTimeAsync(500);
    expect(requests.map(({ request }) => request.calls)).toEqual([["drain"], ["drain"]]);
    expect(ran.done).toBe(false);
    for (const { end } of requests) end();
    await vi.advanceTimersByTimeAsync(10);
    expect(ran.done).toBe(true);
    expect(drain.report()).toMatchObject({ open: 2, finished: 2, cut: [] });
  });

  test("cuts at the deadline, not before, and tells whose handler never ended", async () => {
    const registry = newRegistry();
    const { request } = running(registry);
    const { drain, ran } = started(registry, 1_000);
    await vi.advanceTimersByTimeAsync(990);
    expect(request.calls).toEqual(["drain"]);
    await vi.advanceTimersByTimeAsync(10 + LAST_STEPS_MS + 10);
    expect(request.closeReason).toBe("drain");
    expect(ran.done).toBe(true);
    const report = drain.report();
    expect(report).toMatchObject({ open: 1, finished: 0, neverSettled: 1 });
    expect(report.cut).toEqual([
      expect.objectContaining({
        id: 1,
        clientAddress: request.remoteAddress,
        settled: false,
        ageMs: expect.any(Number) as number,
      }),
    ]);
  });

  test("counts a handler as ended that ends because it was cut", async () => {
    const registry = newRegistry();
    const { request, end } = running(registry);
    request.onClosed(() => setImmediate(end));
    const { drain } = started(registry, 0);
    await vi.advanceTimersByTimeAsync(LAST_STEPS_MS + 20);
    expect(drain.report()).toMatchObject({ open: 1, finished: 0, neverSettled: 0, cut: [{ settled: true }] });
  });

  test("ends sooner when it is limited again, and never later", async () => {
    const registry = newRegistry();
    const { request } = running(registry);
    const { drain } = started(registry, 1_000);
    drain.limit(5_000);
    drain.limit(100);
    drain.limit(5_000);
    await vi.advanceTimersByTimeAsync(110);
    expect(request.closeReason).toBe("drain");
  });

  test("waits for ever with a grace of Infinity, until it is limited", async () => {
    const registry = newRegistry();
    const { request } = running(registry);
    const { drain } = started(registry, Infinity);
    await vi.advanceTimersByTimeAsync(1_000_000);
    expect(request.closeReason).toBeUndefined();
    drain.limit(0);
    await vi.advanceTimersByTimeAsync(10);
    expect(request.closeReason).toBe("drain");
  });

  test("has a deadline that may be further off than a timer can wait for", async () => {
    const registry = newRegistry();
    const { request } = running(registry);
    started(registry, MAX_TIMER_MS + 1_000);
    await vi.advanceTimersByTimeAsync(MAX_TIMER_MS + 500);
    expect(request.closeReason).toBeUndefined();
    await vi.advanceTimersByTimeAsync(510);
    expect(request.closeReason).toBe("drain");
  });

  test("leaves a caller its time, even if its last steps make that longer than a timer can wait", async () => {
    const registry = newRegistry();
    const { record, request } = running(registry);
    const { drain } = started(registry, MAX_TIMER_MS);
    drain.join(record);
    await vi.advanceTimersByTimeAsync(MAX_TIMER_MS + LAST_STEPS_MS - 10);
    expect(request.closeReason).toBeUndefined();
    await vi.advanceTimersByTimeAsync(20);
    expect(request.closeReason).toBe("drain");
  });

  test("lets a caller go on when everyone else is gone, and waits for it then", async () => {
    const registry = newRegistry();
    const caller = running(registry);
    const other = running(registry);
    const { drain, ran } = started(registry, 10_000);
    drain.join(caller.record);
    let answered = false;
    void drain.othersEnded.then(() => (answered = true));
    await vi.advanceTimersByTimeAsync(10);
    expect(answered).toBe(false);
    other.end();
    await vi.advanceTimersByTimeAsync(10);
    expect([answered, ran.done]).toEqual([true, false]);
    expect(drain.report()).toMatchObject({ open: 2, finished: 1, callers: 1, cut: [] });
    caller.end();
    await vi.advanceTimersByTimeAsync(10);
    expect(ran.done).toBe(true);
    expect(drain.report()).toMatchObject({ open: 2, finished: 2, callers: 0 });
  });

  test("does not let two callers wait for each other", async () => {
    const registry = newRegistry();
    const callers = [running(registry), running(registry)];
    const { drain } = started(registry, 10_000);
    for (const { record } of callers) drain.join(record);
    let answered = false;
    void drain.othersEnded.then(() => (answered = true));
    await vi.advanceTimersByTimeAsync(10);
    expect(answered).toBe(true);
    for (const { end } of callers) end();
    await vi.advanceTimersByTimeAsync(10);
  });

  test("tells how many were refused", () => {
    const drain = new Drain(newRegistry(), () => 5);
    expect(drain.report().refused).toBe(5);
    expect(Object.isFrozen(drain.report())).toBe(true);
  });
});
