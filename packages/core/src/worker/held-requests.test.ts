import { once } from "node:events";
import { duplexPair } from "node:stream";

import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { CargoHold } from "../../test/support/cargo-hold.ts";
import { HeldRequests } from "./held-requests.ts";
import { SocketRelay } from "./socket-relay.ts";

let hold: CargoHold;
let requests: HeldRequests;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  hold = new CargoHold();
  requests = new HeldRequests();
});

afterEach(() => {
  vi.useRealTimers();
});

/** Hand over a request; its id. */
function add(cargo = hold.connection()): number {
  requests.add(cargo, undefined);
  return cargo.request.id;
}

describe("HeldRequests", () => {
  test("counts a request as active until it is done, and holds it until it is gone", () => {
    const id = add();
    expect([requests.active, requests.served, requests.ended, requests.empty]).toEqual([1, 1, 0, false]);
    requests.done(id);
    requests.done(id);
    expect([requests.active, requests.served, requests.ended, requests.empty]).toEqual([0, 1, 0, false]);
    requests.gone(id);
    requests.gone(id);
    expect([requests.active, requests.served, requests.ended, requests.empty]).toEqual([0, 1, 1, true]);
  });

  test("sums up what its requests have moved", () => {
    for (const id of [add(), add()])
      requests.closed({ type: "closed", id, reason: "done", bytesRead: 2, bytesWritten: 3, idleMs: 0 });
    expect([requests.bytesRead, requests.bytesWritten]).toEqual([4, 6]);
    expect(hold.closed.map(([, reason]) => reason)).toEqual(["done", "done"]);
  });

  test("has not acknowledged when the oldest hand-over waits for 50 ms", () => {
    expect(requests.acknowledged).toBe(true);
    const first = add();
    vi.advanceTimersByTime(49);
    add();
    expect(requests.acknowledged).toBe(true);
    vi.advanceTimersByTime(1);
    expect(requests.acknowledged).toBe(false);
    requests.taken(first);
    expect(requests.acknowledged).toBe(true);
  });

  test("does not wait for one that is gone, but for those after it", () => {
    const first = add();
    add();
    requests.gone(first);
    vi.advanceTimersByTime(50);
    expect(requests.acknowledged).toBe(false);
  });

  test("pays no attention to what it does not hold", () => {
    requests.taken(7);
    requests.done(7);
    requests.gone(7);
    expect([requests.relayOf(7), requests.active, requests.ended]).toEqual([undefined, 0, 0]);
  });
});

describe("HeldRequests.lose()", () => {
  test("loses what was seen, and gives back the rest", () => {
    const seen = hold.connection();
    const unseen = hold.connection();
    const left = hold.connection();
    for (const cargo of [seen, unseen, left]) add(cargo);
    requests.taken(seen.request.id);
    left.content.destroy();
    expect(requests.lose("worker-lost")).toEqual({ lost: 2, unseen: [unseen] });
    expect(hold.closed).toEqual([
      [seen.request.id, "worker-lost"],
      [left.request.id, "worker-lost"],
    ]);
    expect([requests.active, requests.served, requests.empty]).toEqual([0, 3, true]);
  });

  test("resets the sockets that stayed here of those that were seen, and releases the others", async () => {
    const streams = [duplexPair()[0], duplexPair()[0]] as const;
    const said: string[] = [];
    const [seen] = streams.map((stream) => {
      const cargo = hold.connection(stream);
      requests.add(cargo, new SocketRelay(stream, ({ kind }) => said.push(kind)));
      return cargo.request.id;
    });
    requests.taken(seen as number);
    requests.lose("worker-lost");
    expect(streams.map(({ destroyed }) => destroyed)).toEqual([true, false]);
    const closed = once(streams[1], "close");
    streams[1].destroy();
    await closed;
    expect(said).toEqual([]);
  });
});

describe("HeldRequests.emptyWithin()", () => {
  test("is true at once if nothing is held", async () => {
    expect(await requests.emptyWithin(0)).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("is true as soon as the last one is gone, and leaves no timer", async () => {
    const [first, second] = [add(), add()];
    const empty = requests.emptyWithin(1_000);
    requests.gone(first);
    requests.gone(second);
    expect(await empty).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("is true when all are lost", async () => {
    add();
    const empty = requests.emptyWithin(Infinity);
    expect(vi.getTimerCount()).toBe(0);
    requests.lose("drain");
    expect(await empty).toBe(true);
  });

  test("is false when the time is over", async () => {
    add();
    const empty = requests.emptyWithin(1_000);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await empty).toBe(false);
  });
});
