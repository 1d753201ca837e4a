import { Socket } from "node:net";
import { duplexPair } from "node:stream";

import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { CargoHold } from "../../test/support/cargo-hold.ts";
import { FakeLink } from "../../test/support/fake-link.ts";
import type { WorkerExitInfo, WorkerInfo } from "../events.ts";
import type { Cargo } from "./cargo.ts";
import { errorToData } from "./error-data.ts";
import { PoolWorker } from "./pool-worker.ts";
import { HandOver } from "./hand-over.ts";
import { WorkerPool, type Candidate, type WorkerCalls, type PoolOwner, type PoolSettings } from "./worker-pool.ts";
import type { WorkerView } from "./worker-view.ts";

const BEAT_MS = 100;

/** One worker that lives for ever and takes whatever comes. */
const SETTINGS: PoolSettings = {
  size: 1,
  requestsPerWorker: Infinity,
  startAttempts: Infinity,
  beatMs: BEAT_MS,
  graceMs: 1_000,
  stopMs: 400,
  recycleAfterRequests: Infinity,
  recycleAfterMs: Infinity,
};

const HEARTBEAT_TIMEOUT_MS = 1_000;

/** How often `choose` may be asked before it is taken for a loop without an end. */
const MANY = 1_000;

/** Makes workers and remembers what the pool says. */
class Owner implements PoolOwner {
  readonly links: FakeLink[] = [];
  readonly readyIds: number[] = [];
  readonly exits: WorkerExitInfo[] = [];
  readonly failures: unknown[] = [];
  readonly givenUp: Error[] = [];
  /** The ids of workers in the order in which they were told to stop. */
  readonly stopped: number[] = [];
  handOver: HandOver = HandOver.relay;
  heartbeatTimeoutMs = HEARTBEAT_TIMEOUT_MS;
  /** What `chooseWorker` answers. */
  answer: (candidates: readonly WorkerView[]) => unknown = ([first]) => first;
  #asked = 0;

  newWorker(id: number, calls: WorkerCalls): PoolWorker {
    const link = new FakeLink(() => this.stopped.push(id));
    this.links.push(link);
    const location = { module: "file:///program.ts", name: "Program", declared: true };
    const address = { host: "127.0.0.1", port: 0 };
    return new PoolWorker({
      id,
      link,
      boot: {
        server: location,
        handler: location,
        address,
        options: {},
        workers: 1,
        argv: [],
        beatMs: BEAT_MS,
        scarce: false,
      },
      owner: {
        requestError: () => {},
        shutdown: () => Promise.reject(new Error("shutdown")),
        close: () => Promise.reject(new Error("close")),
        changeAdmission: () => Promise.reject(new Error("changeAdmission")),
        deny: () => Promise.reject(new Error("deny")),
      },
      handOver: this.handOver,
      readyTimeoutMs: Infinity,
      heartbeatTimeoutMs: this.heartbeatTimeoutMs,
      ...calls,
      reservedDescriptors: 0,
    });
  }

  choose(candidates: readonly Candidate[]): WorkerView {
    if (this.#asked++ > MANY) throw new Error("Cannot go on: chooseWorker was asked again and again");
    return this.answer(candidates.map(({ view }) => view)) as WorkerView;
  }

  ready({ id }: WorkerInfo): void {
    this.readyIds.push(id);
  }

  exited(info: WorkerExitInfo): void {
    this.exits.push(info);
  }

  failed(error: unknown): void {
    this.failures.push(error);
  }

  gaveUp(error: Error): void {
    this.givenUp.push(error);
  }

  link(id: number): FakeLink {
    return this.links[id - 1] as FakeLink;
  }
}

/** A pool with everything around it. */
class Stage {
  readonly owner = new Owner();
  readonly hold = new CargoHold();
  readonly pool: WorkerPool;

  constructor(settings: Partial<PoolSettings> = {}) {
    this.pool = new WorkerPool({ ...SETTINGS, ...settings }, this.owner);
  }

  link(id: number): FakeLink {
    return this.owner.link(id);
  }

  /** Hand over a request, and look whether a worker has it already. */
  async handOver(
    cargo: Cargo = this.hold.connection(),
  ): Promise<{ id: number; handed: Promise<boolean>; by: unknown }> {
    const { id } = cargo.request;
    const handed = Promise.resolve(this.pool.handOver(cargo));
    await settle();
    return { id, handed, by: this.holderOf(id) };
  }

  /** Which worker was given this request last. */
  holderOf(id: number): number | undefined {
    const index = this.owner.links.findLastIndex(({ given }) => given.includes(id));
    return index === -1 ? undefined : index + 1;
  }

  /** Have a worker serve a request from beginning to end. */
  async serve(workerId: number): Promise<void> {
    const { id, by } = await this.handOver();
    expect(by).toBe(workerId);
    this.link(workerId).finish(id);
    await settle();
  }

  /** The state of each worker, by its id. */
  get states(): Record<number, string> {
    return Object.fromEntries(this.pool.workers.map(({ id, state }) => [id, state]));
  }

  /** Let time pass while every worker beats. */
  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += BEAT_MS) {
      for (const link of this.owner.links) link.beat();
      await vi.advanceTimersByTimeAsync(Math.min(BEAT_MS, ms - passed));
    }
  }
}

/** Let what is under way without a timer arrive. */
async function settle(): Promise<void> {
  await vi.advanceTimersByTimeAsync(0);
}

/** A pool whose workers are ready. */
async function startedStage(
  settings: Partial<PoolSettings> = {},
  prepare: (owner: Owner) => void = () => {},
): Promise<Stage> {
  const stage = new Stage(settings);
  prepare(stage.owner);
  const starting = stage.pool.start();
  for (const link of stage.owner.links) link.becomeReady();
  await starting;
  return stage;
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "performance"] });
  // No jitter, unless a test is about that.
  vi.spyOn(Math, "random").mockReturnValue(0);
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

