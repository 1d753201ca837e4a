import type { Address } from "../address.ts";
import { CloseReason } from "../close-reason.ts";
import { ErrorCode, SocketServerError } from "../errors.ts";
import type { ListenerSide } from "../server/listener-side.ts";
import { Connection } from "../transport/connection.ts";
import type { DatagramSocket } from "../transport/datagram-socket.ts";
import { movableSocket } from "../transport/movable-socket.ts";
import type { Cargo } from "./cargo.ts";
import { errorFromData, errorToData } from "./error-data.ts";
import { Heartbeat } from "./heartbeat.ts";
import type { FromWorker, WorkerBoot } from "./messages.ts";
import { SocketRelay } from "./socket-relay.ts";
import { HandOver, type LinkListener, type WorkerLink } from "./worker-link.ts";
import { WorkerState } from "./worker-view.ts";

/** What a worker may ask of its server. */
export type WorkerOwner = Pick<ListenerSide, "requestError" | "shutdown" | "close">;

/** What a worker is made with. */
export interface WorkerParts {
  readonly id: number;
  readonly link: WorkerLink;
  readonly boot: WorkerBoot;
  readonly owner: WorkerOwner;
  /** How connections reach it, if their stream allows that. */
  readonly handOver: HandOver;
  readonly readyTimeoutMs: number;
  readonly heartbeatTimeoutMs: number;
  /** Something changed because of which it may take requests again, or be done with all of them. */
  readonly changed: () => void;
}

/** How a worker ended. */
export interface WorkerEnd {
  /** Requests that were lost with it. */
  readonly lost: number;
  /** What ended it, unless we wanted that. */
  readonly error?: Error;
  /** Requests that it never saw: they can go to another worker. */
  readonly unseen: readonly Cargo[];
}

/** A request that the worker has. */
interface Held {
  readonly cargo: Cargo;
  /** When it was handed over, on the clock of `performance.now()`. */
  readonly since: number;
  relay: SocketRelay | undefined;
  running: boolean;
}

/** How old a hand-over may be that the worker has not acknowledged, before it gets no further one, in milliseconds. */
const ACKNOWLEDGE_MS = 50;

/** How long after it was killed a worker may take to be gone, in milliseconds. The runtime may be unable to end a thread that ran out of memory. */
const KILL_MS = 2_000;

/** A worker, whatever it is made of, on the listener side. */
export class PoolWorker implements LinkListener {
  readonly id: number;
  /** Resolves when it is gone. Never rejects. */
  readonly gone: Promise<WorkerEnd>;

  readonly #parts: WorkerParts;
  readonly #link: WorkerLink;
  readonly #heartbeat: Heartbeat;
  readonly #startedAt = performance.now();
  readonly #held = new Map<number, Held>();
  /** Of those, the ones that the worker has not acknowledged, oldest first. */
  readonly #unacknowledged = new Set<number>();
  readonly #ready = Promise.withResolvers<void>();
  readonly #exit = Promise.withResolvers<WorkerEnd>();
  #state: WorkerState = WorkerState.starting;
  #exited = false;
  /** Why it ends, if not because we want it. */
  #failure: Error | undefined;
  #killed: NodeJS.Timeout | undefined;
  #stopping: Promise<void> | undefined;
  #onEmpty: (() => void) | undefined;
  #datagrams: DatagramSocket | undefined;
  #active = 0;
  #served = 0;
  #ended = 0;
  #bytesRead = 0;
  #bytesWritten = 0;

