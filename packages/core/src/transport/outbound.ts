/**
 * The writing half of a connection: what still has to leave, and who waits for that.
 *
 * The transport is given little at a time; the rest waits here. So progress can be seen even inside one large write, and a peer that takes nothing
 * for `writeStallMs` can be told from one that is merely slow.
 *
 * @module
 */

// Imported, where the global is a getter: one is asked for with each write.
import { Buffer } from "node:buffer";
import type { Duplex } from "node:stream";

import { ErrorCode, SocketServerError } from "../errors.ts";
import { afterArrivals } from "./after-arrivals.ts";
import { DataRate } from "./data-rate.ts";
import { errorOf, type Failure } from "./failure.ts";
import { LoopTimer } from "./loop-timer.ts";
import { isPlainSocket } from "./plain-socket.ts";
import { sendQueueOf, showsSendQueue } from "./send-queue.ts";

const NOTHING = Buffer.alloc(0);

interface Waiter {
  resolve(): void;
  reject(error: Error): void;
}

/** Bytes that a slow peer has to take within `writeStallMs`, at most. */
const MAX_IN_FLIGHT = 65_536;

/** How often within `writeStallMs` the kernel's queue is looked at: a stall is noticed after 1.25 times the limit then. */
const LOOKS_PER_STALL = 4;

/** Bytes that may be in a queue of the kernel that shows nothing, such as that of a Unix socket. */
const INVISIBLE = 1_048_576;

/** Bytes that are worth a write of their own: more is not collected, and not copied together. */
export const MAX_COLLECTED = 16_384;

/** Writes to a Duplex with bounds. */
export class Outbound {
  /** Called when something has left, if anybody wants to know how much is kept. */
  onLeft: (() => void) | undefined;

  readonly #stream: Duplex;
  readonly #plain: boolean;
  readonly #highWaterMark: number;
  /** How much the transport holds at once: what it joins into one write shows no progress before its end. */
  readonly #inFlight: number;
  readonly #writeStallMs: number;
  /** The peer takes nothing, or too little. */
  readonly #onSlow: () => void;
  /** Made when it is first needed, which for small answers it never is. */
  #stall: LoopTimer<Outbound> | undefined;
  #leftListener: ((error?: Error | null) => void) | undefined;
  #rateLimit: { readonly bytesPerSecond: number; readonly graceMs: number } | undefined;
  #rate: DataRate | undefined;
  /** What the transport has not been given yet, in order. */
  #backlog: Buffer[] = [];
  #backlogLength = 0;
  /** Bytes given to the transport. */
  #handed = 0;
  /** What was written soon: it leaves in one write. */
  #collected: Buffer[] = [];
  #collectedLength = 0;
  #flushScheduled = false;
  #waiters: Waiter[] = [];
  #ending = false;
  #failure: Failure | undefined;
  /** Whether the peer has to take something. */
  #watching = false;
  /** Whether the kernel shows what the peer has not taken; else what the transport has taken has to do. */
  #known: boolean | undefined;
  /** What had been delivered when it was looked at last, and how often in a row that was no more than before. */
  #lastLook: number | undefined;
  #looksWithoutProgress = 0;
  #deliveredAtMeasure = 0;

  /** @param minInFlight - Bytes that the transport is given at once however low the mark is. */
  constructor(stream: Duplex, highWaterMark: number, writeStallMs: number, onSlow: () => void, minInFlight = 1) {
    this.#stream = stream;
    this.#plain = isPlainSocket(stream);
    // With 0 and 1 nothing may be pending.
    this.#highWaterMark = Math.max(highWaterMark, 1);
    this.#inFlight = Math.min(Math.max(highWaterMark, minInFlight), MAX_IN_FLIGHT);
    this.#writeStallMs = writeStallMs;
    this.#onSlow = onSlow;
  }

  /** From now on, the peer has to take so much of what is pending. */
  requireRate(bytesPerSecond: number, graceMs: number): void {
    this.#rateLimit = { bytesPerSecond, graceMs };
  }

  /** Bytes given to the transport so far. */
  get bytesWritten(): number {
    return this.#handed;
  }