describe("WorkerPool.start()", () => {
  test("starts all workers together, and resolves when all are ready", async () => {
    const { owner, pool } = new Stage({ size: 3 });
    let started = false;
    const starting = pool.start().then(() => (started = true));
    expect(owner.links.map((link) => link.started)).toEqual([true, true, true]);
    owner.link(3).becomeReady();
    owner.link(1).becomeReady();
    await settle();
    expect([started, owner.readyIds]).toEqual([false, [3, 1]]);
    owner.link(2).becomeReady();
    await starting;
    expect(pool.workers.map(({ id, state, restarts }) => [id, state, restarts])).toEqual([
      [1, "ready", 0],
      [2, "ready", 0],
      [3, "ready", 0],
    ]);
  });

  test("rejects with the reason of the first that fails, and leaves none", async () => {
    const { owner, pool } = new Stage({ size: 3 });
    const starting = expect(pool.start()).rejects.toThrow("no such class");
    owner.link(2).becomeReady();
    await settle();
    owner.link(1).say({ type: "failed", error: errorToData(new Error("no such class")) });
    await settle();
    owner.link(3).say({ type: "failed", error: errorToData(new Error("too late")) });
    await vi.advanceTimersByTimeAsync(1);
    await starting;
    expect(owner.stopped).toEqual(expect.arrayContaining([2, 3]));
    expect(pool.workers).toEqual([]);
    await vi.advanceTimersByTimeAsync(60_000);
    expect([owner.links.length, vi.getTimerCount()]).toEqual([3, 0]);
  });

  test("kills those that hang when one fails", async () => {
    const { owner, pool } = new Stage({ size: 2 });
    const starting = expect(pool.start()).rejects.toThrow("no such class");
    owner.link(2).stops = false;
    owner.link(1).exit(new Error("no such class"));
    await vi.advanceTimersByTimeAsync(1);
    await starting;
    expect([owner.link(2).kills, pool.workers, vi.getTimerCount()]).toEqual([1, [], 0]);
  });

  test("can be followed by stop() when it has failed (D8)", async () => {
    const { owner, pool, hold } = new Stage({ size: 2 });
    const starting = expect(pool.start()).rejects.toThrow("no such class");
    owner.link(1).exit(new Error("no such class"));
    await vi.advanceTimersByTimeAsync(1);
    await starting;
    await pool.stop(400);
    expect(await pool.handOver(hold.connection())).toBe(false);
  });
});

describe("WorkerPool.handOver()", () => {
  test("gives a request to the worker that was chosen, from pictures of those with room", async () => {
    const stage = await startedStage({ size: 2 });
    const asked: (readonly WorkerView[])[] = [];
    stage.owner.answer = (candidates) => {
      asked.push(candidates);
      return candidates[1];
    };
    const { handed, by } = await stage.handOver();
    expect([await handed, by]).toEqual([true, 2]);
    expect(asked.length).toBe(1);
    const none = {
      active: 0,
      served: 0,
      restarts: 0,
      bytesRead: 0,
      bytesWritten: 0,
      eventLoopDelayMs: 0,
      heapUsed: 0,
      freeDescriptors: Infinity,
    };
    expect(asked[0]).toEqual([
      { id: 1, state: "ready", ...none },
      { id: 2, state: "ready", ...none },
    ]);
    expect(asked[0]?.every((view) => Object.isFrozen(view))).toBe(true);
    expect(stage.pool.workers[1]).toMatchObject({ active: 1, served: 1 });
  });

  test.each([
    ["nothing", undefined],
    ["nobody of that number", { id: 7 }],
    ["a number", 1],
    ["null", null],
  ])("rejects when chooseWorker answers %s", async (_what, answer) => {
    const stage = await startedStage();
    stage.owner.answer = () => answer;
    await expect(stage.pool.handOver(stage.hold.connection())).rejects.toMatchObject({
      name: "RangeError",
      code: "ERR_SOCKETSERVER_INVALID_ARGUMENT",
    });
    expect(stage.link(1).given).toEqual([]);
  });

  test("rejects when chooseWorker answers a worker that has no room", async () => {
    const stage = await startedStage({ size: 2, requestsPerWorker: 1 });
    await stage.handOver();
    const [busy] = stage.pool.workers;
    stage.owner.answer = () => busy;
    await expect(stage.pool.handOver(stage.hold.connection())).rejects.toThrow("chooseWorker()");
  });

  test("rejects with what chooseWorker throws", async () => {
    const stage = await startedStage();
    stage.owner.answer = () => {
      throw new Error("cannot choose");
    };
    await expect(stage.pool.handOver(stage.hold.connection())).rejects.toThrow("cannot choose");
  });

  test("turns to another worker when the chosen one cannot be reached", async () => {
    const stage = await startedStage({ size: 2 }, (owner) => (owner.handOver = HandOver.transfer));
    stage.link(1).moving = "refused";
    const { handed, by } = await stage.handOver(stage.hold.connection(new Socket()));
    expect([await handed, by]).toEqual([true, 2]);
    expect(stage.states).toEqual({ 2: "ready" });
    expect(stage.owner.exits).toMatchObject([{ id: 1, lost: 0 }]);
  });

  test("waits for a replacement when the only one cannot be reached", async () => {
    const stage = await startedStage({}, (owner) => (owner.handOver = HandOver.transfer));
    stage.link(1).moving = "refused";
    const { id, handed, by } = await stage.handOver(stage.hold.connection(new Socket()));
    expect(by).toBe(undefined);
    await vi.advanceTimersByTimeAsync(50);
    stage.link(2).becomeReady();
    expect([await handed, stage.holderOf(id)]).toEqual([true, 2]);
  });

  test("waits while no worker has room, and gives requests in the order in which they came", async () => {
    const stage = await startedStage({ size: 2, requestsPerWorker: 2 });
    const running = [await stage.handOver(), await stage.handOver(), await stage.handOver(), await stage.handOver()];
    expect(running.map(({ by }) => by)).toEqual([1, 1, 2, 2]);
    const first = await stage.handOver();
    const second = await stage.handOver();
    expect([first.by, second.by]).toEqual([undefined, undefined]);
    stage.link(2).finish((running[2] as { id: number }).id);
    await settle();
    expect([stage.holderOf(first.id), stage.holderOf(second.id)]).toEqual([2, undefined]);
    stage.link(1).finish((running[0] as { id: number }).id);
    expect([await first.handed, await second.handed, stage.holderOf(second.id)]).toEqual([true, true, 1]);
  });

  test("gives the room of a request that is done, though it is not gone yet", async () => {
    const stage = await startedStage({ requestsPerWorker: 1 });
    const running = await stage.handOver();
    const waiting = await stage.handOver();
    stage.link(1).say({ type: "taken", id: running.id }, { type: "done", id: running.id });
    expect([await waiting.handed, stage.holderOf(waiting.id)]).toEqual([true, 1]);
  });

  test("waits for a replacement while there is no worker", async () => {
    const stage = await startedStage();
    stage.link(1).exit();
    await settle();
    const { id, handed, by } = await stage.handOver();
    expect(by).toBe(undefined);
    await vi.advanceTimersByTimeAsync(50);
    stage.link(2).becomeReady();
    expect([await handed, stage.holderOf(id)]).toEqual([true, 2]);
  });

  test("waits for a replacement also in the very moment in which the worker dies", async () => {
    const stage = await startedStage();
    await stage.handOver();
    stage.link(1).takeAll();
    const next = stage.hold.connection();
    const { promise: handed, resolve } = Promise.withResolvers<boolean>();
    stage.hold.onClosed = () => resolve(stage.pool.handOver(next));
    stage.link(1).exit();
    await vi.advanceTimersByTimeAsync(50);
    stage.link(2).becomeReady();
    expect([await handed, stage.holderOf(next.request.id)]).toEqual([true, 2]);
  });

  test("passes over a worker that has not acknowledged a request for 50 ms", async () => {
    const stage = await startedStage({ size: 2 });
    await stage.handOver();
    expect((await stage.handOver()).by).toBe(1);
    await vi.advanceTimersByTimeAsync(50);
    expect(stage.states).toEqual({ 1: "blocked", 2: "ready" });
    expect((await stage.handOver()).by).toBe(2);
  });

  test("waits while none acknowledges, and goes on when one does", async () => {
    const stage = await startedStage();
    await stage.handOver();
    await vi.advanceTimersByTimeAsync(50);
    const { id, handed, by } = await stage.handOver();
    expect([by, stage.states]).toEqual([undefined, { 1: "blocked" }]);
    stage.link(1).takeAll();
    expect([await handed, stage.holderOf(id)]).toEqual([true, 1]);
  });

  test("waits while the beats of all are late, and goes on with the next one", async () => {
    const stage = await startedStage();
    await vi.advanceTimersByTimeAsync(3 * BEAT_MS);
    const { id, handed, by } = await stage.handOver();
    expect([by, stage.states]).toEqual([undefined, { 1: "blocked" }]);
    stage.link(1).beat();
    expect([await handed, stage.holderOf(id)]).toEqual([true, 1]);
  });

  test("answers false for a request whose client has left, also while it waits", async () => {
    const stage = await startedStage({ requestsPerWorker: 1 });
    const running = await stage.handOver();
    const gone = stage.hold.connection();
    gone.content.destroy();
    expect(await stage.pool.handOver(gone)).toBe(false);
    const leaving = stage.hold.connection();
    const { handed } = await stage.handOver(leaving);
    leaving.content.destroy();
    stage.link(1).finish(running.id);
    expect(await handed).toBe(false);
    expect(stage.link(1).given).toEqual([running.id]);
  });

  test("answers false once the pool is stopped, also to those who wait", async () => {
    const stage = await startedStage({ requestsPerWorker: 1 });
    await stage.handOver();
    const waiting = [await stage.handOver(), await stage.handOver()];
    const stopping = stage.pool.stop(400);
    expect(await Promise.all(waiting.map(({ handed }) => handed))).toEqual([false, false]);
    expect(await stage.pool.handOver(stage.hold.connection())).toBe(false);
    await stopping;
  });
});

