import { duplexPair } from "node:stream";

import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { FakeRequest } from "../../test/support/fake-request.ts";
import { FakeWorker } from "../../test/support/fake-worker.ts";
import type { WorkerExitInfo } from "../events.ts";
import { MovedRequest } from "../server/moved-request.ts";
import { RequestRegistry } from "../server/registry.ts";
import { Connection } from "../transport/connection.ts";
import type { WorkerView } from "./pool-worker.ts";
import { WorkerPool, type PoolOwner } from "./worker-pool.ts";

/** Makes workers and remembers what the pool says. */
class Owner implements PoolOwner {
  readonly workers: FakeWorker[] = [];
  readonly readyIds: number[] = [];
  readonly exits: WorkerExitInfo[] = [];

  newWorker(id: number): FakeWorker {
    const worker = new FakeWorker(id);
    this.workers.push(worker);
    return worker;
  }

  choose(candidates: readonly WorkerView[]): WorkerView {
    return candidates[0] as WorkerView;
  }

  ready({ id }: { readonly id: number }): void {
    this.readyIds.push(id);
  }

  exited(info: WorkerExitInfo): void {
    this.exits.push(info);
  }

  worker(id: number): FakeWorker {
    return this.workers.find((worker) => worker.id === id) as FakeWorker;
  }
}

const clientAddress = { host: "192.0.2.1", port: 1 };

function handOver(pool: WorkerPool): Promise<boolean> {
  const registry = new RequestRegistry({ control: () => ({ drain: () => {}, cut: () => {} }), closed: () => {} });
  const record = registry.take(new FakeRequest(), clientAddress);
  return pool.handOver(new MovedRequest(registry, record), new Connection(duplexPair()[0]), clientAddress);
}

async function startedPool(size: number): Promise<{ pool: WorkerPool; owner: Owner }> {
  const owner = new Owner();
  const pool = new WorkerPool(size, owner);
  const starting = pool.start();
  for (const worker of owner.workers) worker.becomeReady();
  await starting;
  return { pool, owner };
}

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

describe("WorkerPool.start()", () => {
  test("starts all workers together, and resolves when all are ready", async () => {
    const { pool, owner } = await startedPool(3);
    expect(owner.workers.map(({ calls }) => calls)).toEqual([["start"], ["start"], ["start"]]);
    expect([pool.workers.map(({ id }) => id), owner.readyIds]).toEqual([
      [1, 2, 3],
      [1, 2, 3],
    ]);
  });

  test("rejects with the reason of the first that fails, and leaves none", async () => {
    const owner = new Owner();
    const pool = new WorkerPool(2, owner);
    const error = new Error("no such class");
    const starting = expect(pool.start()).rejects.toBe(error);
    owner.worker(1).failToStart(error);
    await vi.advanceTimersByTimeAsync(0);
    owner.worker(2).becomeReady();
    await starting;
    expect(owner.worker(2).calls).toContain("stop 0");
    expect(pool.workers).toEqual([]);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(owner.workers.length).toBe(2);
  });
});

describe("WorkerPool.handOver()", () => {
  test("gives a connection to the worker that was chosen", async () => {
    const { pool, owner } = await startedPool(2);
    expect(await handOver(pool)).toBe(true);
    expect(owner.worker(1).served).toBe(1);
  });

  test("turns to another worker when the chosen one has just died", async () => {
    const { pool, owner } = await startedPool(2);
    owner.worker(1).takes = false;
    expect(await handOver(pool)).toBe(true);
    expect(owner.worker(2).served).toBe(1);
    expect(pool.workers.map(({ id }) => id)).toEqual([2]);
  });

  test("waits for a replacement while there is no worker", async () => {
    const { pool, owner } = await startedPool(1);
    owner.worker(1).end({ lost: 0, error: new Error("crashed") });
    await vi.advanceTimersByTimeAsync(0);
    const handed = handOver(pool);
    await vi.advanceTimersByTimeAsync(100);
    owner.worker(2).becomeReady();
    expect(await handed).toBe(true);
    expect(owner.worker(2).served).toBe(1);
  });

  test("waits for a replacement also if it noticed the death before the pool did", async () => {
    const { pool, owner } = await startedPool(1);
    owner.worker(1).takes = false;
    const handed = handOver(pool);
    await vi.advanceTimersByTimeAsync(0);
    owner.worker(1).end({ lost: 0, error: new Error("crashed") });
    await vi.advanceTimersByTimeAsync(100);
    owner.worker(2).becomeReady();
    await vi.advanceTimersByTimeAsync(0);
    expect(await Promise.race([handed, Promise.resolve("waiting")])).toBe(true);
  });

  test("answers false once the pool is stopped, also to those who wait", async () => {
    const { pool, owner } = await startedPool(1);
    owner.worker(1).takes = false;
    const waiting = handOver(pool);
    await vi.advanceTimersByTimeAsync(0);
    await pool.stop(100);
    expect(await waiting).toBe(false);
    expect(await handOver(pool)).toBe(false);
  });
});

