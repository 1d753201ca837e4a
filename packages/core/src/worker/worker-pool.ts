/**
 * Choosing and keeping workers.
 *
 * A pool starts its workers together and stops them in reverse. It never looks inside a request: it counts what it handed over and what came
 * back, and that difference is the only truth about how busy a worker is. A worker that is lost is replaced, with growing pauses, and takes the
 * requests with it that it had seen; those that it had not go to another one.
 *
 * @module
 */

import type { Address } from "../address.ts";
import { CloseReason } from "../close-reason.ts";
import { ErrorCode, SocketServerError, codeOf, rangeError, show } from "../errors.ts";
import type { WorkerExitInfo, WorkerInfo } from "../events.ts";
import { Connection } from "../transport/connection.ts";
import { rejected } from "../transport/failure.ts";
import { resetStream } from "../transport/reset-stream.ts";
import type { Cargo } from "./cargo.ts";
import type { RecyclingSettings } from "./lifespan.ts";
import type { PoolMember } from "./pool-member.ts";
import type { PoolWorker, WorkerEnd, WorkerParts } from "./pool-worker.ts";
import { WorkerSlot, type SlotHost } from "./worker-slot.ts";
import { WorkerState, type WorkerView } from "./worker-view.ts";

/** What a worker tells its pool. */
export type WorkerCalls = Pick<WorkerParts, "changed" | "missed">;

/** A worker that has room. */
export type Candidate = Pick<PoolMember, "id" | "active" | "view">;

/** What a pool asks and tells its server. */
export interface PoolOwner {
  /** Make a worker. */
  newWorker(id: number, calls: WorkerCalls): PoolWorker;
  /** Choose one of these; the answer counts by its id. */
  choose(candidates: readonly Candidate[]): Pick<WorkerView, "id"> | undefined;
  ready(info: WorkerInfo): void;
  exited(info: WorkerExitInfo): void;
  /** A request that a worker had not seen could not be given to another one. */
  failed(error: unknown): void;
  /** No worker is left, and none can be started. */
  gaveUp(error: Error): void;
}

/** How many workers there are, and for how long. */
export interface PoolSettings extends RecyclingSettings {
  readonly size: number;
  readonly requestsPerWorker: number;
  readonly startAttempts: number;
  /** How often workers beat, in milliseconds. */
  readonly beatMs: number;
  /** How long a worker that is replaced may go on with its requests before it is told to end, and then again before they are cut. */
  readonly graceMs: number;
  /** How long a worker may take to tear down. */
  readonly stopMs: number;
}

const SHORTAGES: ReadonlySet<string | undefined> = new Set(["EMFILE", "ENFILE", "EAGAIN", "ERR_WORKER_INIT_FAILED"]);

/** A tick that is so late tells of a stall. In milliseconds. */
const HELD_UP_MS = 250;

/** A fixed number of workers. */
export class WorkerPool implements SlotHost {
  readonly #settings: PoolSettings;
  readonly #owner: PoolOwner;
  readonly #slots: readonly WorkerSlot[];
  /** Every worker that is not gone, oldest first; retiring ones, too. */
  readonly #members = new Set<PoolMember>();
  /** Handlers that run at once in one worker. */
  readonly #capacity: number;
  #address: Address | undefined;
  #leaving = false;
  #nextId = 1;
  #stopped = false;
  #ticking: NodeJS.Timeout | undefined;
  #tickedAt = 0;
  #waiting: (() => void)[] = [];
  #failedStarts = 0;
  /** Whether the last replacement could not start, whatever the reason. */
  #startsFail = false;
  /** The places whose worker is being replaced, until that is gone. */
  readonly #retiring = new Set<WorkerSlot>();

  constructor(settings: PoolSettings, owner: PoolOwner) {
    this.#settings = settings;
    this.#owner = owner;
    this.#capacity = Math.min(settings.requestsPerWorker, settings.recycleAfterRequests);
    this.#slots = Array.from({ length: settings.size }, () => new WorkerSlot(this, settings));
  }

