import { leakCheck } from "@socketserver/testing";
import { beforeEach, describe, expect, test, vi } from "vitest";

import type { WorkerBeat } from "./messages.ts";
import { Pulse } from "./pulse.ts";

beforeEach(() => leakCheck());

/** Hold the event loop up. */
function block(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

/** Hold the event loop up; what the next three beats tell of that. */
async function delaysAfterBlocking(beats: readonly WorkerBeat[], ms: number): Promise<number[]> {
  block(ms);
  const before = beats.length;
  await vi.waitFor(() => expect(beats.length).toBeGreaterThanOrEqual(before + 3), 10_000);
  return beats.slice(before).map(({ eventLoopDelayMs }) => eventLoopDelayMs);
}

/** A pulse, and what it has told. */
function pulseEvery(beatMs: number): { pulse: Pulse; beats: WorkerBeat[] } & Disposable {
  const beats: WorkerBeat[] = [];
  const pulse = new Pulse(beatMs, (beat) => beats.push(beat));
  return { pulse, beats, [Symbol.dispose]: () => pulse.stop() };
}

describe("Pulse", () => {
  test("beats again and again, and tells how much of the heap is in use", async () => {
    using run = pulseEvery(20);
    await vi.waitFor(() => expect(run.beats.length).toBeGreaterThan(2), 10_000);
    for (const { eventLoopDelayMs, heapUsed } of run.beats) {
      expect(eventLoopDelayMs).toBeGreaterThanOrEqual(0);
      expect(heapUsed).toBeGreaterThan(1_000_000);
    }
  });

  test("tells for how long the event loop was held up, once", async () => {
    using run = pulseEvery(200);
    await vi.waitFor(() => expect(run.beats.length).toBeGreaterThan(0), 10_000);
    const delays = await delaysAfterBlocking(run.beats, 600);
    expect(Math.max(...delays)).toBeGreaterThan(300);
    // Later beats tell of what was since: it is not added up, nor kept.
    expect(Math.min(...delays)).toBeLessThan(300);
  });

  test("tells so whatever else is due when the event loop goes on", async () => {
    using run = pulseEvery(500);
    await vi.waitFor(() => expect(run.beats.length).toBeGreaterThan(0), 10_000);
    using other = pulseEvery(60);
    await vi.waitFor(() => expect(other.beats.length).toBeGreaterThan(2), 10_000);
    // Long enough that a beat is due meanwhile, after a timer of somebody else.
    const delays = await delaysAfterBlocking(run.beats, 600);
    expect(Math.max(...delays)).toBeGreaterThan(300);
  });

  test("stops", async () => {
    using run = pulseEvery(10);
    await vi.waitFor(() => expect(run.beats.length).toBeGreaterThan(0), 10_000);
    run.pulse.stop();
    const before = run.beats.length;
    using other = pulseEvery(10);
    await vi.waitFor(() => expect(other.beats.length).toBeGreaterThan(3), 10_000);
    expect(run.beats.length).toBe(before);
  });

  test("keeps nobody alive", () => {
    const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
    const before = timers();
    using run = pulseEvery(1_000);
    expect([timers(), run.beats.length]).toEqual([before, 1]);
  });
});
