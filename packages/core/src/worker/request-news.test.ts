import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import { beforeEach, describe, expect, test, vi } from "vitest";

import { CloseReason } from "../close-reason.ts";
import { NewsCollector, newsIn, type RequestNews } from "./request-news.ts";

const TRAFFIC = { bytesRead: 3, bytesWritten: 5, lastActivity: 0 };

let told: RequestNews[][];
let collector: NewsCollector;

beforeEach(() => {
  told = [];
  collector = new NewsCollector((news) => told.push([...newsIn(news)]));
});

describe("NewsCollector", () => {
  test("tells together what happens together, in its order", async () => {
    collector.taken(1);
    collector.done(1);
    collector.overdue(2);
    await Promise.resolve();
    collector.gone(1);
    expect(told).toEqual([]);
    await nextTurn();
    expect(told).toEqual([
      [
        { type: "taken", id: 1 },
        { type: "done", id: 1 },
        { type: "overdue", id: 2 },
        { type: "gone", id: 1 },
      ],
    ]);
  });

  test("tells of a closed connection before the next event of the loop", async () => {
    collector.closed(1, CloseReason.done, TRAFFIC);
    // First of all that comes: a handler that it begins may never end.
    await new Promise((resolve) => queueMicrotask(() => process.nextTick(() => process.nextTick(resolve))));
    expect(told).toHaveLength(1);
  });

  test.each(Object.values(CloseReason))("tells of a connection that closed: %s", (reason) => {
    const lastActivity = performance.now() - 20;
    collector.closed(70_000, reason, { ...TRAFFIC, lastActivity });
    collector.flush();
    const expected = { type: "closed", id: 70_000, reason, bytesRead: 3, bytesWritten: 5, idleMs: expect.any(Number) };
    expect(told).toEqual([[expected]]);
    const [[news]] = told as [[Extract<RequestNews, { type: "closed" }>]];
    expect(news.idleMs).toBeGreaterThanOrEqual(20);
  });

  test.each(["taken", "done"] as const)("tells that a request is %s a millisecond later", async (kind) => {
    vi.useFakeTimers({ toFake: ["setTimeout"] });
    try {
      collector[kind](1);
      await nextTurn();
      expect(told).toEqual([]);
      vi.advanceTimersByTime(1);
      expect(told).toEqual([[{ type: kind, id: 1 }]]);
    } finally {
      vi.useRealTimers();
    }
  });

  test("tells that requests have come without waiting if they are many", async () => {
    for (let id = 1; id <= 8; id++) collector.taken(id);
    await new Promise((resolve) => queueMicrotask(() => process.nextTick(() => process.nextTick(resolve))));
    expect(told.flat()).toHaveLength(8);
  });

  test("tells nothing twice, and nothing if there is nothing", async () => {
    collector.taken(1);
    collector.gone(1);
    collector.flush();
    collector.flush();
    await nextTurn();
    // A timer of one millisecond has run when one that was set later has.
    await sleep(1);
    expect(told).toEqual([
      [
        { type: "taken", id: 1 },
        { type: "gone", id: 1 },
      ],
    ]);
  });
});
