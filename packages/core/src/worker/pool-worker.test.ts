import { once } from "node:events";
import { Socket } from "node:net";
import { duplexPair } from "node:stream";

import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { CargoHold } from "../../test/support/cargo-hold.ts";
import { FakeLink } from "../../test/support/fake-link.ts";
import type { Address } from "../address.ts";
import type { AdmissionOptions } from "../server/admission-options.ts";
import type { CloseOptions } from "../server/base-server.ts";
import type { DrainReport } from "../server/drain-report.ts";
import type { CallerId } from "../server/listener-side.ts";
import type { DatagramSocket } from "../transport/datagram-socket.ts";
import type { Cargo } from "./cargo.ts";
import { errorToData } from "./error-data.ts";
import type { ToWorker, WorkerBoot } from "./messages.ts";
import { PoolWorker, type WorkerEnd, type WorkerOwner, type WorkerParts } from "./pool-worker.ts";
import { HandOver } from "./hand-over.ts";

const BEAT_MS = 100;
const HEARTBEAT_TIMEOUT_MS = 1_000;
const READY_TIMEOUT_MS = 5_000;

const REPORT: DrainReport = {
  durationMs: 1,
  open: 2,
  finished: 2,
  cut: [],
  neverSettled: 0,
  callers: 0,
  reasons: { done: 2 },
  refused: 0,
};

const boot: WorkerBoot = {
  server: { module: "file:///server.ts", name: "Server", declared: true },
  handler: { module: "file:///handler.ts", name: "Handler", declared: true },
  address: { host: "127.0.0.1", port: 0 },
  options: {},
  argv: [],
  workers: 1,
  beatMs: BEAT_MS,
  scarce: false,
};

/** Remembers what workers ask; the test says what becomes of it. */
class Owner implements WorkerOwner {
  readonly asked: unknown[] = [];
  failure: Error | undefined;

  requestError(error: unknown, clientAddress: Address | undefined): void {
    this.asked.push(["error", error, clientAddress]);
  }

  async shutdown(callerId: CallerId): Promise<void> {
    this.asked.push(["shutdown", callerId]);
    if (this.failure !== undefined) throw this.failure;
  }

  async close(options: CloseOptions, callerId: CallerId): Promise<DrainReport> {
    this.asked.push(["close", options, callerId]);
    if (this.failure !== undefined) throw this.failure;
    return REPORT;
  }

  async deny(...clients: readonly string[]): Promise<void> {
    this.asked.push(["deny", ...clients]);
    if (this.failure !== undefined) throw this.failure;
  }

  async changeAdmission(options: AdmissionOptions): Promise<void> {
    this.asked.push(["changeAdmission", options]);
    if (this.failure !== undefined) throw this.failure;
  }
}

/** A worker with everything around it. */
class Stage {
  readonly link = new FakeLink();
  readonly owner = new Owner();
  readonly hold = new CargoHold();
  readonly worker: PoolWorker;
  changes = 0;
  readonly missed: Cargo[] = [];
  /** How it ended. */
  end: WorkerEnd | undefined;

  constructor(parts: Partial<WorkerParts> = {}) {
    this.worker = new PoolWorker({
      id: 1,
      link: this.link,
      boot,
      owner: this.owner,
      handOver: HandOver.relay,
      reservedDescriptors: 8,
      readyTimeoutMs: READY_TIMEOUT_MS,
      heartbeatTimeoutMs: HEARTBEAT_TIMEOUT_MS,
      changed: () => this.changes++,
      missed: (cargo) => this.missed.push(cargo),
      ...parts,
    });
    void this.worker.gone.then((end) => (this.end = end));
  }

  /** Hand over a request; its id. */
  handOver(cargo: Cargo = this.hold.connection()): number {
    expect(this.worker.handOver(cargo)).toBe(true);
    return cargo.request.id;
  }

  /** What was said to the worker of this type. */
  heard<Type extends ToWorker["type"]>(type: Type): Extract<ToWorker, { readonly type: Type }>[] {
    return this.link.posted.filter((message) => message.type === type) as Extract<ToWorker, { readonly type: Type }>[];
  }
}

/** A worker that is ready. */
async function readyStage(parts: Partial<WorkerParts> = {}): Promise<Stage> {
  const stage = new Stage(parts);
  const starting = stage.worker.start();
  stage.link.becomeReady();
  await starting;
  return stage;
}

/** Let what is under way without a timer arrive. */
async function settle(): Promise<void> {
  await vi.advanceTimersByTimeAsync(0);
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "performance"] });
});

afterEach(() => {
  vi.useRealTimers();
});

