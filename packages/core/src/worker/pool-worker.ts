import type { Address } from "../address.ts";
import { CloseReason } from "../close-reason.ts";
import { ErrorCode, SocketServerError, codeOf, toError } from "../errors.ts";
import type { ListenerSide } from "../server/listener-side.ts";
import { Connection } from "../transport/connection.ts";
import type { DatagramSocket } from "../transport/datagram-socket.ts";
import { movableSocket } from "../transport/movable-socket.ts";
import { answerCall } from "./answer-call.ts";
import type { Cargo } from "./cargo.ts";
import { errorFromData, errorToData } from "./error-data.ts";
import { Heartbeat } from "./heartbeat.ts";
import { HeldRequests } from "./held-requests.ts";
import type { FromWorker, WorkerBeat, WorkerBoot, WorkerCall } from "./messages.ts";
import { newsIn } from "./request-news.ts";
import { SocketRelay } from "./socket-relay.ts";
import { HandOver } from "./hand-over.ts";
import type { LinkListener, WorkerLink } from "./worker-link.ts";
import { WorkerState, type WorkerView } from "./worker-view.ts";

/** What a worker may ask of its server. */
export type WorkerOwner = Pick<ListenerSide, "requestError" | "shutdown" | "close" | "changeAdmission" | "deny">;

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
  /** How many file descriptors are left to its handlers, if it has a table of its own. */
  readonly reservedDescriptors: number;
  /** A request never arrived: it can go to another worker. */
  readonly missed: (cargo: Cargo) => void;
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

/** What a process needs beside the sockets that are sent to it: a file that a handler opens, a module that is loaded. */
const MIN_FREE_DESCRIPTORS = 8;