  constructor(parts: WorkerParts) {
    this.id = parts.id;
    this.gone = this.#exit.promise;
    this.#parts = parts;
    this.#link = parts.link;
    this.#heartbeat = new Heartbeat(parts.boot.beatMs, parts.heartbeatTimeoutMs);
    this.#ready.promise.catch(() => {
      // Once it was ready, nobody waits for this.
    });
  }

  get state(): WorkerState {
    const held = this.#state === WorkerState.ready && (this.#heartbeat.late || !this.#acknowledges);
    return held ? WorkerState.blocked : this.#state;
  }

  /** Requests whose handler runs. */
  get active(): number {
    return this.#active;
  }

  /** Requests that it was given in all. */
  get served(): number {
    return this.#served;
  }

  /** Requests that ended in it, however they did. */
  get ended(): number {
    return this.#ended;
  }

  /** Whether nothing is left of any request that it was given. */
  get empty(): boolean {
    return this.#held.size === 0;
  }

  get ageMs(): number {
    return performance.now() - this.#startedAt;
  }

  /** What its requests and its heartbeat tell. */
  get figures(): { bytesRead: number; bytesWritten: number; eventLoopDelayMs: number; heapUsed: number } {
    return { bytesRead: this.#bytesRead, bytesWritten: this.#bytesWritten, ...this.#heartbeat.last };
  }

  /** Resolves when it can take requests. Rejects with the reason if it cannot become ready; it is gone then. */
  async start(): Promise<void> {
    const { boot, readyTimeoutMs } = this.#parts;
    this.#link.start(this);
    this.#link.post({ type: "boot", boot });
    const late = (): void => this.kill(notReady(readyTimeoutMs));
    const timer = readyTimeoutMs === Infinity ? undefined : setTimeout(late, readyTimeoutMs);
    try {
      await this.#ready.promise;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Tell it the server's real address. */
  listening(address: Address): void {
    this.#link.post({ type: "listening", address });
  }

  /** Give it a request; false if it is gone and the request is still ours. */
  handOver(cargo: Cargo): boolean {
    if (this.#exited || this.#state !== WorkerState.ready) return false;
    const { request } = cargo;
    const { id } = request;
    const held: Held = { cargo, since: performance.now(), relay: undefined, running: true };
    if (!this.#carry(cargo, held)) {
      // It is gone, or cannot be reached any more; its exit will tell.
      this.#state = WorkerState.stopping;
      this.kill();
      return false;
    }
    request.movedTo({
      drain: () => this.#link.post({ type: "drain", id }),
      cut: (reason) => this.#link.post({ type: "cut", id, reason }),
    });
    this.#held.set(id, held);
    this.#unacknowledged.add(id);
    this.#served++;
    this.#active++;
    return true;
  }

  /** One beat of the listener side's own heart has passed: end the worker if it has been silent for too long. */
  tick(): void {
    const beats = this.#state === WorkerState.ready || this.#state === WorkerState.retiring;
    if (!beats || this.#killed !== undefined) return;
    if (this.#heartbeat.tick()) this.kill(blocked(this.#parts.heartbeatTimeoutMs));
  }

  /**
   * Take no further request, and end when those that run have ended: they are left alone for `graceMs`, then told to drain, and cut another
   * `graceMs` later.
   */
  async retire(graceMs: number, stopMs: number): Promise<void> {
    if (this.#state === WorkerState.ready) this.#state = WorkerState.retiring;
    if (!(await this.#emptyWithin(graceMs))) {
      for (const { cargo } of this.#held.values()) cargo.request.drain();
      if (!(await this.#emptyWithin(graceMs))) {
        for (const { cargo } of this.#held.values()) cargo.request.cut(CloseReason.drain);
        await this.#emptyWithin(stopMs);
      }
    }
    await this.stop(stopMs);
  }

  /** Let it tear down, and end it `limitMs` later at the latest. Idempotent. */
  stop(limitMs: number): Promise<void> {
    this.#stopping ??= this.#stop(limitMs);
    return this.#stopping;
  }

  /** End it at once, for this reason. */
  kill(failure?: Error): void {
    this.#failure ??= failure;
    if (this.#exited) return;
    this.#link.kill();
    this.#killed ??= setTimeout(() => this.exited(notEnded()), KILL_MS);
  }

  async #stop(limitMs: number): Promise<void> {
    this.#state = WorkerState.stopping;
    this.#link.post({ type: "stop" });
    const timer = setTimeout(() => this.kill(), limitMs);
    await this.gone;
    clearTimeout(timer);
  }

  // What its link tells.

  message(message: FromWorker): void {
    // Whoever was given up may still talk.
    if (this.#exited) return;
    switch (message.type) {
      case "ready":
        return this.#becomeReady();
      case "failed":
        return this.kill(asError(errorFromData(message.error)));
      case "crashed":
        return this.crashed(asError(errorFromData(message.error)));
      case "beat":
        this.#heartbeat.beat(message.beat);
        return this.#parts.changed();
      case "taken":
        this.#unacknowledged.delete(message.id);
        this.#link.taken(message.id);
        return this.#parts.changed();
      case "relay":
        return this.#held.get(message.id)?.relay?.receive(message.part);
      case "send":
        return void this.#send(message);
      case "error":
        return this.#parts.owner.requestError(errorFromData(message.error), message.clientAddress);
      case "call":
        return void this.#answer(message);
      case "done":
        return this.#onDone(message.id);
      case "closed":
        return this.#onClosed(message);
      case "gone":
        this.#onGone(message.id);
    }
  }

  crashed(error: Error): void {
    this.#failure ??= error;
  }

  undelivered(): void {
    this.kill(new SocketServerError(ErrorCode.workerLost, "Cannot go on in worker: a socket could not be sent to it"));
  }

  exited(error: Error): void {
    if (this.#exited) return;
    this.#exited = true;
    clearTimeout(this.#killed);
    const wanted = this.#stopping !== undefined && this.#failure === undefined;
    const failure = this.#failure ?? error;
    this.#ready.reject(failure);
    const unseen: Cargo[] = [];
    let lost = 0;
    for (const [id, held] of this.#held) {
      if (this.#unacknowledged.has(id) && isStillHere(held.cargo)) {
        held.relay?.release();
        unseen.push(held.cargo);
      } else {
        lost++;
        held.relay?.reset();
        held.cargo.request.lost(wanted ? CloseReason.drain : CloseReason.workerLost);
      }
    }
    this.#held.clear();
    this.#unacknowledged.clear();
    this.#active = 0;
    this.#onEmpty?.();
    this.#exit.resolve(wanted ? { lost, unseen } : { lost, unseen, error: failure });
  }

  /** Whether the worker has acknowledged what it was given, but for what is under way just now. */
  get #acknowledges(): boolean {
    const [oldest] = this.#unacknowledged;
    const held = oldest === undefined ? undefined : this.#held.get(oldest);
    return held === undefined || performance.now() - held.since < ACKNOWLEDGE_MS;
  }

  /** Send off what crosses of a request. */
  #carry({ request, content, clientAddress }: Cargo, held: Held): boolean {
    const { id, draining } = request;
    if (!(content instanceof Connection)) {
      const { packet, remoteAddress, socket } = content;
      this.#datagrams = socket;
      // A copy: a small packet shares its buffer with others.
      const bytes = new Uint8Array(packet);
      this.#link.post({ type: "datagram", id, clientAddress, draining, remoteAddress, packet: bytes }, [bytes.buffer]);
      return true;
    }
    const socket = this.#parts.handOver === HandOver.relay ? undefined : movableSocket(content.socket);
    const relayed = socket === undefined;
    const { remoteAddress } = content;
    const isPath = "path" in clientAddress || "path" in remoteAddress;
    const localAddress = relayed || isPath ? content.localAddress : undefined;
    const message = { type: "connection", id, clientAddress, draining, relayed, remoteAddress, localAddress } as const;
    if (socket !== undefined) {
      if (!this.#link.move(message, socket)) return false;
      content.detach();
      return true;
    }
    held.relay = new SocketRelay(content.detach(), (part, moves) =>
      this.#link.post({ type: "relay", id, part }, moves),
    );
    this.#link.post(message);
    return true;
  }

  #becomeReady(): void {
    if (this.#state !== WorkerState.starting) return;
    this.#state = WorkerState.ready;
    this.#ready.resolve();
  }

  #onDone(id: number): void {
    const held = this.#held.get(id);
    if (held === undefined) return;
    if (held.running) this.#active--;
    held.running = false;
    held.cargo.request.done();
    this.#parts.changed();
  }

  #onClosed({ id, reason, bytesRead, bytesWritten, idleMs }: Extract<FromWorker, { readonly type: "closed" }>): void {
    this.#bytesRead += bytesRead;
    this.#bytesWritten += bytesWritten;
    const lastActivity = performance.now() - idleMs;
    this.#held.get(id)?.cargo.request.closed(reason, { bytesRead, bytesWritten, lastActivity });
  }

  #onGone(id: number): void {
    const held = this.#held.get(id);
    if (held === undefined) return;
    this.#forget(id, held);
    this.#ended++;
    held.cargo.request.gone();
    if (this.empty) this.#onEmpty?.();
    this.#parts.changed();
  }

  #forget(id: number, held: Held): void {
    if (held.running) this.#active--;
    this.#held.delete(id);
    this.#unacknowledged.delete(id);
  }

  async #send({ sendId, data, address }: Extract<FromWorker, { readonly type: "send" }>): Promise<void> {
    try {
      await this.#datagrams?.sendTo(data, address);
      this.#link.post({ type: "sent", sendId });
    } catch (error) {
      this.#link.post({ type: "sent", sendId, error: errorToData(error) });
    }
  }

  async #answer(call: Extract<FromWorker, { readonly type: "call" }>): Promise<void> {
    const { callId } = call;
    const { owner } = this.#parts;
    try {
      if (call.method === "shutdown") {
        await owner.shutdown(call.callerId);
        this.#link.post({ type: "answer", callId });
      } else {
        this.#link.post({ type: "answer", callId, result: await owner.close(call.graceMs, call.callerId) });
      }
    } catch (error) {
      this.#link.post({ type: "answer", callId, error: errorToData(error) });
    }
  }

  /** Whether it became empty, or was gone, within `ms`. */
  async #emptyWithin(ms: number): Promise<boolean> {
    if (this.empty) return true;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onEmpty = resolve;
    const timer = ms === Infinity ? undefined : setTimeout(resolve, ms);
    await promise;
    clearTimeout(timer);
    this.#onEmpty = undefined;
    return this.empty;
  }
}

/** Whether all of a request that a worker did not acknowledge is on this side: a socket that was transferred is not. */
function isStillHere({ content }: Cargo): boolean {
  return !(content instanceof Connection) || !content.socket.destroyed;
}

function notReady(ms: number): SocketServerError {
  return new SocketServerError(ErrorCode.workerLost, `Cannot start worker: it was not ready after ${ms} ms`);
}

function blocked(ms: number): SocketServerError {
  return new SocketServerError(
    ErrorCode.workerBlocked,
    `Cannot go on in worker: its event loop was blocked for ${ms} ms (heartbeatTimeoutMs)`,
  );
}

function notEnded(): SocketServerError {
  return new SocketServerError(
    ErrorCode.workerLost,
    `Cannot end worker: it was not gone ${KILL_MS} ms after it was killed`,
  );
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