  /** Bytes that have not left this process. */
  get pending(): number {
    return this.#collectedLength + this.#backlogLength + this.#stream.writableLength;
  }

  /** Whether something waits to leave together with what is written next. */
  get collecting(): boolean {
    return this.#collectedLength > 0;
  }

  /** Whether this side has ended, or will when everything has left. */
  get ending(): boolean {
    return this.#ending;
  }

  /** Queue data without waiting; whether less than the high-water mark is pending. */
  write(data: Uint8Array): boolean {
    this.#checkOpen();
    this.#flush();
    this.#put(asBuffer(data));
    return this.pending < this.#highWaterMark;
  }

  /** The same for data that may leave together with what is written next: on the next tick at the latest. */
  writeSoon(data: Uint8Array): boolean {
    if (data.length >= MAX_COLLECTED) return this.write(data);
    this.#checkOpen();
    if (data.length > 0) {
      this.#collected.push(asBuffer(data));
      this.#collectedLength += data.length;
      if (this.#collectedLength >= MAX_COLLECTED) this.#flush();
      else this.#scheduleFlush();
    }
    return this.pending < this.#highWaterMark;
  }

  /** Wait until less than the high-water mark is pending. */
  ready(): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(errorOf(this.#failure));
    if (this.pending < this.#highWaterMark) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject });
    });
  }

  /** End this side after everything that is pending. */
  end(): void {
    // What was given up is reset: an end of ours would look like that of an answer.
    if (this.#ending || this.#failure !== undefined) return;
    this.#flush();
    this.#ending = true;
    this.#endWhenHanded();
  }

  /** Nothing will leave any more: writes and waiting writers reject. */
  fail(failure: Failure): void {
    if (this.#failure !== undefined) return;
    this.#failure = failure;
    this.#forgetCollected();
    this.#backlog = [];
    this.#backlogLength = 0;
    this.#stall?.dispose();
    this.#rate?.dispose();
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) waiter.reject(errorOf(failure));
  }

  #checkOpen(): void {
    if (this.#failure !== undefined) throw errorOf(this.#failure);
    if (this.#ending) {
      throw new SocketServerError(ErrorCode.writeAfterEnd, "Cannot write: this side of the connection has ended");
    }
  }

  #scheduleFlush(): void {
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    process.nextTick(() => {
      this.#flushScheduled = false;
      this.#flush();
      // Whoever waits since then, or counts what is kept, is told here: what the kernel takes at once calls nobody back.
      this.#tellOfRoom();
    });
  }

  #flush(): void {
    if (this.#collectedLength === 0) return;
    const [first] = this.#collected;
    const bytes = this.#collected.length === 1 && first !== undefined ? first : Buffer.concat(this.#collected);
    this.#forgetCollected();
    this.#put(bytes);
  }

  #forgetCollected(): void {
    this.#collected = [];
    this.#collectedLength = 0;
  }

  #put(bytes: Buffer): void {
    if (bytes.length === 0) return;
    if (this.#backlogLength === 0 && bytes.length <= this.#inFlight && this.#stream.writableLength < this.#inFlight) {
      this.#hand(bytes);
    } else {
      this.#backlog.push(bytes);
      this.#backlogLength += bytes.length;
      this.#pump();
    }
    if (this.#stream.writableLength > 0) this.#watch();
  }