describe("PoolWorker.start()", () => {
  test("starts the link, says what to boot, and waits until the worker is ready", async () => {
    const { worker, link } = new Stage();
    let ready = false;
    const starting = worker.start().then(() => (ready = true));
    await settle();
    expect([link.started, link.posted]).toEqual([true, [{ type: "boot", boot }]]);
    expect([ready, worker.state]).toEqual([false, "starting"]);
    link.becomeReady();
    await starting;
    expect(worker.state).toBe("ready");
    await vi.advanceTimersByTimeAsync(2 * READY_TIMEOUT_MS);
    expect(link.kills).toBe(0);
  });

  test("rejects with the reason when the worker says that it failed, once that is gone", async () => {
    const { worker, link } = new Stage();
    link.dies = false;
    const failed = vi.fn<(error: unknown) => void>();
    const starting = worker.start().catch(failed);
    link.say({ type: "failed", error: errorToData(Object.assign(new Error("boom"), { code: "E_BOOM" })) });
    await settle();
    expect([failed.mock.calls.length, link.kills]).toEqual([0, 1]);
    link.exit();
    await starting;
    expect(failed.mock.calls).toMatchObject([[{ message: "boom", code: "E_BOOM" }]]);
  });

  test("rejects when the worker exits instead", async () => {
    const { worker, link } = new Stage();
    const starting = expect(worker.start()).rejects.toThrow("no memory");
    link.exit(new Error("no memory"));
    await starting;
  });

  test("rejects when the worker is not ready in time, and kills it", async () => {
    const { worker, link } = new Stage();
    const starting = expect(worker.start()).rejects.toMatchObject({
      code: "ERR_SOCKETSERVER_WORKER_LOST",
      message: `Cannot start worker: it was not ready after ${READY_TIMEOUT_MS} ms`,
    });
    await vi.advanceTimersByTimeAsync(READY_TIMEOUT_MS - 1);
    expect(link.kills).toBe(0);
    await vi.advanceTimersByTimeAsync(1);
    expect(link.kills).toBe(1);
    await starting;
  });

  test("waits for ever if it may", async () => {
    const { worker, link } = new Stage({ readyTimeoutMs: Infinity });
    const starting = worker.start();
    await vi.advanceTimersByTimeAsync(10_000_000);
    link.becomeReady();
    await starting;
    expect(worker.state).toBe("ready");
  });

  test("rejects when the worker is stopped while it starts", async () => {
    const { worker, link } = new Stage();
    const starting = expect(worker.start()).rejects.toThrow("stopped");
    link.stops = false;
    const stopping = worker.stop(100);
    link.becomeReady();
    expect(worker.state).toBe("stopping");
    link.exit(new Error("stopped"));
    await stopping;
    await starting;
  });
});

describe("PoolWorker.handOver()", () => {
  test("refuses before the worker is ready, and after it is gone", async () => {
    const { worker, link, hold } = new Stage();
    const starting = worker.start();
    expect(worker.handOver(hold.connection())).toBe(false);
    link.becomeReady();
    await starting;
    link.exit();
    expect(worker.handOver(hold.connection())).toBe(false);
    expect([worker.served, link.given]).toEqual([0, []]);
  });

  test("relays a stream that is no plain socket, even where sockets move", async () => {
    const stage = await readyStage({ handOver: HandOver.transfer });
    const id = stage.handOver();
    const remoteAddress = { host: "192.0.2.1", port: 1 };
    expect(stage.heard("connection")).toEqual([
      {
        type: "connection",
        id,
        clientAddress: remoteAddress,
        draining: false,
        relayed: true,
        remoteAddress,
        localAddress: { path: "" },
      },
    ]);
  });

  test.each([HandOver.transfer, HandOver.send])("moves a plain socket (%s)", async (handOver) => {
    const stage = await readyStage({ handOver });
    const socket = new Socket();
    stage.handOver(stage.hold.connection(socket));
    expect(stage.heard("connection")).toMatchObject([{ relayed: false, localAddress: undefined }]);
    expect(socket.destroyed).toBe(true);
  });

  test("relays a plain socket if it shall", async () => {
    const stage = await readyStage({ handOver: HandOver.relay });
    const socket = new Socket();
    const id = stage.handOver(stage.hold.connection(socket));
    expect(stage.heard("connection")).toMatchObject([{ relayed: true }]);
    stage.link.say({ type: "relay", id, part: { kind: "destroy" } });
    expect(socket.destroyed).toBe(true);
  });

  test("carries the bytes of a relayed connection both ways", async () => {
    const stage = await readyStage();
    const [near, far] = duplexPair();
    const id = stage.handOver(stage.hold.connection(near));
    far.write("hello");
    stage.link.say({ type: "relay", id, part: { kind: "credit", bytes: 100 } });
    stage.link.say({ type: "relay", id, part: { kind: "data", chunks: [Buffer.from("world")] } });
    const [answer] = (await once(far, "data")) as [Buffer];
    expect(answer.toString()).toBe("world");
    const parts = stage.heard("relay").map(({ part }) => part);
    expect(parts).toContainEqual({ kind: "data", chunk: new TextEncoder().encode("hello") });
  });

  test("sends a datagram as a copy, which moves", async () => {
    const stage = await readyStage();
    const id = stage.handOver(stage.hold.datagram("ping", { sendTo: async () => {} }));
    const address = { host: "192.0.2.1", port: 1 };
    const packet = new TextEncoder().encode("ping");
    expect(stage.heard("datagram")).toEqual([
      { type: "datagram", id, clientAddress: address, draining: false, remoteAddress: address, packet },
    ]);
    expect(stage.link.buffers.map(({ byteLength }) => byteLength)).toEqual([4]);
  });

  test("says whether the server drains already", async () => {
    const stage = await readyStage();
    const cargo = stage.hold.connection();
    stage.hold.drain(cargo);
    stage.handOver(cargo);
    expect(stage.heard("connection")).toMatchObject([{ draining: true }]);
  });

  test("refuses, and kills the worker, when a socket cannot be moved: the request is still ours", async () => {
    const stage = await readyStage({ handOver: HandOver.transfer });
    const { worker, link, hold } = stage;
    link.moving = "refused";
    const cargo = hold.connection(new Socket());
    expect(worker.handOver(cargo)).toBe(false);
    expect([worker.state, worker.served, worker.active, link.kills]).toEqual(["stopping", 0, 0, 1]);
    await settle();
    expect(stage.end).toMatchObject({ lost: 0, unseen: [], error: { message: "killed" } });
    expect([cargo.content.destroyed, hold.closed]).toEqual([false, []]);
    cargo.content.destroy();
  });

  test("lets a request be drained and cut from here", async () => {
    const stage = await readyStage();
    const cargo = stage.hold.connection();
    const id = stage.handOver(cargo);
    cargo.request.drain();
    cargo.request.drain();
    cargo.request.cut("deadline");
    expect(stage.heard("drain")).toEqual([{ type: "drain", id }]);
    expect(stage.heard("cut")).toEqual([{ type: "cut", id, reason: "deadline" }]);
  });
});