  /** The workers, as they are now. */
  get workers(): readonly WorkerView[] {
    return [...this.#members].map(({ view }) => view);
  }

  /** Start all workers. Rejects with the first one's reason if one cannot become ready; none is left then. */
  async start(): Promise<void> {
    this.#tickedAt = performance.now();
    this.#ticking = setInterval(() => this.#tick(), this.#settings.beatMs);
    const starts = this.#slots.map((slot) => slot.fill());
    try {
      await Promise.all(starts);
    } catch (error) {
      // First stop the others: one of them may hang.
      await this.stop(0);
      await Promise.allSettled(starts);
      throw error;
    }
  }

  /** Tell the server's real address to every worker, also to later ones. */
  listening(address: Address): void {
    this.#address = address;
    for (const { worker } of this.#members) worker.listening(address);
  }

  /** Tell every worker, also later ones, that the server is about to close. */
  leaving(): void {
    this.#leaving = true;
    for (const { worker } of this.#members) worker.leaving();
  }

  /**
   * Give a request to a worker, waiting while there is none with room; false if the pool was stopped or the request destroyed first, which is still
   * ours then. At once if there is room.
   *
   * @throws `RangeError` `ERR_SOCKETSERVER_INVALID_ARGUMENT` if `chooseWorker` answers none of the candidates.
   */
  handOver(cargo: Cargo): boolean | Promise<boolean> {
    try {
      return this.#handOverNow(cargo) ?? this.#handOverLater(cargo);
    } catch (error) {
      return rejected(error);
    }
  }

  /** End all workers, the youngest first, each within `limitMs`. */
  async stop(limitMs: number): Promise<void> {
    this.#giveUpReplacing();
    clearInterval(this.#ticking);
    const members = [...this.#members].toReversed();
    await Promise.all(members.map(({ worker }) => worker.stop(limitMs)));
  }

  // What its slots ask and tell.

  newWorker(): PoolWorker {
    return this.#owner.newWorker(this.#nextId++, {
      changed: () => this.#changed(),
      missed: (cargo) => void this.#handOverAgain(cargo),
    });
  }

  added(member: PoolMember): void {
    this.#members.add(member);
    void member.worker.gone.then(() => this.#members.delete(member));
  }

  ready({ worker }: PoolMember): boolean {
    if (this.#stopped) return false;
    this.#failedStarts = 0;
    this.#startsFail = false;
    if (this.#address !== undefined) worker.listening(this.#address);
    if (this.#leaving) worker.leaving();
    this.#owner.ready({ id: worker.id });
    this.#changed();
    return true;
  }

  exited(member: PoolMember, { lost, error, unseen }: WorkerEnd): void {
    const { id } = member.worker;
    this.#members.delete(member);
    this.#owner.exited(error === undefined ? { id, lost } : { id, lost, error });
    for (const cargo of unseen) void this.#handOverAgain(cargo);
    this.#changed();
  }

  startFailed(member: PoolMember, error: Error): boolean {
    this.#members.delete(member);
    if (this.#stopped) return false;
    this.#owner.exited({ id: member.worker.id, lost: 0, error });
    this.#startsFail = true;
    this.#changed();
    // The machine is short of something for now: that says nothing of the worker.
    if (isShortage(error)) return true;
    this.#failedStarts++;
    const { startAttempts } = this.#settings;
    if (this.#failedStarts < startAttempts || [...this.#members].some((one) => this.#isOfUse(one))) return true;
    this.#giveUpReplacing();
    this.#owner.gaveUp(
      new SocketServerError(
        ErrorCode.workersFailed,
        `Cannot go on: no worker is left, and ${this.#failedStarts} replacements in a row could not start (startAttempts)`,
        { cause: error },
      ),
    );
    return false;
  }

  /** Whether a worker can be given a request. */
  #hasRoom(member: PoolMember): boolean {
    const { worker } = member;
    return worker.state === WorkerState.ready && worker.active < this.#capacity && !this.#isDone(member);
  }

  /**
   * Whether a worker serves one request at a time, and has been given its last. One that is merely due goes on while replacements cannot start; one
   * that is there for a single request does not, once it has had that.
   */
  #isDone({ due, worker: { served } }: PoolMember): boolean {
    if (this.#capacity > 1 || !due) return false;
    return !this.#startsFail || (this.#settings.recycleAfterRequests === 1 && served > 0);
  }

  /** Whether a worker serves, or will again. */
  #isOfUse(member: PoolMember): boolean {
    const { worker } = member;
    return worker.state !== WorkerState.starting && !(worker.empty && this.#isDone(member));
  }

  #choose(candidates: readonly PoolMember[]): PoolWorker {
    const answer = this.#owner.choose(candidates);
    const chosen = candidates.find(({ worker }) => worker.id === answer?.id);
    if (chosen !== undefined) return chosen.worker;
    throw rangeError(
      ErrorCode.invalidArgument,
      `Cannot hand over request: chooseWorker() must answer one of its candidates, received ${show(answer)}`,
    );
  }

  /** Give a request to a worker; false as above, undefined if there is none with room. */
  #handOverNow(cargo: Cargo): boolean | undefined {
    while (!this.#stopped && !cargo.content.destroyed) {
      const candidates = [...this.#members].filter((member) => this.#hasRoom(member));
      if (candidates.length === 0) return undefined;
      // One that died a moment ago takes nothing, and is no candidate any more.
      if (this.#choose(candidates).handOver(cargo)) return true;
    }
    return false;
  }

  async #handOverLater(cargo: Cargo): Promise<boolean> {
    for (;;) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
      const moved = this.#handOverNow(cargo);
      if (moved !== undefined) return moved;
    }
  }

  async #handOverAgain(cargo: Cargo): Promise<void> {
    const { content, request } = cargo;
    const close = (reason: CloseReason): void => {
      if (content instanceof Connection) resetStream(content.socket);
      else content.cut(reason);
      request.lost(reason);
    };
    // While it waits it is reached here, and no more through the worker that is gone.
    request.movedTo({ drain: () => {}, cut: close });
    try {
      if (!(await this.handOver(cargo))) close(CloseReason.drain);
    } catch (error) {
      this.#owner.failed(error);
      close(CloseReason.workerLost);
    }
  }

  #giveUpReplacing(): void {
    this.#stopped = true;
    for (const slot of this.#slots) slot.stop();
    this.#changed();
  }

  #tick(): void {
    this.#tellHeldUp();
    for (const { worker } of this.#members) worker.tick();
    this.#recycle();
  }

  /** Time-outs of what is relayed must not count the time in which nothing was relayed. First of all: before what came meanwhile. */
  #tellHeldUp(): void {
    const now = performance.now();
    const lateMs = now - this.#tickedAt - this.#settings.beatMs;
    this.#tickedAt = now;
    if (lateMs < HELD_UP_MS) return;
    for (const { worker } of this.#members) worker.heldUp(lateMs);
  }

  /** Those who wait may look again; perhaps a worker is free to be replaced. */
  #changed(): void {
    if (this.#waiting.length > 0) {
      const waiting = this.#waiting;
      this.#waiting = [];
      for (const resolve of waiting) resolve();
    }
    if (this.#capacity === 1) this.#recycle();
  }

  /**
   * Replace a worker that is due, one at a time: first one that has nothing to do. One that serves one request at a time is left alone until that
   * has ended, and may take its time to send what is left of an answer: a slow reader holds up one place, so the others do not wait for it.
   */
  #recycle(): void {
    const alone = this.#capacity === 1;
    if (this.#stopped || (!alone && this.#retiring.size > 0)) return;
    const due = this.#slots.filter((slot) => !this.#retiring.has(slot) && isDue(slot));
    const idle = due.filter(({ current }) => current?.worker.active === 0);
    for (const slot of alone ? idle : [...idle, ...due].slice(0, 1)) void this.#retire(slot, alone);
  }

  async #retire(slot: WorkerSlot, alone: boolean): Promise<void> {
    this.#retiring.add(slot);
    await slot.retire(alone ? Infinity : this.#settings.graceMs, this.#settings.stopMs);
    this.#retiring.delete(slot);
    this.#recycle();
  }
}

/** Whether the worker of a place serves, and has done so for long enough. */
function isDue({ current }: WorkerSlot): boolean {
  return current?.worker.state === WorkerState.ready && current.due;
}

/** Whether an error says that this process may not open or start anything more for now. */
function isShortage(error: Error): boolean {
  return SHORTAGES.has(codeOf(error)) || (error.cause instanceof Error && isShortage(error.cause));
}