  /** A write of ours has left. The stream's own `drain` event knows only the stream's own mark. */
  #left(): void {
    if (this.#failure !== undefined) return;
    this.#progress();
    if (this.#backlogLength > 0) this.#pump();
    this.#tellOfRoom();
    if (this.#ending) this.#endWhenHanded();
  }

  #tellOfRoom(): void {
    this.onLeft?.();
    if (this.#waiters.length > 0 && this.pending < this.#highWaterMark) this.#release();
  }

  #endWhenHanded(): void {
    if (this.#backlogLength === 0 && !this.#stream.writableEnded) this.#stream.end();
  }

  #release(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) waiter.resolve();
  }

  /** Give the transport slices until it holds the high-water mark. */
  #pump(): void {
    let index = 0;
    while (index < this.#backlog.length && this.#stream.writableLength < this.#inFlight) {
      const bytes = this.#backlog[index] as Buffer;
      const slice = bytes.subarray(0, this.#inFlight);
      this.#backlogLength -= slice.length;
      if (slice.length === bytes.length) index++;
      else this.#backlog[index] = bytes.subarray(slice.length);
      this.#hand(slice);
    }
    if (index > 0) this.#backlog.splice(0, index);
  }

  /** Made when it is first needed, which for small answers it never is. */
  get #whenLeft(): (error?: Error | null) => void {
    // What failed has not left: its error is told by the stream, and fails those who wait.
    this.#leftListener ??= (error) => {
      if (error === undefined || error === null) this.#left();
    };
    return this.#leftListener;
  }

  #hand(bytes: Buffer): void {
    this.#handed += bytes.length;
    const stream = this.#stream;
    if (!this.#plain || bytes.length >= MAX_COLLECTED || stream.writableLength > 0) {
      stream.write(bytes, this.#whenLeft);
      return;
    }
    // The kernel has taken most small writes when this returns, and to be called back costs a tick: so only for what it has not taken.
    stream.write(bytes);
    if (stream.writableLength > 0) stream.write(NOTHING, this.#whenLeft);
  }

  /** The peer has to take something from now on. */
  #watch(): void {
    if (this.#watching) return;
    this.#watching = true;
    this.#stall ??= new LoopTimer<Outbound>(Outbound.#onQuiet, Outbound.#confirm, this);
    this.#startLooking();
    if (this.#rateLimit !== undefined) this.#rate ??= this.#newRate(this.#rateLimit);
    this.#rate?.wait();
  }

  #newRate(limit: { readonly bytesPerSecond: number; readonly graceMs: number }): DataRate {
    // What the transport holds leaves in one go, as far as can be seen.
    const slack = this.#visible ? this.#inFlight : INVISIBLE;
    const confirm = (callback: () => void): void => afterArrivals(this.#stream, callback);
    return new DataRate({ ...limit, slack }, this.#onSlow, confirm, () => {
      const delivered = this.#delivered();
      const since = delivered - this.#deliveredAtMeasure;
      this.#deliveredAtMeasure = delivered;
      return since;
    });
  }

  /** The transport has taken something. */
  #progress(): void {
    if (!this.#watching) return;
    if (this.pending > 0) {
      this.#startLooking();
      return;
    }
    this.#watching = false;
    this.#stall?.stop();
    // Not anew: or a peer would take each piece just in time.
    this.#rate?.rest();
  }

  #startLooking(): void {
    this.#looksWithoutProgress = 0;
    this.#lastLook = this.#visible ? undefined : this.#delivered();
    this.#stall?.start(this.#visible ? this.#writeStallMs / LOOKS_PER_STALL : this.#writeStallMs);
  }

  /** Nothing has been seen to leave for a while. */
  #look(): void {
    const delivered = this.#delivered();
    const progress = this.#lastLook === undefined || delivered > this.#lastLook;
    this.#looksWithoutProgress = progress ? 0 : this.#looksWithoutProgress + 1;
    this.#lastLook = delivered;
    if (this.#looksWithoutProgress < (this.#visible ? LOOKS_PER_STALL : 1)) {
      this.#stall?.start(this.#visible ? this.#writeStallMs / LOOKS_PER_STALL : this.#writeStallMs);
    } else {
      this.#onSlow();
    }
  }

  static readonly #onQuiet = (outbound: Outbound): void => outbound.#look();

  static readonly #confirm = (callback: () => void, outbound: Outbound): void =>
    afterArrivals(outbound.#stream, callback);

  /** Asked when it is first needed, which for small answers it never is. */
  get #visible(): boolean {
    this.#known ??= showsSendQueue(this.#stream);
    return this.#known;
  }

  /** Bytes that are on the peer's side, as far as can be seen. */
  #delivered(): number {
    return this.#handed - this.#stream.writableLength - (this.#visible ? (sendQueueOf(this.#stream) ?? 0) : 0);
  }
}

function asBuffer(data: Uint8Array): Buffer {
  return Buffer.isBuffer(data) ? data : Buffer.from(data.buffer, data.byteOffset, data.byteLength);
}