describe("PoolWorker, counting", () => {
  test("counts a request as active until its handler has ended, and holds it until it is gone", async () => {
    const stage = await readyStage();
    const { worker, link, hold } = stage;
    const counts = (): unknown[] => [worker.active, worker.served, worker.ended, worker.empty, hold.size];
    expect(counts()).toEqual([0, 0, 0, true, 0]);
    const id = stage.handOver();
    expect(counts()).toEqual([1, 1, 0, false, 1]);
    link.say({ type: "taken", id }, { type: "done", id });
    expect(counts()).toEqual([0, 1, 0, false, 1]);
    link.say({ type: "done", id });
    expect(counts()).toEqual([0, 1, 0, false, 1]);
    link.say({ type: "closed", id, reason: "peer-end", bytesRead: 3, bytesWritten: 5, idleMs: 0 });
    expect([counts(), hold.closed]).toEqual([[0, 1, 0, false, 1], [[id, "peer-end"]]]);
    link.say({ type: "gone", id });
    expect(counts()).toEqual([0, 1, 1, true, 0]);
    link.say({ type: "gone", id });
    expect(counts()).toEqual([0, 1, 1, true, 0]);
  });

  test("counts a request as done that is gone", async () => {
    const stage = await readyStage();
    const id = stage.handOver();
    stage.handOver();
    stage.link.say({ type: "closed", id, reason: "done", bytesRead: 0, bytesWritten: 0, idleMs: 0 });
    stage.link.say({ type: "gone", id });
    expect([stage.worker.active, stage.hold.size]).toEqual([1, 1]);
  });

  test("sums up what its requests moved, and shows the last beat", async () => {
    const stage = await readyStage();
    const { worker, link } = stage;
    const none = { bytesRead: 0, bytesWritten: 0, eventLoopDelayMs: 0, heapUsed: 0, freeDescriptors: Infinity };
    expect(worker.figures).toEqual(none);
    for (let request = 0; request < 2; request++) link.finish(stage.handOver());
    link.say({ type: "beat", beat: { eventLoopDelayMs: 7, heapUsed: 1_000, freeDescriptors: 30 } });
    link.say({ type: "beat", beat: { eventLoopDelayMs: 2, heapUsed: 2_000, freeDescriptors: 30 } });
    const last = { eventLoopDelayMs: 2, heapUsed: 2_000, freeDescriptors: 30 };
    expect(worker.figures).toEqual({ bytesRead: 6, bytesWritten: 10, ...last });
  });

  test("tells the traffic of a request on this side's clock", async () => {
    const stage = await readyStage();
    const id = stage.handOver();
    await vi.advanceTimersByTimeAsync(500);
    stage.link.say({ type: "closed", id, reason: "done", bytesRead: 3, bytesWritten: 5, idleMs: 200 });
    const lastActivity = performance.now() - 200;
    expect(stage.hold.registry.get(id)?.traffic).toEqual({ bytesRead: 3, bytesWritten: 5, lastActivity });
  });

  test("tells when it may take requests again: taken, done, gone and each beat", async () => {
    const stage = await readyStage();
    const id = stage.handOver();
    const before = stage.changes;
    stage.link.say({ type: "taken", id });
    expect(stage.changes - before).toBe(1);
    stage.link.say({ type: "done", id });
    expect(stage.changes - before).toBe(2);
    stage.link.say({ type: "gone", id });
    expect(stage.changes - before).toBe(3);
    stage.link.beat();
    expect(stage.changes - before).toBe(4);
  });

  test("grows older", async () => {
    const { worker } = await readyStage();
    const before = worker.ageMs;
    await vi.advanceTimersByTimeAsync(1_500);
    expect(worker.ageMs - before).toBe(1_500);
  });
});