describe("WorkerPool and lost workers", () => {
  test("reports an exit, and replaces the worker", async () => {
    const { pool, owner } = await startedPool(2);
    const error = new Error("crashed");
    owner.worker(1).end({ lost: 3, error });
    await vi.advanceTimersByTimeAsync(100);
    expect(owner.exits).toEqual([{ id: 1, lost: 3, error }]);
    owner.worker(3).becomeReady();
    await vi.advanceTimersByTimeAsync(0);
    expect([pool.workers.map(({ id }) => id), owner.readyIds]).toEqual([
      [2, 3],
      [1, 2, 3],
    ]);
  });

  test("tells the real address to every worker, also to later ones", async () => {
    const { pool, owner } = await startedPool(1);
    pool.listening({ host: "127.0.0.1", port: 5051 });
    owner.worker(1).end({ lost: 0 });
    await vi.advanceTimersByTimeAsync(100);
    owner.worker(2).becomeReady();
    await vi.advanceTimersByTimeAsync(0);
    const told = 'listening {"host":"127.0.0.1","port":5051}';
    expect(owner.workers.map(({ calls }) => calls)).toEqual([
      ["start", told],
      ["start", told],
    ]);
  });

  test("tries again with growing pauses while a replacement cannot start", async () => {
    const { owner } = await startedPool(1);
    owner.worker(1).end({ lost: 0 });
    const pauses: number[] = [];
    for (let id = 2; id < 6; id++) {
      const begin = performance.now();
      while (owner.workers.length < id) await vi.advanceTimersToNextTimerAsync();
      pauses.push(performance.now() - begin);
      owner.worker(id).failToStart(new Error("boot"));
      await vi.advanceTimersByTimeAsync(0);
    }
    for (const [index, pause] of pauses.slice(1).entries()) expect(pause).toBeGreaterThan(pauses[index] as number);
    expect(owner.exits.map(({ id }) => id)).toEqual([1, 2, 3, 4, 5]);
  });

  test("names the replacement that failed, when several start at once", async () => {
    const { owner } = await startedPool(2);
    owner.worker(1).end({ lost: 0 });
    owner.worker(2).end({ lost: 0 });
    await vi.advanceTimersByTimeAsync(1_000);
    expect(owner.workers.length).toBe(4);
    owner.worker(3).failToStart(new Error("boot"));
    await vi.advanceTimersByTimeAsync(0);
    expect(owner.exits.map(({ id }) => id)).toEqual([1, 2, 3]);
  });
});

describe("WorkerPool.stop()", () => {
  test("ends every worker, reports it without an error, and replaces none", async () => {
    const { pool, owner } = await startedPool(2);
    await pool.stop(400);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(owner.workers.map(({ calls }) => calls.at(-1))).toEqual(["stop 400", "stop 400"]);
    expect(owner.exits.toSorted((one, other) => one.id - other.id)).toEqual([
      { id: 1, lost: 0 },
      { id: 2, lost: 0 },
    ]);
    expect([owner.workers.length, pool.workers.length]).toEqual([2, 0]);
  });

  test("calls off a replacement that was due", async () => {
    const { pool, owner } = await startedPool(1);
    owner.worker(1).end({ lost: 0 });
    await vi.advanceTimersByTimeAsync(0);
    await pool.stop(400);
    await vi.advanceTimersByTimeAsync(60_000);
    expect([owner.workers.length, vi.getTimerCount()]).toEqual([1, 0]);
  });

  test("ends a replacement that is still starting", async () => {
    const { pool, owner } = await startedPool(1);
    owner.worker(1).end({ lost: 0 });
    await vi.advanceTimersByTimeAsync(100);
    expect(owner.worker(2).calls).toEqual(["start"]);
    await pool.stop(400);
    expect(owner.worker(2).calls).toContainEqual(expect.stringMatching(/^stop/));
  });
});