describe("WorkerPool and lost workers", () => {
  test("reports an exit with what was lost, and replaces the worker", async () => {
    const stage = await startedStage({ size: 2 });
    for (let request = 0; request < 3; request++) await stage.handOver();
    stage.link(1).takeAll();
    const error = new Error("crashed");
    stage.link(1).exit(error);
    await settle();
    expect(stage.owner.exits).toEqual([{ id: 1, lost: 3, error }]);
    expect(stage.hold.closed.map(([, reason]) => reason)).toEqual(["worker-lost", "worker-lost", "worker-lost"]);
    await vi.advanceTimersByTimeAsync(50);
    stage.link(3).becomeReady();
    await settle();
    expect(stage.pool.workers.map(({ id, restarts }) => [id, restarts])).toEqual([
      [2, 0],
      [3, 1],
    ]);
    expect(stage.owner.readyIds).toEqual([1, 2, 3]);
  });

  test("gives what the worker had not seen to another one", async () => {
    const stage = await startedStage({ size: 2 });
    const seen = await stage.handOver();
    stage.link(1).takeAll();
    const unseen = await stage.handOver();
    const datagram = await stage.handOver(stage.hold.datagram("ping", { sendTo: async () => {} }));
    expect([seen.by, unseen.by, datagram.by]).toEqual([1, 1, 1]);
    stage.link(1).exit();
    await settle();
    expect([stage.holderOf(unseen.id), stage.holderOf(datagram.id)]).toEqual([2, 2]);
    expect([stage.hold.closed, stage.owner.exits]).toMatchObject([[[seen.id, "worker-lost"]], [{ id: 1, lost: 1 }]]);
    stage.link(2).finish(unseen.id);
    expect(stage.hold.closed.at(-1)).toEqual([unseen.id, "done"]);
  });

  test("gives a connection that stayed here to a replacement, bytes and all", async () => {
    const stage = await startedStage();
    const [near, far] = duplexPair();
    far.write("hello");
    const { id } = await stage.handOver(stage.hold.connection(near));
    stage.link(1).exit();
    await vi.advanceTimersByTimeAsync(50);
    stage.link(2).becomeReady();
    await settle();
    expect(stage.holderOf(id)).toBe(2);
    stage.link(2).say({ type: "taken", id }, { type: "relay", id, part: { kind: "credit", bytes: 100 } });
    await new Promise((resolve) => setImmediate(resolve));
    const part = { kind: "data", chunk: new TextEncoder().encode("hello") };
    expect(stage.link(2).posted).toContainEqual({ type: "relay", id, part });
    expect(stage.link(1).heard).not.toContain("relay");
  });

  test("gives a socket that was copied to another worker, and loses one that left", async () => {
    const child = await startedStage({ size: 2 }, (owner) => (owner.handOver = HandOver.send));
    child.link(1).moving = "copied";
    const copied = await child.handOver(child.hold.connection(new Socket()));
    child.link(1).exit();
    await settle();
    expect([child.holderOf(copied.id), child.hold.closed]).toEqual([2, []]);

    const thread = await startedStage({ size: 2 }, (owner) => (owner.handOver = HandOver.transfer));
    const left = await thread.handOver(thread.hold.connection(new Socket()));
    thread.link(1).exit();
    await settle();
    expect([thread.holderOf(left.id), thread.hold.closed]).toEqual([1, [[left.id, "worker-lost"]]]);
    expect(thread.owner.exits).toMatchObject([{ id: 1, lost: 1 }]);
  });

  test("resets what cannot be given to another one because chooseWorker fails, and reports that", async () => {
    const stage = await startedStage({ size: 2 });
    const cargo = stage.hold.connection();
    const { id } = await stage.handOver(cargo);
    stage.owner.answer = () => {
      throw new Error("cannot choose");
    };
    stage.link(1).exit();
    await settle();
    expect(stage.owner.failures).toMatchObject([{ message: "cannot choose" }]);
    expect([stage.hold.closed, stage.hold.size, cargo.content.destroyed]).toEqual([[[id, "worker-lost"]], 0, true]);
  });

  test("closes what waits for another one when the pool is stopped", async () => {
    const stage = await startedStage();
    const cargo = stage.hold.connection();
    const { id } = await stage.handOver(cargo);
    stage.link(1).exit();
    await settle();
    expect(stage.hold.closed).toEqual([]);
    await stage.pool.stop(400);
    await settle();
    expect([stage.hold.closed, stage.hold.size, cargo.content.destroyed]).toEqual([[[id, "drain"]], 0, true]);
  });

  test("closes what waits for another one when it is cut", async () => {
    const stage = await startedStage();
    const connection = stage.hold.connection();
    const datagram = stage.hold.datagram("ping", { sendTo: async () => {} });
    for (const cargo of [connection, datagram]) await stage.handOver(cargo);
    stage.link(1).exit();
    await settle();
    connection.request.cut("drain");
    datagram.request.cut("deadline");
    await settle();
    expect(stage.hold.closed).toEqual([
      [connection.request.id, "drain"],
      [datagram.request.id, "deadline"],
    ]);
    expect(connection.content.destroyed).toBe(true);
    await vi.advanceTimersByTimeAsync(50);
    stage.link(2).becomeReady();
    await settle();
    expect([stage.link(2).given, stage.hold.size]).toEqual([[], 0]);
  });

  test("tells a worker that gets what another one had not seen whether the server drains by now", async () => {
    const stage = await startedStage();
    const cargo = stage.hold.connection();
    await stage.handOver(cargo);
    stage.link(1).exit();
    await settle();
    cargo.request.drain();
    await vi.advanceTimersByTimeAsync(50);
    stage.link(2).becomeReady();
    await settle();
    expect(stage.link(2).posted).toContainEqual(expect.objectContaining({ type: "connection", draining: true }));
  });

  test("tells the real address to every worker, also to later ones", async () => {
    const stage = await startedStage({ size: 2 });
    const address = { host: "127.0.0.1", port: 5051 };
    stage.pool.listening(address);
    stage.link(1).exit();
    await vi.advanceTimersByTimeAsync(50);
    expect(stage.link(3).heard).toEqual(["boot"]);
    stage.link(3).becomeReady();
    await settle();
    for (const { posted } of stage.owner.links) {
      expect(posted.filter(({ type }) => type === "listening")).toEqual([{ type: "listening", address }]);
    }
  });

  test("ends a worker whose event loop is blocked for too long, and goes on without it", async () => {
    const stage = await startedStage({ size: 2 });
    for (let beat = 0; beat < 12; beat++) {
      stage.link(2).beat();
      await vi.advanceTimersByTimeAsync(BEAT_MS);
    }
    expect(stage.owner.exits).toMatchObject([{ id: 1, error: { code: "ERR_SOCKETSERVER_WORKER_BLOCKED" } }]);
    expect([stage.link(1).kills, stage.link(2).kills]).toEqual([1, 0]);
    expect(Object.keys(stage.states)).toEqual(["2", "3"]);
  });
});