describe("PoolWorker.state", () => {
  test("is blocked while the oldest hand-over is not acknowledged for 50 ms", async () => {
    const stage = await readyStage();
    const { worker, link } = stage;
    const first = stage.handOver();
    await vi.advanceTimersByTimeAsync(30);
    const second = stage.handOver();
    expect(worker.state).toBe("ready");
    await vi.advanceTimersByTimeAsync(20);
    expect(worker.state).toBe("blocked");
    link.say({ type: "taken", id: first });
    expect([worker.state, link.known]).toEqual(["ready", [first]]);
    await vi.advanceTimersByTimeAsync(30);
    expect(worker.state).toBe("blocked");
    link.say({ type: "gone", id: second });
    expect(worker.state).toBe("ready");
  });

  test("is blocked while beats are missing", async () => {
    const { worker, link } = await readyStage();
    for (let tick = 0; tick < 2; tick++) worker.tick();
    expect(worker.state).toBe("ready");
    worker.tick();
    expect(worker.state).toBe("blocked");
    link.beat();
    expect(worker.state).toBe("ready");
  });
});

describe("PoolWorker.state, where sockets are sent", () => {
  const RESERVED = 20;
  const FREE = 5;

  /** A worker that has told of so many descriptors above those that are reserved. */
  async function scarceStage(): Promise<Stage> {
    const stage = await readyStage({ handOver: HandOver.send, reservedDescriptors: RESERVED });
    stage.link.freeDescriptors = RESERVED + FREE;
    stage.link.beat();
    return stage;
  }

  test("stays ready between two beats, however many requests come and go", async () => {
    const stage = await scarceStage();
    for (let served = 0; served < 3 * FREE; served++) {
      stage.link.finish(stage.handOver());
      expect(stage.worker.state).toBe("ready");
    }
  });

  test("is blocked while it holds as many as it had descriptors left", async () => {
    const stage = await scarceStage();
    const ids: number[] = [];
    for (let held = 0; held < FREE; held++) {
      expect(stage.worker.state).toBe("ready");
      ids.push(stage.handOver());
    }
    expect(stage.worker.state).toBe("blocked");
    stage.link.finish(ids[0] as number);
    expect(stage.worker.state).toBe("ready");
    stage.handOver();
    expect(stage.worker.state).toBe("blocked");
  });

  test("stays blocked until its next beat although what it was given was lost there", async () => {
    const stage = await scarceStage();
    for (let held = 0; held < FREE; held++) {
      const id = stage.handOver();
      stage.link.say({ type: "asked", id });
    }
    expect(stage.worker.state).toBe("blocked");
    stage.link.beat();
    expect(stage.worker.state).toBe("ready");
  });

  test("counts those that it held at its last beat no second time", async () => {
    const stage = await scarceStage();
    for (let held = 0; held < FREE; held++) stage.handOver();
    stage.link.takeAll();
    stage.link.freeDescriptors = RESERVED + 1;
    stage.link.beat();
    expect(stage.worker.state).toBe("ready");
    stage.handOver();
    expect(stage.worker.state).toBe("blocked");
  });
});

describe("PoolWorker.tick()", () => {
  test("ends a worker that was silent for too long", async () => {
    const stage = await readyStage();
    for (let tick = 0; tick < HEARTBEAT_TIMEOUT_MS / BEAT_MS; tick++) stage.worker.tick();
    expect(stage.link.kills).toBe(0);
    stage.worker.tick();
    stage.worker.tick();
    expect(stage.link.kills).toBe(1);
    await settle();
    expect(stage.end).toMatchObject({
      error: {
        code: "ERR_SOCKETSERVER_WORKER_BLOCKED",
        message: `Cannot go on in worker: its event loop was blocked for ${HEARTBEAT_TIMEOUT_MS} ms (heartbeatTimeoutMs)`,
      },
    });
  });

  test("does not judge a worker that starts or tears down", async () => {
    const stage = new Stage();
    const starting = stage.worker.start();
    for (let tick = 0; tick < 100; tick++) stage.worker.tick();
    stage.link.becomeReady();
    await starting;
    stage.link.stops = false;
    const stopping = stage.worker.stop(Infinity);
    for (let tick = 0; tick < 100; tick++) stage.worker.tick();
    expect(stage.link.kills).toBe(0);
    stage.link.exit();
    await stopping;
  });

  test("judges one that retires, and never one that may be silent for ever", async () => {
    const stage = await readyStage();
    stage.handOver();
    const retiring = stage.worker.retire(Infinity, 100);
    for (let tick = 0; tick < 11; tick++) stage.worker.tick();
    expect(stage.link.kills).toBe(1);
    await retiring;

    const patient = await readyStage({ heartbeatTimeoutMs: Infinity });
    for (let tick = 0; tick < 1_000; tick++) patient.worker.tick();
    expect([patient.link.kills, patient.worker.state]).toEqual([0, "blocked"]);
  });
});

