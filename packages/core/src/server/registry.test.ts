import { describe, expect, test } from "vitest";

import { FakeRequest } from "../../test/support/fake-request.ts";
import type { CloseReason } from "../close-reason.ts";
import { RequestRegistry } from "./registry.ts";
import type { RequestRecord } from "./request-record.ts";

const clientAddress = { host: "192.0.2.7", port: 1 };

/** A registry and what it has told its server: the ids of closed requests with their reasons, and of those that are gone. */
function newRegistry(): { registry: RequestRegistry; closed: [number, CloseReason][]; gone: number[] } {
  const closed: [number, CloseReason][] = [];
  const gone: number[] = [];
  const registry = new RequestRegistry({
    taken: () => {},
    control: (_record, request) => ({ drain: () => request.drain(), cut: (reason) => request.cut(reason) }),
    closed: (record, reason) => void closed.push([record.id, reason]),
  });
  registry.onEnd((record) => {
    if (record.stage === "gone") gone.push(record.id);
  });
  return { registry, closed, gone };
}

describe("RequestRegistry", () => {
  test("counts requests from 1, and takes the id that another side has given", () => {
    const { registry } = newRegistry();
    expect(registry.open(new FakeRequest(), clientAddress).id).toBe(1);
    expect(registry.open(new FakeRequest(), clientAddress).id).toBe(2);
    expect(registry.open(new FakeRequest(), clientAddress, 77).id).toBe(77);
    expect(registry.size).toBe(3);
  });

  test("knows a request by its id and by itself", () => {
    const { registry } = newRegistry();
    const request = new FakeRequest();
    const record = registry.open(request, clientAddress);
    expect([registry.get(record.id), registry.find(request), registry.take(request, clientAddress)]).toEqual([
      record,
      record,
      record,
    ]);
    expect([registry.get(5), registry.find(new FakeRequest())]).toEqual([undefined, undefined]);
  });

  test("counts a request as taken once, however often it is taken", () => {
    const { registry } = newRegistry();
    const request = new FakeRequest();
    registry.open(request, clientAddress);
    expect([registry.takenSize, [...registry.taken()].length]).toEqual([0, 0]);
    registry.take(request, clientAddress);
    registry.take(request, clientAddress);
    expect([registry.takenSize, [...registry.taken()].length, registry.size]).toEqual([1, 1, 1]);
  });

  test("takes a request that no source of ours has made", () => {
    const { registry } = newRegistry();
    const record = registry.take(new FakeRequest(), { host: "198.51.100.1", port: 2 });
    expect(record.info).toEqual({ id: 1, clientAddress: { host: "198.51.100.1", port: 2 } });
    expect(registry.takenSize).toBe(1);
  });

  /** The three things that have to happen, in every order. */
  const ends: Readonly<
    Record<string, (registry: RequestRegistry, record: RequestRecord, request: FakeRequest) => void>
  > = {
    settle: (registry, record) => registry.settle(record),
    cleanedUp: (registry, record) => registry.cleanedUp(record),
    close: (_registry, _record, request) => request.cut("drain"),
  };

  test.each([
    ["settle", "cleanedUp", "close"],
    ["settle", "close", "cleanedUp"],
    ["cleanedUp", "settle", "close"],
    ["cleanedUp", "close", "settle"],
    ["close", "settle", "cleanedUp"],
    ["close", "cleanedUp", "settle"],
  ])("lets a request go after %s, %s and %s, once", (...order) => {
    const { registry, closed, gone } = newRegistry();
    const request = new FakeRequest();
    const record = registry.take(request, clientAddress);
    for (const step of order) {
      expect([registry.size, registry.takenSize, gone]).toEqual([1, 1, []]);
      ends[step]?.(registry, record, request);
    }
    for (const step of order) ends[step]?.(registry, record, request);
    expect([registry.size, registry.takenSize, gone]).toEqual([0, 0, [1]]);
    expect(closed).toEqual([[1, "drain"]]);
    expect(record.stage).toBe("gone");
  });

  test("lets a request go that closes while it waits, and says nothing of it as closed", () => {
    const { registry, closed, gone } = newRegistry();
    const request = new FakeRequest();
    registry.open(request, clientAddress);
    request.cut("peer-reset");
    expect([registry.size, closed, gone]).toEqual([0, [], [1]]);
  });

  test("lets a request go that was closed before it came", () => {
    const { registry } = newRegistry();
    const request = new FakeRequest();
    request.cut("peer-reset");
    registry.open(request, clientAddress);
    expect([registry.size, registry.countOf(clientAddress)]).toEqual([0, 0]);
  });

  test("counts the requests of a client whatever their port, under the address with which they came", () => {
    const { registry } = newRegistry();
    const request = new FakeRequest();
    registry.open(request, { host: "192.0.2.7", port: 1 });
    registry.open(new FakeRequest(), { host: "192.0.2.7", port: 2 });
    registry.open(new FakeRequest(), { path: "" });
    const counts = (): number[] =>
      [{ host: "192.0.2.7", port: 9 }, { path: "" }, { host: "192.0.2.8", port: 1 }].map((address) =>
        registry.countOf(address),
      );
    expect(counts()).toEqual([2, 1, 0]);
    const record = registry.take(request, { host: "198.51.100.1", port: 1 });
    expect(record.clientAddress).toEqual({ host: "198.51.100.1", port: 1 });
    registry.settle(record);
    registry.cleanedUp(record);
    request.cut("done");
    expect(counts()).toEqual([1, 1, 0]);
  });

  test("remembers what a request had moved when it closed", () => {
    const { registry } = newRegistry();
    const request = new FakeRequest();
    const record = registry.take(request, clientAddress);
    request.bytesRead = 5;
    request.bytesWritten = 7;
    request.cut("done");
    request.bytesRead = 99;
    expect(record.closedInfo("done")).toMatchObject({
      id: 1,
      reason: "done",
      bytesRead: 5,
      bytesWritten: 7,
      clientAddress,
    });
    expect(record.closedInfo("done").durationMs).toBeGreaterThanOrEqual(0);
  });

  test("tells a listener of nothing once it is called off", () => {
    const { registry } = newRegistry();
    const gone: number[] = [];
    const stop = registry.onEnd((record) => void gone.push(record.id));
    stop();
    const request = new FakeRequest();
    registry.open(request, clientAddress);
    request.cut("aborted");
    expect(gone).toEqual([]);
  });

  test("reaches a request through what is told last", () => {
    const { registry } = newRegistry();
    const request = new FakeRequest();
    const record = registry.take(request, clientAddress);
    record.drain();
    const elsewhere: string[] = [];
    record.reachThrough({ drain: () => elsewhere.push("drain"), cut: (reason) => elsewhere.push(reason) });
    record.drain();
    record.cut("deadline");
    expect([request.calls, elsewhere, record.draining]).toEqual([["drain"], ["drain", "deadline"], true]);
  });
});