describe("WorkerPool, replacing", () => {
  /** How long it takes until the next worker is started, in milliseconds. */
  async function pauseBefore(stage: Stage, id: number): Promise<number> {
    const begin = performance.now();
    while (stage.owner.links.length < id) await vi.advanceTimersToNextTimerAsync();
    return performance.now() - begin;
  }

  const GROWING = [50, 100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000];

  test("waits longer each time while replacements cannot start", async () => {
    const stage = await startedStage();
    stage.link(1).exit();
    const pauses: number[] = [];
    for (let id = 2; id < 2 + GROWING.length; id++) {
      pauses.push(await pauseBefore(stage, id));
      stage.link(id).say({ type: "failed", error: errorToData(new Error("boot")) });
      await settle();
    }
    expect(pauses).toEqual(GROWING);
    expect(stage.owner.exits.map(({ id, lost }) => [id, lost])).toEqual(
      Array.from({ length: 1 + GROWING.length }, (_, index) => [index + 1, 0]),
    );
  });

  test("waits longer each time while replacements die before a request has ended in them", async () => {
    const stage = await startedStage({ startAttempts: 1 });
    const pauses: number[] = [];
    for (let id = 1; id <= 5; id++) {
      // One that has begun is not enough.
      await stage.handOver();
      stage.link(id).takeAll();
      stage.link(id).exit();
      await settle();
      pauses.push(await pauseBefore(stage, id + 1));
      stage.link(id + 1).becomeReady();
      await settle();
    }
    expect(pauses).toEqual(GROWING.slice(0, 5));
    await stage.serve(6);
    stage.link(6).exit();
    await settle();
    expect(await pauseBefore(stage, 7)).toBe(50);
    stage.link(7).becomeReady();
    await settle();
    stage.link(7).exit();
    await settle();
    expect(await pauseBefore(stage, 8)).toBe(100);
  });

  test("counts for each place on its own", async () => {
    const stage = await startedStage({ size: 2 });
    stage.link(1).exit();
    await settle();
    expect(await pauseBefore(stage, 3)).toBe(50);
    stage.link(3).exit();
    await settle();
    stage.link(2).exit();
    await settle();
    expect(await pauseBefore(stage, 4)).toBe(50);
    expect(await pauseBefore(stage, 5)).toBe(50);
  });

  /** The next worker is started, and fails. */
  async function failNext(stage: Stage): Promise<void> {
    const id = stage.owner.links.length + 1;
    await pauseBefore(stage, id);
    stage.link(id).exit(new Error(`boot ${id}`));
    await settle();
  }

  test("gives up when no worker is left, and so many replacements in a row could not start", async () => {
    const stage = await startedStage({ startAttempts: 3 });
    stage.link(1).exit();
    await settle();
    const { handed } = await stage.handOver();
    for (let attempt = 0; attempt < 2; attempt++) await failNext(stage);
    expect(stage.owner.givenUp).toEqual([]);
    await failNext(stage);
    expect(stage.owner.givenUp).toMatchObject([
      {
        code: "ERR_SOCKETSERVER_WORKERS_FAILED",
        message: expect.stringContaining("3 replacements in a row") as string,
        cause: { message: "boot 4" },
      },
    ]);
    expect(await handed).toBe(false);
    await vi.advanceTimersByTimeAsync(60_000);
    expect([stage.owner.links.length, stage.owner.givenUp.length]).toEqual([4, 1]);
    await stage.pool.stop(400);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("does not give up while a worker lives", async () => {
    const stage = await startedStage({ size: 2, startAttempts: 2 }, (owner) => (owner.heartbeatTimeoutMs = Infinity));
    stage.link(1).exit();
    await settle();
    for (let attempt = 0; attempt < 6; attempt++) await failNext(stage);
    expect(stage.owner.givenUp).toEqual([]);
    stage.link(2).exit();
    await settle();
    await failNext(stage);
    expect(stage.owner.givenUp.length).toBe(1);
  });

  test("begins to count again when one could start", async () => {
    const stage = await startedStage({ startAttempts: 2 });
    for (let round = 0; round < 3; round++) {
      stage.link(stage.owner.links.length).exit();
      await settle();
      await failNext(stage);
      const id = stage.owner.links.length + 1;
      await pauseBefore(stage, id);
      stage.link(id).becomeReady();
      await settle();
    }
    expect(stage.owner.givenUp).toEqual([]);
  });

  test("names the replacement that failed, when several start at once", async () => {
    const stage = await startedStage({ size: 2 });
    stage.link(1).exit();
    stage.link(2).exit();
    await vi.advanceTimersByTimeAsync(50);
    expect(stage.owner.links.length).toBe(4);
    stage.link(4).exit();
    await settle();
    expect(stage.owner.exits.map(({ id }) => id)).toEqual([1, 2, 4]);
  });
});

describe("WorkerPool, recycling after requests", () => {
  /** Have a worker begin its last request, and its replacement start. */
  async function beginLast(stage: Stage): Promise<{ id: number }> {
    await stage.serve(1);
    const last = await stage.handOver();
    stage.link(1).takeAll();
    await stage.pass(BEAT_MS);
    expect(stage.states).toEqual({ 1: "ready", 2: "starting" });
    return last;
  }

  test("replaces a worker after its last one: a new one first, and the old one ends when it has nothing to do", async () => {
    const stage = await startedStage({ recycleAfterRequests: 3 });
    await stage.serve(1);
    await stage.serve(1);
    await stage.pass(1_000);
    expect(stage.owner.links.length).toBe(1);
    const last = await stage.handOver();
    stage.link(1).takeAll();
    await stage.pass(BEAT_MS);
    expect(stage.states).toEqual({ 1: "ready", 2: "starting" });
    stage.link(2).becomeReady();
    await settle();
    expect(stage.states).toEqual({ 1: "retiring", 2: "ready" });
    expect((await stage.handOver()).by).toBe(2);
    expect(stage.link(1).heard).not.toContain("stop");
    stage.link(1).finish(last.id);
    await settle();
    expect(stage.owner.exits).toEqual([{ id: 1, lost: 0 }]);
    expect(stage.pool.workers).toMatchObject([{ id: 2, restarts: 1 }]);
    await stage.pass(10_000);
    expect(stage.owner.links.length).toBe(2);
  });

  test("gives requests to a worker that is due until its replacement is ready", async () => {
    const stage = await startedStage({ size: 2, recycleAfterRequests: 2 });
    stage.owner.answer = (candidates) => candidates.at(-1);
    for (let request = 0; request < 4; request++) await stage.serve(2);
    await stage.pass(BEAT_MS);
    expect(stage.states).toEqual({ 1: "ready", 2: "ready", 3: "starting" });
    await stage.serve(2);
    await stage.pass(5_000);
    await stage.serve(2);
    stage.link(3).becomeReady();
    await settle();
    expect(stage.states).toEqual({ 1: "ready", 3: "ready" });
    await stage.serve(3);
    expect(stage.link(2).heard.filter((type) => type === "stop")).toEqual(["stop"]);
  });

  test("gives what waits for room to the new one, and nothing more to the old one", async () => {
    const stage = await startedStage({ recycleAfterRequests: 2, requestsPerWorker: 2 });
    const first = await stage.handOver();
    const second = await stage.handOver();
    stage.link(1).takeAll();
    await stage.pass(BEAT_MS);
    const waiting = await stage.handOver();
    expect([waiting.by, stage.states]).toEqual([undefined, { 1: "ready", 2: "starting" }]);
    stage.link(2).becomeReady();
    expect([await waiting.handed, stage.holderOf(waiting.id)]).toEqual([true, 2]);
    stage.link(1).finish(first.id);
    expect((await stage.handOver()).by).toBe(2);
    expect(stage.link(1).given).toEqual([first.id, second.id]);
  });

  test("replaces one at a time, first those that have nothing to do", async () => {
    const stage = await startedStage({ size: 3, recycleAfterRequests: 2 });
    const running: number[] = [];
    for (const worker of [1, 2, 3]) {
      stage.owner.answer = (candidates) => candidates.find(({ id }) => id === worker);
      await stage.serve(worker);
      const { id } = await stage.handOver();
      running.push(id);
      stage.link(worker).takeAll();
    }
    stage.link(2).finish(running[1] as number);
    await stage.pass(5 * BEAT_MS);
    expect(stage.states).toEqual({ 1: "ready", 2: "ready", 3: "ready", 4: "starting" });
    stage.link(4).becomeReady();
    await settle();
    expect(stage.states).toEqual({ 1: "ready", 3: "ready", 4: "ready", 5: "starting" });
    stage.link(5).becomeReady();
    await stage.pass(5 * BEAT_MS);
    expect(stage.states).toEqual({ 1: "retiring", 3: "ready", 4: "ready", 5: "ready" });
    stage.link(1).finish(running[0] as number);
    await settle();
    expect(stage.states).toEqual({ 3: "ready", 4: "ready", 5: "ready", 6: "starting" });
    stage.link(6).becomeReady();
    await settle();
    expect(stage.states).toEqual({ 3: "retiring", 4: "ready", 5: "ready", 6: "ready" });
  });

  test("leaves what runs alone for graceMs from when the new one is ready, drains it, and cuts it after another", async () => {
    const stage = await startedStage({ recycleAfterRequests: 2, graceMs: 1_000 });
    const { id } = await beginLast(stage);
    const since = stage.link(1).posted.length;
    const later = (): string[] => stage.link(1).heard.slice(since);
    await stage.pass(5_000);
    expect([later(), stage.states[1]]).toEqual([[], "ready"]);
    stage.link(2).becomeReady();
    await settle();
    expect(stage.states[1]).toBe("retiring");
    await stage.pass(900);
    expect(later()).toEqual([]);
    await stage.pass(100);
    expect(later()).toEqual(["drain"]);
    await stage.pass(900);
    expect(later()).toEqual(["drain"]);
    await stage.pass(100);
    expect(stage.link(1).posted.slice(since)).toEqual([
      { type: "drain", id },
      { type: "cut", id, reason: "drain" },
    ]);
    stage.link(1).finish(id);
    await settle();
    expect([later().at(-1), stage.owner.exits]).toEqual(["stop", [{ id: 1, lost: 0 }]]);
  });

  test("retires each worker a little earlier than said, at random", async () => {
    vi.spyOn(Math, "random")
      .mockReturnValueOnce(0.99)
      .mockReturnValueOnce(0)
      .mockReturnValueOnce(0.5)
      .mockReturnValue(0);
    const stage = await startedStage({ size: 2, recycleAfterRequests: 100 });
    stage.owner.answer = (candidates) => candidates.find(({ id }) => id === 1);
    for (let request = 0; request < 90; request++) await stage.serve(1);
    await stage.pass(BEAT_MS);
    expect(stage.owner.links.length).toBe(2);
    await stage.serve(1);
    await stage.pass(BEAT_MS);
    expect(stage.states).toEqual({ 1: "ready", 2: "ready", 3: "starting" });
    stage.link(3).becomeReady();
    await settle();
    expect(stage.states).toEqual({ 2: "ready", 3: "ready" });
    stage.owner.answer = (candidates) => candidates.find(({ id }) => id === 2);
    for (let request = 0; request < 99; request++) await stage.serve(2);
    await stage.pass(BEAT_MS);
    expect(stage.owner.links.length).toBe(3);
    await stage.serve(2);
    await stage.pass(BEAT_MS);
    expect(stage.states).toEqual({ 2: "ready", 3: "ready", 4: "starting" });
  });

  test("tries again when the replacement cannot start, while the old one goes on", async () => {
    const stage = await startedStage({ recycleAfterRequests: 2, startAttempts: 1 });
    await stage.serve(1);
    await stage.serve(1);
    for (const id of [2, 3, 4]) {
      while (stage.owner.links.length < id) await stage.pass(BEAT_MS);
      expect(stage.states).toEqual({ 1: "ready", [id]: "starting" });
      stage.link(id).exit(new Error("boot"));
      await settle();
      expect(stage.states).toEqual({ 1: "ready" });
      await stage.serve(1);
    }
    while (stage.owner.links.length < 5) await stage.pass(BEAT_MS);
    expect([stage.owner.exits.map(({ id }) => id), stage.owner.givenUp]).toEqual([[2, 3, 4], []]);
    expect(stage.link(1).heard).not.toContain("stop");
    stage.link(5).becomeReady();
    await settle();
    expect(stage.owner.exits.at(-1)).toEqual({ id: 1, lost: 0 });
    await stage.serve(5);
    await stage.serve(5);
    await stage.pass(BEAT_MS);
    expect(stage.states).toEqual({ 5: "ready", 6: "starting" });
  });

  test("starts no second replacement when the worker that retires dies", async () => {
    const stage = await startedStage({ recycleAfterRequests: 2 });
    await beginLast(stage);
    stage.link(2).becomeReady();
    await settle();
    expect(stage.states).toEqual({ 1: "retiring", 2: "ready" });
    stage.link(1).exit(new Error("died"));
    await stage.pass(5_000);
    expect(stage.owner.exits).toMatchObject([{ id: 1, lost: 1, error: { message: "died" } }]);
    expect(stage.states).toEqual({ 2: "ready" });
    expect(stage.owner.links.length).toBe(2);
  });

  test.each([
    ["starts", false],
    ["becomes ready", true],
  ])("starts no second replacement when the old worker dies while the first one %s", async (_when, ready) => {
    const stage = await startedStage({ recycleAfterRequests: 2 });
    await beginLast(stage);
    if (ready) stage.link(2).becomeReady();
    stage.link(1).exit(new Error("died"));
    await stage.pass(5_000);
    expect(stage.owner.exits).toMatchObject([{ id: 1, lost: 1, error: { message: "died" } }]);
    expect([Object.keys(stage.states), stage.owner.links.length]).toEqual([["2"], 2]);
    if (!ready) stage.link(2).becomeReady();
    await settle();
    // And it is replaced in its turn.
    await stage.serve(2);
    await stage.serve(2);
    await stage.pass(BEAT_MS);
    expect(stage.states).toEqual({ 2: "ready", 3: "starting" });
  });

  test("starts one replacement when the old worker dies while the next attempt is awaited", async () => {
    const stage = await startedStage({ recycleAfterRequests: 2 });
    await beginLast(stage);
    stage.link(2).exit(new Error("boot"));
    await settle();
    stage.link(1).exit(new Error("died"));
    await vi.advanceTimersByTimeAsync(5_000);
    expect(stage.states).toEqual({ 3: "starting" });
    stage.link(3).becomeReady();
    await settle();
    await stage.serve(3);
    expect(stage.owner.links.length).toBe(3);
  });

  test("replaces a replacement that dies while the old one still retires", async () => {
    const stage = await startedStage({ recycleAfterRequests: 2 });
    const { id } = await beginLast(stage);
    stage.link(2).becomeReady();
    await settle();
    stage.link(2).exit(new Error("died"));
    await vi.advanceTimersByTimeAsync(50);
    expect(stage.states).toEqual({ 1: "retiring", 3: "starting" });
    stage.link(3).becomeReady();
    stage.link(1).finish(id);
    await settle();
    expect(stage.pool.workers).toMatchObject([{ id: 3, state: "ready", restarts: 2 }]);
  });

  test.each([
    ["starts", false],
    ["is ready", true],
  ])("ends with the pool while the new one %s: neither that nor the old one is left", async (_when, ready) => {
    const stage = await startedStage({ recycleAfterRequests: 2 });
    await beginLast(stage);
    if (ready) {
      stage.link(2).becomeReady();
      await settle();
    }
    expect(stage.states).toEqual(ready ? { 1: "retiring", 2: "ready" } : { 1: "ready", 2: "starting" });
    await stage.pool.stop(400);
    await vi.advanceTimersByTimeAsync(60_000);
    expect([stage.owner.stopped, stage.pool.workers]).toEqual([[2, 1], []]);
    expect([stage.owner.links.length, stage.owner.givenUp, vi.getTimerCount()]).toEqual([2, [], 0]);
  });
});

describe("WorkerPool, recycling by age", () => {
  test("replaces a worker that is old enough, though it has never served", async () => {
    const stage = await startedStage({ recycleAfterMs: 5_000 });
    await stage.pass(4_900);
    expect(stage.owner.links.length).toBe(1);
    await stage.pass(200);
    expect(stage.states).toEqual({ 1: "ready", 2: "starting" });
    stage.link(2).becomeReady();
    await settle();
    expect(stage.states).toEqual({ 2: "ready" });
    await stage.pass(4_700);
    expect(stage.owner.links.length).toBe(2);
    await stage.pass(300);
    expect(stage.owner.links.length).toBe(3);
  });

  test("does so up to a tenth earlier, at random", async () => {
    vi.spyOn(Math, "random").mockReturnValue(0.5);
    const stage = await startedStage({ recycleAfterMs: 10_000 });
    await stage.pass(9_400);
    expect(stage.owner.links.length).toBe(1);
    await stage.pass(200);
    expect(stage.owner.links.length).toBe(2);
  });

  test("leaves a worker that serves one request at a time alone until that has ended", async () => {
    const stage = await startedStage({ recycleAfterMs: 5_000, requestsPerWorker: 1 });
    const { id } = await stage.handOver();
    stage.link(1).takeAll();
    await stage.pass(60_000);
    expect([stage.states, stage.link(1).heard]).toEqual([{ 1: "ready" }, ["boot", "connection"]]);
    const waiting = await stage.handOver();
    stage.link(1).finish(id);
    await settle();
    expect([stage.link(1).given, stage.states]).toEqual([[id], { 1: "ready", 2: "starting" }]);
    stage.link(2).becomeReady();
    expect([await waiting.handed, stage.holderOf(waiting.id)]).toEqual([true, 2]);
    await settle();
    expect(stage.states).toEqual({ 2: "ready" });
  });
});

describe("WorkerPool, one request at a time, while replacements cannot start", () => {
  const AGE_MS = 5_000;

  /** Fail all that start meanwhile. */
  async function failFor(stage: Stage, ms: number, error: Error = new Error("boot")): Promise<void> {
    for (let passed = 0; passed < ms; passed += BEAT_MS) {
      for (const { id, state } of stage.pool.workers) if (state === "starting") stage.link(id).exit(error);
      await stage.pass(BEAT_MS);
    }
  }

  test.each([
    ["their setup fails", new Error("boot")],
    ["the machine is short of something", Object.assign(new Error("spawn"), { code: "EAGAIN" })],
  ])("goes on with a worker that is merely old, and does not give up: %s", async (_name, error) => {
    const stage = await startedStage({ requestsPerWorker: 1, recycleAfterMs: AGE_MS, startAttempts: 2 });
    await stage.pass(AGE_MS);
    expect(stage.states).toEqual({ 1: "ready", 2: "starting" });
    const waiting = await stage.handOver();
    expect(waiting.by).toBeUndefined();
    await failFor(stage, 10 * AGE_MS, error);
    expect([await waiting.handed, stage.holderOf(waiting.id)]).toEqual([true, 1]);
    stage.link(1).finish(waiting.id);
    for (let served = 0; served < 3; served++) await stage.serve(1);
    expect(stage.owner.givenUp).toEqual([]);
  });

  test("does so with one that has served as many as it shall", async () => {
    const stage = await startedStage({ requestsPerWorker: 1, recycleAfterRequests: 2, startAttempts: 2 });
    await stage.serve(1);
    await stage.serve(1);
    await failFor(stage, 10 * AGE_MS);
    await stage.serve(1);
    expect(stage.owner.givenUp).toEqual([]);
  });

  test("gives its request to one that is there for a single one, and had none before it was old", async () => {
    const stage = await startedStage({ recycleAfterRequests: 1, recycleAfterMs: AGE_MS, startAttempts: 2 });
    await failFor(stage, 4 * AGE_MS);
    expect(stage.owner.givenUp).toEqual([]);
    await stage.serve(1);
    expect((await stage.handOver()).by).toBeUndefined();
    await failFor(stage, 10 * AGE_MS);
    expect(stage.owner.givenUp).toMatchObject([{ code: "ERR_SOCKETSERVER_WORKERS_FAILED" }]);
  });

  test("gives it no more once its replacement is ready", async () => {
    const stage = await startedStage({ requestsPerWorker: 1, recycleAfterMs: AGE_MS, startAttempts: 2 });
    await stage.pass(AGE_MS);
    stage.link(2).exit(new Error("boot"));
    await settle();
    const { id, by } = await stage.handOver();
    expect(by).toBe(1);
    while (stage.owner.links.length < 3) await stage.pass(BEAT_MS);
    stage.link(3).becomeReady();
    await settle();
    expect(stage.states).toEqual({ 1: "retiring", 3: "ready" });
    stage.link(1).finish(id);
    await settle();
    expect(stage.states).toEqual({ 3: "ready" });
  });
});

describe("WorkerPool, with a fresh worker for each request", () => {
  test("never gives a worker a second one", async () => {
    const stage = await startedStage({ recycleAfterRequests: 1 });
    for (const id of [1, 3, 5]) {
      await stage.serve(id);
      const next = await stage.handOver();
      expect([next.by, stage.states]).toEqual([undefined, { [id]: "ready", [id + 1]: "starting" }]);
      stage.link(id + 1).becomeReady();
      expect(await next.handed).toBe(true);
      expect(stage.holderOf(next.id)).toBe(id + 1);
      stage.link(id + 1).finish(next.id);
      await settle();
      expect(stage.states).toEqual({ [id + 1]: "ready", [id + 2]: "starting" });
      stage.link(id + 2).becomeReady();
      await settle();
      expect(stage.states).toEqual({ [id + 2]: "ready" });
    }
    expect(stage.owner.links.every(({ given }) => given.length <= 1)).toBe(true);
    expect(stage.owner.exits.every(({ lost, error }) => lost === 0 && error === undefined)).toBe(true);
  });

  test("never gives a worker a second one, also while replacements cannot start", async () => {
    const stage = await startedStage({ recycleAfterRequests: 1 });
    await stage.serve(1);
    const waiting = await stage.handOver();
    stage.link(2).exit(new Error("boot"));
    await stage.pass(BEAT_MS);
    expect([stage.holderOf(waiting.id), stage.states]).toEqual([undefined, { 1: "ready", 3: "starting" }]);
    stage.link(3).becomeReady();
    expect([await waiting.handed, stage.holderOf(waiting.id)]).toEqual([true, 3]);
  });

  test("gives up when replacements cannot start and those that are left have served their last", async () => {
    const stage = await startedStage({ recycleAfterRequests: 1, startAttempts: 3 });
    await stage.serve(1);
    const { handed } = await stage.handOver();
    for (const id of [2, 3, 4]) {
      while (stage.owner.links.length < id) await stage.pass(BEAT_MS);
      expect(stage.owner.givenUp).toEqual([]);
      stage.link(id).exit(new Error("boot"));
      await settle();
    }
    expect(stage.owner.givenUp).toMatchObject([{ code: "ERR_SOCKETSERVER_WORKERS_FAILED" }]);
    expect(await handed).toBe(false);
  });

  test("cuts nothing, however long it runs", async () => {
    const stage = await startedStage({ size: 2, recycleAfterRequests: 1, graceMs: 0 });
    const { id } = await stage.handOver();
    stage.link(1).takeAll();
    await stage.pass(60_000);
    expect([stage.states, stage.link(1).heard]).toEqual([{ 1: "ready", 2: "ready" }, ["boot", "connection"]]);
    // The other place is replaced meanwhile.
    await stage.serve(2);
    stage.link(3).becomeReady();
    await settle();
    await stage.serve(3);
    expect(stage.states).toEqual({ 1: "ready", 3: "ready", 4: "starting" });
    stage.link(4).becomeReady();
    await settle();
    expect(stage.states).toEqual({ 1: "ready", 4: "ready" });
    stage.link(1).finish(id);
    await settle();
    expect(stage.states).toEqual({ 1: "ready", 4: "ready", 5: "starting" });
    stage.link(5).becomeReady();
    await settle();
    expect(stage.states).toEqual({ 4: "ready", 5: "ready" });
    expect(stage.link(1).heard).toEqual(["boot", "connection", "stop"]);
    expect(stage.hold.closed.every(([, reason]) => reason === "done")).toBe(true);
  });

  test("replaces a worker whose handler has ended, and keeps it until its connection is gone", async () => {
    const stage = await startedStage({ recycleAfterRequests: 1 });
    const { id } = await stage.handOver();
    stage.link(1).say({ type: "taken", id }, { type: "done", id });
    const waiting = await stage.handOver();
    expect([waiting.by, stage.states]).toEqual([undefined, { 1: "ready", 2: "starting" }]);
    stage.link(2).becomeReady();
    expect([await waiting.handed, stage.holderOf(waiting.id)]).toEqual([true, 2]);
    await settle();
    expect(stage.states).toMatchObject({ 1: "retiring" });
    stage.link(1).say({ type: "closed", id, reason: "done", bytesRead: 0, bytesWritten: 0, idleMs: 0 });
    stage.link(1).say({ type: "gone", id });
    await settle();
    expect(stage.link(1).heard).toEqual(["boot", "connection", "stop"]);
  });

  test("neither drains nor cuts a worker whose answer still leaves, and replaces the others meanwhile", async () => {
    const stage = await startedStage({ size: 2, recycleAfterRequests: 1, graceMs: 0 });
    const { id } = await stage.handOver();
    stage.link(1).say({ type: "taken", id }, { type: "done", id });
    stage.link(3).becomeReady();
    await stage.pass(60_000);
    expect(stage.states).toEqual({ 1: "retiring", 2: "ready", 3: "ready" });
    // The place of the slow one is replaced once more when that is gone, the other one each time.
    await stage.serve(2);
    stage.link(4).becomeReady();
    await settle();
    await stage.serve(3);
    await stage.serve(4);
    expect(stage.states).toEqual({ 1: "retiring", 3: "ready", 4: "ready", 5: "starting" });
    stage.link(5).becomeReady();
    await settle();
    await stage.serve(5);
    expect(stage.link(1).heard).toEqual(["boot", "connection"]);
    stage.link(1).say({ type: "gone", id });
    await settle();
    expect(stage.states).toEqual({ 3: "ready", 5: "ready", 6: "starting", 7: "starting" });
    expect(stage.link(1).heard).toEqual(["boot", "connection", "stop"]);
  });

  test("replaces a worker that died at its request at once as any other", async () => {
    const stage = await startedStage({ recycleAfterRequests: 1 });
    await stage.handOver();
    stage.link(1).takeAll();
    stage.link(1).exit(new Error("died"));
    await settle();
    expect(stage.owner.exits).toMatchObject([{ id: 1, lost: 1 }]);
    await vi.advanceTimersByTimeAsync(50);
    stage.link(2).becomeReady();
    await settle();
    await stage.serve(2);
    expect(stage.states).toEqual({ 2: "ready", 3: "starting" });
  });
});

describe("WorkerPool.stop()", () => {
  test("ends every worker in reverse order, reports it without an error, and replaces none", async () => {
    const stage = await startedStage({ size: 3 });
    await stage.pool.stop(400);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(stage.owner.stopped).toEqual([3, 2, 1]);
    expect(stage.owner.exits.toSorted((one, other) => one.id - other.id)).toEqual([
      { id: 1, lost: 0 },
      { id: 2, lost: 0 },
      { id: 3, lost: 0 },
    ]);
    expect([stage.owner.links.length, stage.pool.workers, vi.getTimerCount()]).toEqual([3, [], 0]);
  });

  test("kills those that take longer than the limit", async () => {
    const stage = await startedStage({ size: 2 });
    stage.link(1).stops = false;
    let stopped = false;
    const stopping = stage.pool.stop(400).then(() => (stopped = true));
    await vi.advanceTimersByTimeAsync(399);
    expect([stopped, stage.link(1).kills]).toEqual([false, 0]);
    await vi.advanceTimersByTimeAsync(1);
    await stopping;
    expect([stage.link(1).kills, stage.link(2).kills]).toEqual([1, 0]);
    expect(stage.owner.exits.every(({ error }) => error === undefined)).toBe(true);
  });

  test("ends in its own time, though a worker waits for as long as its answer takes", async () => {
    const stage = await startedStage({ recycleAfterRequests: 1 });
    const { id } = await stage.handOver();
    stage.link(1).say({ type: "taken", id }, { type: "done", id });
    stage.link(2).becomeReady();
    await settle();
    expect(stage.states).toEqual({ 1: "retiring", 2: "ready" });
    stage.link(1).stops = false;
    const stopping = stage.pool.stop(400);
    await vi.advanceTimersByTimeAsync(400);
    await stopping;
    expect([stage.link(1).kills, stage.hold.closed, vi.getTimerCount()]).toEqual([1, [[id, "drain"]], 0]);
  });

  test("calls off a replacement that was due", async () => {
    const stage = await startedStage();
    stage.link(1).exit();
    await settle();
    await stage.pool.stop(400);
    expect(vi.getTimerCount()).toBe(0);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(stage.owner.links.length).toBe(1);
  });

  test("ends a replacement that is still starting, and does not call it ready", async () => {
    const stage = await startedStage();
    stage.link(1).exit();
    await vi.advanceTimersByTimeAsync(50);
    stage.link(2).stops = false;
    const stopping = stage.pool.stop(400);
    stage.link(2).becomeReady();
    stage.link(2).exit();
    await stopping;
    expect([stage.owner.stopped, stage.owner.readyIds]).toEqual([[2], [1]]);
    await vi.advanceTimersByTimeAsync(60_000);
    expect([stage.owner.links.length, vi.getTimerCount()]).toEqual([2, 0]);
  });

  test("can be called twice", async () => {
    const stage = await startedStage({ size: 2 });
    await Promise.all([stage.pool.stop(400), stage.pool.stop(400)]);
    await stage.pool.stop(400);
    expect(stage.owner.exits.length).toBe(2);
  });
});
