import { describe, expect, test } from "vitest";

import { FakeRequest } from "../../test/support/fake-request.ts";
import { callContext } from "./call-context.ts";
import { OUTSIDE, callerInWorker, presentCaller } from "./caller.ts";
import { RequestRegistry } from "./registry.ts";
import type { RequestRecord } from "./request-record.ts";

/** A registry, and a request that runs in it. */
function running(): { registry: RequestRegistry; record: RequestRecord; end: () => void } {
  const registry = new RequestRegistry({
    control: (_record, request) => ({ drain: () => request.drain(), cut: (reason) => request.cut(reason) }),
    taken: () => {},
    closed: () => {},
  });
  const request = new FakeRequest();
  const record = registry.take(request, request.remoteAddress);
  const end = (): void => {
    registry.settle(record);
    request.destroy();
    registry.cleanedUp(record);
  };
  return { registry, record, end };
}

describe("presentCaller()", () => {
  test("is outside where the framework called nothing", () => {
    expect(presentCaller(running().registry)).toBe(OUTSIDE);
  });

  test.each(["loop", "opening", "stopping"] as const)("is where the server waits for this code: %s", (place) => {
    const { registry } = running();
    callContext.run({ owner: registry, place }, () => expect(presentCaller(registry)).toEqual({ place }));
  });

  test("is the request whose code this is, later, too", async () => {
    const { registry, record } = running();
    await callContext.run({ owner: registry, place: "request", record }, async () => {
      expect(presentCaller(registry)).toEqual({ place: "request", record });
      await new Promise((resolve) => setImmediate(resolve));
      expect(presentCaller(registry)).toEqual({ place: "request", record });
    });
  });

  test("is outside once that request is gone", () => {
    const { registry, record, end } = running();
    callContext.run({ owner: registry, place: "request", record }, () => {
      end();
      expect(presentCaller(registry)).toBe(OUTSIDE);
    });
  });

  test("is outside in what a hook left behind that has settled", () => {
    const { registry } = running();
    callContext.run({ owner: registry, place: "loop", over: true }, () => {
      expect(presentCaller(registry)).toBe(OUTSIDE);
    });
  });

  test("is outside for another server, also if it has a request of the same number", () => {
    const { registry, record } = running();
    const other = running();
    expect(other.record.id).toBe(record.id);
    callContext.run({ owner: registry, place: "request", record }, () => {
      expect(presentCaller(other.registry)).toBe(OUTSIDE);
    });
  });
});

describe("callerInWorker()", () => {
  test("is the request with this number", () => {
    const { registry, record } = running();
    expect(callerInWorker(registry, record.id)).toEqual({ place: "request", record });
  });

  test("is outside for a request that is gone, and for nobody in particular", () => {
    const { registry, record, end } = running();
    end();
    expect(callerInWorker(registry, record.id)).toBe(OUTSIDE);
    expect(callerInWorker(registry, undefined)).toBe(OUTSIDE);
  });

  test("is the worker for one of its hooks", () => {
    expect(callerInWorker(running().registry, "hook")).toEqual({ place: "worker" });
  });
});