describe("PoolWorker.heldUp()", () => {
  const MS = 700;

  test.each([HandOver.transfer, HandOver.send])(
    "tells nothing to a worker that has sockets of its own: %s",
    async (handOver) => {
      const stage = await readyStage({ handOver });
      stage.worker.heldUp(MS);
      stage.handOver(stage.hold.connection(new Socket()));
      stage.worker.heldUp(MS);
      expect(stage.heard("heldUp")).toEqual([]);
    },
  );

  test("tells a worker that has a relayed connection, until nothing is left of that", async () => {
    const stage = await readyStage();
    const id = stage.handOver();
    stage.worker.heldUp(MS);
    stage.link.finish(id);
    stage.worker.heldUp(MS);
    expect(stage.heard("heldUp")).toEqual([{ type: "heldUp", ms: MS }]);
  });

  test("tells a worker that has a datagram, whose answer comes through this side", async () => {
    const stage = await readyStage();
    stage.handOver(stage.hold.datagram("ping", { sendTo: async () => {} }));
    stage.worker.heldUp(MS);
    expect(stage.heard("heldUp")).toEqual([{ type: "heldUp", ms: MS }]);
  });
});

describe("PoolWorker.stop()", () => {
  test("tells the worker to tear down, and resolves when it is gone, without an error", async () => {
    const stage = await readyStage();
    stage.link.stops = false;
    let stopped = false;
    const stopping = stage.worker.stop(400).then(() => (stopped = true));
    expect([stage.worker.state, stage.link.heard]).toEqual(["stopping", ["boot", "stop"]]);
    await vi.advanceTimersByTimeAsync(399);
    expect([stopped, stage.link.kills]).toEqual([false, 0]);
    stage.link.exit();
    await stopping;
    await vi.advanceTimersByTimeAsync(1_000);
    expect([stage.end, stage.link.kills]).toEqual([{ lost: 0, unseen: [] }, 0]);
  });

  test("tells it once, however often it is called", async () => {
    const stage = await readyStage();
    const first = stage.worker.stop(400);
    expect(stage.worker.stop(1)).toBe(first);
    await first;
    expect(stage.link.heard).toEqual(["boot", "stop"]);
  });

  test("kills a worker that takes longer; that is no error either", async () => {
    const stage = await readyStage();
    stage.link.stops = false;
    const stopping = stage.worker.stop(400);
    await vi.advanceTimersByTimeAsync(400);
    await stopping;
    expect([stage.link.kills, stage.end]).toEqual([1, { lost: 0, unseen: [] }]);
  });

  test("waits no longer than its limit, though the worker that it kills is not gone", async () => {
    const stage = await readyStage();
    stage.link.stops = false;
    stage.link.dies = false;
    const id = stage.handOver();
    stage.link.takeAll();
    const stopping = stage.worker.stop(400);
    await vi.advanceTimersByTimeAsync(399);
    expect([stage.link.kills, stage.end, stage.hold.closed]).toEqual([0, undefined, []]);
    await vi.advanceTimersByTimeAsync(1);
    await stopping;
    expect([stage.link.kills, stage.end]).toEqual([1, { lost: 1, unseen: [] }]);
    expect([stage.hold.closed, stage.hold.size]).toEqual([[[id, "drain"]], 0]);
    expect(vi.getTimerCount()).toBe(0);
    // What is still heard of it changes nothing.
    const { changes } = stage;
    stage.link.say(
      { type: "done", id },
      { type: "beat", beat: { eventLoopDelayMs: 0, heapUsed: 0, freeDescriptors: 30 } },
    );
    stage.link.exit(new Error("at last"));
    await settle();
    expect([stage.changes, stage.end]).toEqual([changes, { lost: 1, unseen: [] }]);
  });

  test("gives back what a worker never saw that it kills", async () => {
    const stage = await readyStage();
    stage.link.stops = false;
    stage.link.dies = false;
    const cargo = stage.hold.connection();
    stage.handOver(cargo);
    const stopping = stage.worker.stop(0);
    await vi.advanceTimersByTimeAsync(1);
    await stopping;
    expect([stage.end, stage.hold.closed]).toEqual([{ lost: 0, unseen: [cargo] }, []]);
  });

  test("makes start() reject at its limit, though the worker that it kills is not gone", async () => {
    const { worker, link } = new Stage();
    link.stops = false;
    link.dies = false;
    const starting = expect(worker.start()).rejects.toMatchObject({ code: "ERR_SOCKETSERVER_WORKER_LOST" });
    const stopping = worker.stop(400);
    await vi.advanceTimersByTimeAsync(400);
    await Promise.all([stopping, starting]);
    expect([link.kills, vi.getTimerCount()]).toEqual([1, 0]);
  });

  test("waits no longer than its limit for a worker that was killed before, and keeps that reason", async () => {
    const stage = await readyStage();
    stage.link.stops = false;
    stage.link.dies = false;
    const error = new Error("blocked");
    stage.worker.kill(error);
    const stopping = stage.worker.stop(400);
    await vi.advanceTimersByTimeAsync(400);
    await stopping;
    expect([stage.end, vi.getTimerCount()]).toEqual([{ lost: 0, unseen: [], error }, 0]);
  });

  test("closes what still ran because of the drain", async () => {
    const stage = await readyStage();
    const id = stage.handOver();
    stage.link.takeAll();
    await stage.worker.stop(400);
    expect([stage.end, stage.hold.closed, stage.hold.size]).toEqual([{ lost: 1, unseen: [] }, [[id, "drain"]], 0]);
  });
});