/** How long a worker may take to end by itself after an error that nobody caught, in milliseconds. */
const CRASH_MS = 500;

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
  readonly #requests = new HeldRequests();
  readonly #ready = Promise.withResolvers<void>();
  readonly #exit = Promise.withResolvers<WorkerEnd>();
  #state: WorkerState = WorkerState.starting;
  /** How many requests it had when it last told of itself. */
  #heldAtBeat = 0;
  #wasReady = false;
  #exited = false;
  /** Why it ends, if not because we want it. */
  #failure: Error | undefined;
  #crashed: NodeJS.Timeout | undefined;
  #killed: NodeJS.Timeout | undefined;
  #stopping: Promise<void> | undefined;
  #datagrams: DatagramSocket | undefined;

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
    const silent = this.#heartbeat.late || !this.#requests.acknowledged || this.#isFull;
    return silent && this.#state === WorkerState.ready ? WorkerState.blocked : this.#state;
  }

  /** Requests whose handler runs. */
  get active(): number {
    return this.#requests.active;
  }

  /** Requests that it was given in all. */
  get served(): number {
    return this.#requests.served;
  }

  /** Requests that ended in it, however they did. */
  get ended(): number {
    return this.#requests.ended;
  }

  /** Whether nothing is left of any request that it was given. */
  get empty(): boolean {
    return this.#requests.empty;
  }

  get ageMs(): number {
    return performance.now() - this.#startedAt;
  }

  /** What its requests and its heartbeat tell. */
  get figures(): Pick<WorkerView, "bytesRead" | "bytesWritten" | keyof WorkerBeat> {
    const { bytesRead, bytesWritten } = this.#requests;
    return { bytesRead, bytesWritten, ...this.#heartbeat.last };
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

  /** Tell it that this side was held up for so long, if that held up anything there: sockets of its own went on. */
  heldUp(ms: number): void {
    if (this.#requests.passThrough) this.#link.post({ type: "heldUp", ms });
  }

  /** Tell it that the server is about to close. */
  leaving(): void {
    this.#link.post({ type: "leaving" });
  }

  /** Give it a request; false if it is gone and the request is still ours. */
  handOver(cargo: Cargo): boolean {
    if (this.#exited || this.#state !== WorkerState.ready) return false;
    const relay = this.#carry(cargo);
    if (relay === false) {
      // It is gone, or cannot be reached any more; its exit will tell.
      this.kill();
      return false;
    }
    const { request } = cargo;
    const { id } = request;
    request.movedTo({
      drain: () => this.#link.post({ type: "drain", id }),
      cut: (reason) => this.#link.post({ type: "cut", id, reason }),
    });
    this.#requests.add(cargo, relay);
    return true;
  }

  /** One beat of the listener side's own heart has passed: end the worker if it has been silent for too long. */
  tick(): void {
    // A socket can be lost on its way, where no descriptor is left.
    for (const id of this.#requests.toAskFor()) this.#link.post({ type: "ask", id });
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
    if (!(await this.#requests.emptyWithin(graceMs))) {
      this.#requests.drain();
      if (!(await this.#requests.emptyWithin(graceMs))) {
        this.#requests.cut();
        await this.#requests.emptyWithin(stopMs);
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
    this.#state = WorkerState.stopping;
    this.#link.kill();
    this.#killed ??= setTimeout(() => this.exited(notEnded()), KILL_MS);
  }

  async #stop(limitMs: number): Promise<void> {
    this.#state = WorkerState.stopping;
    this.#link.post({ type: "stop" });
    const timer = setTimeout(() => {
      this.kill();
      // Whoever stops it waits for no corpse: nothing of it runs any more, or can be of use.
      this.exited(stopped());
    }, limitMs);
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
        return this.kill(toError(errorFromData(message.error)));
      case "crashed":
        return this.crashed(toError(errorFromData(message.error)));
      case "beat":
        this.#heartbeat.beat(message.beat);
        this.#heldAtBeat = this.#requests.size;
        return this.#parts.changed();
      case "news":
        for (const news of newsIn(message.news)) this.message(news);
        return;
      case "taken":
        this.#requests.taken(message.id);
        this.#link.taken(message.id);
        return this.#parts.changed();
      case "asked":
        return this.#missed(message.id);
      case "relay":
        return this.#requests.relayOf(message.id)?.receive(message.part);
      case "send":
        return void this.#send(message);
      case "error":
        return this.#parts.owner.requestError(errorFromData(message.error), message.clientAddress);
      case "call":
        return void this.#answer(message);
      case "done":
        this.#requests.done(message.id);
        return this.#parts.changed();
      case "overdue":
        this.#requests.pastDeadline(message.id);
        return this.#parts.changed();
      case "closed":
        return this.#requests.closed(message);
      case "gone":
        this.#requests.gone(message.id);
        this.#parts.changed();
    }
  }

  crashed(error: Error): void {
    this.#state = WorkerState.stopping;
    this.#failure ??= error;
    // It ends by itself, unless something in it keeps it from that.
    this.#crashed ??= setTimeout(() => this.kill(), CRASH_MS);
  }

  undelivered(): void {
    this.kill(new SocketServerError(ErrorCode.workerLost, "Cannot go on in worker: a socket could not be sent to it"));
  }

  exited(error: Error): void {
    if (this.#exited) return;
    this.#exited = true;
    this.#state = WorkerState.stopping;
    clearTimeout(this.#crashed);
    clearTimeout(this.#killed);
    const wanted = this.#stopping !== undefined && this.#failure === undefined;
    const failure = this.#failure ?? (this.#endedItself(error) ? neverReady(error) : error);
    this.#ready.reject(failure);
    const requests = this.#requests.lose(wanted ? CloseReason.drain : CloseReason.workerLost);
    this.#exit.resolve(wanted ? requests : { ...requests, error: failure });
  }

  /** Whether it ended before it was ready, and nobody knows why. */
  #endedItself(error: Error): boolean {
    return !this.#wasReady && this.#stopping === undefined && codeOf(error) === ErrorCode.workerLost;
  }

  /** Send off what crosses of a request: the relay of what stays here, if anything does; false if the worker cannot be reached. */
  #carry({ request, content, clientAddress }: Cargo): SocketRelay | undefined | false {
    const { id, draining } = request;
    if (!(content instanceof Connection)) {
      const { packet, remoteAddress, socket } = content;
      this.#datagrams = socket;
      // A copy: a small packet shares its buffer with others.
      const bytes = new Uint8Array(packet);
      this.#link.post({ type: "datagram", id, clientAddress, draining, remoteAddress, packet: bytes }, [bytes.buffer]);
      return undefined;
    }
    const mayMove = this.#parts.handOver !== HandOver.relay && this.#link.canMove();
    const socket = mayMove ? movableSocket(content.socket) : undefined;
    const relayed = socket === undefined;
    const { remoteAddress } = content;
    const isPath = "path" in clientAddress || "path" in remoteAddress;
    const localAddress = relayed || isPath ? content.localAddress : undefined;
    const message = { type: "connection", id, clientAddress, draining, relayed, remoteAddress, localAddress } as const;
    if (socket !== undefined) {
      if (!this.#link.move(message, socket)) return false;
      content.detach();
      return undefined;
    }
    // First of all: a message that cannot be posted must leave the request as it was.
    this.#link.post(message);
    return new SocketRelay(content.detach(), (part, moves) => {
      this.#link.post({ type: "relay", id, part }, moves);
    });
  }

  /** Whether a socket that is sent there may not arrive. */
  get #isFull(): boolean {
    const { handOver, reservedDescriptors } = this.#parts;
    if (handOver !== HandOver.send) return false;
    // What it was given since then has taken one each, and what is gone has given one back.
    const free = this.#heartbeat.last.freeDescriptors - (this.#requests.size - this.#heldAtBeat);
    return free <= Math.max(reservedDescriptors, MIN_FREE_DESCRIPTORS);
  }

  #missed(id: number): void {
    const { size } = this.#requests;
    const cargo = this.#requests.missed(id);
    // What was lost there for want of a descriptor has given none back.
    this.#heldAtBeat -= size - this.#requests.size;
    // The stream is this side's again, and not the link's.
    this.#link.forget(id);
    if (cargo !== undefined) this.#parts.missed(cargo);
    this.#parts.changed();
  }

  #becomeReady(): void {
    if (this.#state !== WorkerState.starting) return;
    this.#state = WorkerState.ready;
    this.#wasReady = true;
    this.#ready.resolve();
  }

  async #send({ sendId, data, address }: Extract<FromWorker, { readonly type: "send" }>): Promise<void> {
    try {
      await this.#datagrams?.sendTo(data, address);
      this.#link.post({ type: "sent", sendId });
    } catch (error) {
      this.#link.post({ type: "sent", sendId, error: errorToData(error) });
    }
  }

  async #answer(call: WorkerCall): Promise<void> {
    const answer = await answerCall(call, this.#parts.owner);
    try {
      this.#link.post(answer);
    } catch (error) {
      // A report tells of addresses, which `getRequest()` may have made.
      this.#link.post({ type: "answer", callId: call.callId, error: errorToData(error) });
    }
  }
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

function neverReady(cause: Error): SocketServerError {
  return new SocketServerError(
    ErrorCode.workerLost,
    "Cannot start worker: it ended before it was ready; a module that ends or starts the program when it is imported needs `if (import.meta.main) { ... }` around those lines",
    { cause },
  );
}

function stopped(): SocketServerError {
  return new SocketServerError(ErrorCode.workerLost, "Cannot start worker: it was stopped before it was ready");
}

function notEnded(): SocketServerError {
  return new SocketServerError(
    ErrorCode.workerLost,
    `Cannot end worker: it was not gone ${KILL_MS} ms after it was killed`,
  );
}
