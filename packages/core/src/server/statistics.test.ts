import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { CloseReason } from "../close-reason.ts";
import { DropReason, type ClosedRequestInfo } from "../events.ts";
import { Statistics } from "./statistics.ts";

function closed(reason: CloseReason, bytesRead = 0, bytesWritten = 0): ClosedRequestInfo {
  return { id: 1, clientAddress: { host: "192.0.2.1", port: 1 }, reason, bytesRead, bytesWritten, durationMs: 1 };
}

describe("Statistics", () => {
  test("knows of nothing at first, and of what is open what it is told", () => {
    expect(new Statistics().snapshot(3, 4)).toEqual({
      taken: 0,
      active: 3,
      waiting: 4,
      closed: {},
      dropped: {},
      bytesRead: 0,
      bytesWritten: 0,
    });
  });

  test("counts by the reasons, and leaves out what never was", () => {
    const statistics = new Statistics();
    for (const reason of ["done", "idle", "done"] as const) {
      statistics.taken();
      statistics.closed(closed(reason, 10, 100));
    }
    statistics.dropped("denied");
    expect(statistics.snapshot(0, 0)).toEqual({
      taken: 3,
      active: 0,
      waiting: 0,
      closed: { done: 2, idle: 1 },
      dropped: { denied: 1 },
      bytesRead: 30,
      bytesWritten: 300,
    });
  });

  test("adds up for every sequence", () => {
    const reasons = fc.array(fc.constantFrom(...Object.values(CloseReason)));
    const refusals = fc.array(fc.constantFrom(...Object.values(DropReason)));
    fc.assert(
      fc.property(reasons, refusals, (closes, drops) => {
        const statistics = new Statistics();
        for (const reason of closes) statistics.closed(closed(reason, 1, 2));
        for (const reason of drops) statistics.dropped(reason);
        const picture = statistics.snapshot(0, 0);
        const sum = (counts: object): number => Object.values(counts).reduce((total, count) => total + count, 0);
        expect([sum(picture.closed), sum(picture.dropped)]).toEqual([closes.length, drops.length]);
        expect([picture.bytesRead, picture.bytesWritten]).toEqual([closes.length, closes.length * 2]);
      }),
    );
  });

  test("gives a picture of one moment, which nobody can change", () => {
    const statistics = new Statistics();
    const before = statistics.snapshot(0, 0);
    statistics.taken();
    statistics.closed(closed("done"));
    expect(before).toMatchObject({ taken: 0, closed: {} });
    expect([before, before.closed, before.dropped].every(Object.isFrozen)).toBe(true);
  });
});