describe("PoolWorker.kill()", () => {
  test("ends it two seconds later, even if it is never heard of again", async () => {
    const stage = await readyStage();
    const id = stage.handOver();
    stage.link.takeAll();
    stage.link.dies = false;
    stage.worker.kill();
    await vi.advanceTimersByTimeAsync(1_999);
    expect(stage.end).toBe(undefined);
    await vi.advanceTimersByTimeAsync(1);
    expect(stage.end).toMatchObject({
      lost: 1,
      error: { code: "ERR_SOCKETSERVER_WORKER_LOST", message: expect.stringContaining("2000 ms") as string },
    });
    expect(stage.hold.closed).toEqual([[id, "worker-lost"]]);
  });

  test("keeps the first reason", async () => {
    const stage = await readyStage();
    const reason = new Error("first");
    stage.worker.kill(reason);
    stage.worker.kill(new Error("second"));
    await settle();
    expect(stage.end?.error).toBe(reason);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("PoolWorker, exiting", () => {
  test("tells how it exited, and resets what it had", async () => {
    const stage = await readyStage();
    const [near] = duplexPair();
    const id = stage.handOver(stage.hold.connection(near));
    stage.link.takeAll();
    const error = new Error("exit code 7");
    stage.link.exit(error);
    await settle();
    expect(stage.end).toEqual({ lost: 1, unseen: [], error });
    expect([stage.hold.closed, stage.hold.size, near.destroyed]).toEqual([[[id, "worker-lost"]], 0, true]);
    expect([stage.worker.active, stage.worker.empty]).toEqual([0, true]);
  });

  test("prefers what crashed it to how it exited", async () => {
    const thread = await readyStage();
    const error = new Error("uncaught");
    thread.link.crash(error);
    thread.link.crash(new Error("another"));
    thread.link.exit(new Error("exit code 1"));
    await settle();
    expect(thread.end?.error).toBe(error);

    const child = await readyStage();
    child.link.say({ type: "crashed", error: errorToData(new RangeError("uncaught there")) });
    child.link.exit(new Error("exit code 1"));
    await settle();
    expect(child.end?.error).toMatchObject({ name: "RangeError", message: "uncaught there" });
  });

  test.each(["by its link", "by itself"])(
    "is forced 500 ms after a crash that it does not end from, told %s",
    async (how) => {
      const stage = await readyStage();
      const id = stage.handOver();
      stage.link.takeAll();
      if (how === "by its link") stage.link.crash(new Error("uncaught"));
      else stage.link.say({ type: "crashed", error: errorToData(new Error("uncaught")) });
      expect(stage.worker.state).toBe("stopping");
      expect(stage.worker.handOver(stage.hold.connection())).toBe(false);
      await vi.advanceTimersByTimeAsync(499);
      expect([stage.link.kills, stage.end]).toEqual([0, undefined]);
      await vi.advanceTimersByTimeAsync(1);
      expect(stage.link.kills).toBe(1);
      expect(stage.end).toMatchObject({ lost: 1, error: { message: "uncaught" } });
      expect(stage.hold.closed).toEqual([[id, "worker-lost"]]);
      expect(vi.getTimerCount()).toBe(0);
    },
  );

  test("is not forced after a crash from which it ended by itself", async () => {
    const stage = await readyStage();
    stage.link.crash(new Error("uncaught"));
    stage.link.exit();
    expect(vi.getTimerCount()).toBe(0);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(stage.link.kills).toBe(0);
  });

  test("is forced 500 ms after the first of several crashes", async () => {
    const stage = await readyStage();
    stage.link.crash(new Error("first"));
    await vi.advanceTimersByTimeAsync(300);
    stage.link.crash(new Error("second"));
    await vi.advanceTimersByTimeAsync(200);
    expect(stage.link.kills).toBe(1);
    expect(stage.end?.error?.message).toBe("first");
  });

  test("makes an error of whatever else was thrown", async () => {
    const stage = await readyStage();
    stage.link.say({ type: "crashed", error: errorToData("just text") });
    stage.link.exit();
    await settle();
    expect(stage.end?.error).toEqual(new Error("just text"));
  });

  test("is one that was wanted after stop(), unless something else ended it", async () => {
    const stage = await readyStage();
    const stopping = stage.worker.stop(400);
    stage.link.crash(new Error("in teardown"));
    await stopping;
    expect(stage.end?.error).toEqual(new Error("in teardown"));
  });

  test("gives back what the worker never saw", async () => {
    const stage = await readyStage();
    const [near] = duplexPair();
    const seen = stage.handOver();
    stage.link.takeAll();
    const relayed = stage.hold.connection(near);
    const datagram = stage.hold.datagram("ping", { sendTo: async () => {} });
    stage.handOver(relayed);
    stage.handOver(datagram);
    stage.link.exit();
    await settle();
    expect(stage.end).toMatchObject({ lost: 1 });
    expect(stage.end?.unseen).toEqual([relayed, datagram]);
    expect([near.destroyed, stage.hold.closed]).toEqual([false, [[seen, "worker-lost"]]]);
  });

  test("has lost a socket that left, and gives back one that was copied", async () => {
    const thread = await readyStage({ handOver: HandOver.transfer });
    const lost = thread.handOver(thread.hold.connection(new Socket()));
    thread.link.exit();
    await settle();
    expect([thread.end?.lost, thread.end?.unseen, thread.hold.closed]).toEqual([1, [], [[lost, "worker-lost"]]]);

    const child = await readyStage({ handOver: HandOver.send });
    child.link.moving = "copied";
    const cargo = child.hold.connection(new Socket());
    child.handOver(cargo);
    child.link.exit();
    await settle();
    expect([child.end?.lost, child.end?.unseen, child.hold.closed]).toEqual([0, [cargo], []]);
    cargo.content.destroy();
  });

  test("comes when a socket could not be sent, which is told", async () => {
    const stage = await readyStage({ handOver: HandOver.send });
    stage.link.moving = "copied";
    const cargo = stage.hold.connection(new Socket());
    stage.handOver(cargo);
    stage.link.failToDeliver();
    await settle();
    expect(stage.link.kills).toBe(1);
    expect(stage.end).toMatchObject({ unseen: [cargo], error: { code: "ERR_SOCKETSERVER_WORKER_LOST" } });
    cargo.content.destroy();
  });

  test("is the end: what still comes is ignored", async () => {
    const stage = await readyStage();
    const id = stage.handOver();
    stage.link.takeAll();
    stage.link.exit(new Error("first"));
    await settle();
    const { changes } = stage;
    stage.link.finish(id);
    stage.link.beat();
    stage.link.say({ type: "error", error: errorToData(new Error("late")), clientAddress: undefined });
    stage.link.say({ type: "call", callId: 1, method: "shutdown", callerId: undefined });
    stage.link.exit(new Error("second"));
    await settle();
    expect([stage.changes, stage.owner.asked, stage.worker.ended]).toEqual([changes, [], 0]);
    expect([stage.end?.error?.message, stage.hold.closed.length]).toEqual(["first", 1]);
  });

  test("leaves nobody who could be chosen", async () => {
    const stage = await readyStage();
    stage.link.exit();
    expect(stage.worker.state).not.toBe("ready");
  });
});

describe("PoolWorker.retire()", () => {
  test("stops a worker that has nothing to do at once", async () => {
    const stage = await readyStage();
    const retiring = stage.worker.retire(1_000, 400);
    await retiring;
    expect(stage.link.heard).toEqual(["boot", "stop"]);
    expect(stage.end).toEqual({ lost: 0, unseen: [] });
  });

  test("takes nothing more, and stops when what it had has ended", async () => {
    const stage = await readyStage();
    const id = stage.handOver();
    stage.link.takeAll();
    const retiring = stage.worker.retire(1_000, 400);
    expect(stage.worker.state).toBe("retiring");
    expect(stage.worker.handOver(stage.hold.connection())).toBe(false);
    await vi.advanceTimersByTimeAsync(999);
    expect(stage.link.heard).toEqual(["boot", "connection"]);
    stage.link.finish(id);
    await retiring;
    expect(stage.link.heard).toEqual(["boot", "connection", "stop"]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("drains what runs after graceMs, cuts it after another, and stops", async () => {
    const stage = await readyStage();
    const id = stage.handOver();
    stage.link.takeAll();
    const retiring = stage.worker.retire(1_000, 400);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(stage.link.heard.slice(2)).toEqual(["drain"]);
    await vi.advanceTimersByTimeAsync(999);
    expect(stage.link.heard.slice(2)).toEqual(["drain"]);
    await vi.advanceTimersByTimeAsync(1);
    expect(stage.link.posted.slice(3)).toEqual([{ type: "cut", id, reason: "drain" }]);
    await vi.advanceTimersByTimeAsync(399);
    expect(stage.link.heard.at(-1)).toBe("cut");
    await vi.advanceTimersByTimeAsync(1);
    await retiring;
    expect(stage.link.heard.at(-1)).toBe("stop");
    expect([stage.end, stage.hold.closed]).toEqual([{ lost: 1, unseen: [] }, [[id, "drain"]]]);
  });

  test("ends when the worker dies meanwhile, with the error", async () => {
    const stage = await readyStage();
    stage.handOver();
    stage.link.takeAll();
    const retiring = stage.worker.retire(Infinity, 400);
    const error = new Error("died");
    stage.link.exit(error);
    await retiring;
    expect(stage.end).toEqual({ lost: 1, unseen: [], error });
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("PoolWorker, asked by its worker", () => {
  test("passes on errors", async () => {
    const { link, owner } = await readyStage();
    const clientAddress = { host: "192.0.2.1", port: 1 };
    link.say({ type: "error", error: errorToData(new TypeError("boom")), clientAddress });
    expect(owner.asked).toMatchObject([["error", { name: "TypeError", message: "boom" }, clientAddress]]);
  });

  test("answers calls with their result", async () => {
    const stage = await readyStage();
    stage.link.say({ type: "call", callId: 1, method: "shutdown", callerId: 5 });
    stage.link.say({ type: "call", callId: 2, method: "close", options: { graceMs: 100 }, callerId: undefined });
    const options = { maxConnections: 5 };
    stage.link.say({ type: "call", callId: 3, method: "changeAdmission", options, callerId: undefined });
    stage.link.say({ type: "call", callId: 4, method: "deny", clients: ["192.0.2.1"], callerId: undefined });
    await settle();
    expect(stage.owner.asked).toEqual([
      ["shutdown", 5],
      ["close", { graceMs: 100 }, undefined],
      ["changeAdmission", options],
      ["deny", "192.0.2.1"],
    ]);
    expect(stage.heard("answer").toSorted((one, other) => one.callId - other.callId)).toEqual([
      { type: "answer", callId: 1 },
      { type: "answer", callId: 2, result: REPORT },
      { type: "answer", callId: 3 },
      { type: "answer", callId: 4 },
    ]);
  });

  test("answers calls that fail with the error", async () => {
    const stage = await readyStage();
    stage.owner.failure = new TypeError("not so");
    stage.link.say({ type: "call", callId: 1, method: "shutdown", callerId: undefined });
    stage.link.say({ type: "call", callId: 2, method: "close", options: {}, callerId: undefined });
    stage.link.say({ type: "call", callId: 3, method: "changeAdmission", options: {}, callerId: undefined });
    await settle();
    const error = { kind: "error", name: "TypeError", message: "not so" };
    expect(stage.heard("answer")).toMatchObject([
      { callId: 1, error },
      { callId: 2, error },
      { callId: 3, error },
    ]);
  });

  test("answers with an error what cannot cross", async () => {
    const stage = await readyStage();
    const reasons = { done: (() => 2) as unknown as number };
    stage.owner.close = async () => ({ ...REPORT, reasons });
    stage.link.say({ type: "call", callId: 1, method: "close", options: {}, callerId: undefined });
    await settle();
    expect(stage.heard("answer")).toMatchObject([
      { callId: 1, error: { message: expect.stringContaining("could not be cloned") as string } },
    ]);
  });

  test("sends datagrams from the server's socket, and says what became of them", async () => {
    const sent: unknown[] = [];
    const failure = Object.assign(new Error("too long"), { code: "EMSGSIZE" });
    const socket: DatagramSocket = {
      sendTo: async (data, address) => {
        sent.push([Buffer.from(data).toString(), address]);
        if (data.length > 4) throw failure;
      },
    };
    const stage = await readyStage();
    stage.handOver(stage.hold.datagram("ping", socket));
    const address = { host: "192.0.2.9", port: 9 };
    stage.link.say({ type: "send", sendId: 1, data: Buffer.from("pong"), address });
    stage.link.say({ type: "send", sendId: 2, data: Buffer.from("pong!"), address });
    await settle();
    expect(sent).toEqual([
      ["pong", address],
      ["pong!", address],
    ]);
    expect(stage.heard("sent")).toMatchObject([
      { sendId: 1 },
      { sendId: 2, error: { message: "too long", fields: { code: "EMSGSIZE" } } },
    ]);
    expect(stage.heard("sent")[0]?.error).toBe(undefined);
  });

  test("tells the worker where the server listens", async () => {
    const stage = await readyStage();
    stage.worker.listening({ host: "127.0.0.1", port: 5051 });
    expect(stage.heard("listening")).toEqual([{ type: "listening", address: { host: "127.0.0.1", port: 5051 } }]);
  });
});
