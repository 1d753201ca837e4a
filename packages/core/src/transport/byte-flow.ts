/**
 * The reading half of a connection: what has come, and who waits for more.
 *
 * Reads are pulled. The source flows while a read waits, or while less than the high-water mark is buffered, and is paused otherwise.
 * A read that asks for more than the high-water mark lifts the bound for itself, because its caller chose it. One reader at a time: a
 * stream has one next byte.
 *
 * Draining ends reads only at a boundary: nothing buffered, and nothing consumed since our last write. There, no request is under way. Who
 * knows better, because it sees where messages end, says so.
 *
 * @module
 */

import { ErrorCode, PeerError, SocketServerError } from "../errors.ts";
import { afterArrivals } from "./after-arrivals.ts";
import { ByteQueue } from "./byte-queue.ts";
import { DataRate, MIN_WINDOW_MS } from "./data-rate.ts";
import { errorOf, rejected, type Failure } from "./failure.ts";
import { LoopTimer } from "./loop-timer.ts";

const MS_PER_SECOND = 1_000;

/** A kind of read: what it makes of what has come. Made once for all connections, and called with what the one read is about. */
export interface Read<Flow extends ByteFlow, Detail> {
  /** Take the result if enough has come; undefined to wait for more. Throws if what has come is wrong. */
  enough(flow: Flow, detail: Detail): Buffer | undefined;
  /** Take the result although nothing more will come, or throw. */
  rest(flow: Flow, detail: Detail): Buffer;
}

/** A read that waits. */
interface Waiting {
  readonly read: Read<never, never>;
  readonly detail: unknown;
  resolve(bytes: Buffer): void;
  reject(error: unknown): void;
}

/** What bytes come from. */
export interface ByteSource {
  /** Begin, or go on, to call {@link ByteFlow.receive}. */
  resume(): void;
  /** Stop until `resume()`; a chunk that is under way may still come. */
  pause(): void;
  /**
   * Call back when what waits for this source by now has been received, if it flows.
   * @defaultValue two turns of the event loop later
   */
  afterArrivals?(callback: () => void): void;
}

/** Receives from a {@link ByteSource}, for one reader at a time. */
export class ByteFlow {
  /** How long a read waits for the peer, in milliseconds. */
  idleTimeoutMs: number;
  /** Whether a read at a boundary answers end-of-stream once draining began. */
  endOnDrain = true;
  /** Called when something was taken, if anybody wants to know how much is kept. */
  onTaken: (() => void) | undefined;
  /** Called when something came, or the end did, if anybody wants to know. */
  onReceived: (() => void) | undefined;
  /** When something came last, on the clock of `performance.now()`. */
  lastReceived = performance.now();

  readonly #source: ByteSource;
  /** What has come and was not taken. */
  protected readonly queue = new ByteQueue();
  readonly #idle: LoopTimer<ByteFlow>;
  #rate: DataRate | undefined;
  /** Runs while a peer that has only just come is waited for, although the server drains. */
  #firstWord: LoopTimer<ByteFlow> | undefined;
  #highWaterMark: number;
  #flowing = false;
  #ended = false;
  #endSeen = false;
  #peerEnded = false;
  #unwanted = false;
  #failure: Failure | undefined;
  /** What reads have rejected with; made when first needed. */
  #errors: WeakSet<object> | undefined;
  #draining = false;
  #consumedSinceWrite = false;
  /** What its reader keeps of a message that is under way, as it said; undefined if nobody did. */
  #unfinishedBytes: number | undefined;
  #bytesRead = 0;
  /** The read that waits, if any. As long as it does the source flows, beyond the high-water mark, too. */
  #waiting: Waiting | undefined;

  constructor(source: ByteSource, highWaterMark: number, idleTimeoutMs: number) {
    this.#source = source;
    this.#highWaterMark = highWaterMark;
    this.idleTimeoutMs = idleTimeoutMs;
    this.#idle = new LoopTimer<ByteFlow>(ByteFlow.#giveUpIdle, ByteFlow.#confirm, this);
  }

  /** Bytes received so far. */
  get bytesRead(): number {
    return this.#bytesRead;
  }

  /** Whether the reader was told that the peer ended its side. */
  get endSeen(): boolean {
    return this.#endSeen;
  }

  /** Whether the peer has ended its side. */
  get peerEnded(): boolean {
    return this.#peerEnded;
  }

  /** Whether our side wants nothing more of what comes. */
  get unwanted(): boolean {
    return this.#unwanted;
  }

  /** Whether a read of this object made the error, or its reader did and said so. */
  owns(error: unknown): boolean {
    return typeof error === "object" && error !== null && this.#errors?.has(error) === true;
  }

  /** An error of a reader, such as a decoder, about what came: a handler that ends with it ends for this peer's fault. */
  own<Owned extends PeerError>(error: Owned): Owned {
    this.#errors ??= new WeakSet();
    this.#errors.add(error);
    return error;
  }

  /**
   * Bytes of an unfinished message that its reader has taken and keeps. While it is said, it decides what a boundary is, and not whether something was
   * written since. A reader of messages says it for each read, and takes it back.
   */
  set unfinishedBytes(bytes: number | undefined) {
    this.#unfinishedBytes = bytes;
    this.onTaken?.();
  }

  /** Bytes to buffer while nobody reads; 0 takes none before somebody does. */
  set highWaterMark(bytes: number) {
    this.#highWaterMark = bytes;
  }

  /** Bytes that have come and are kept: nobody has taken them, or whoever did has no whole message yet. */
  get buffered(): number {
    return this.queue.length + (this.#unfinishedBytes ?? 0);
  }

  /** Bytes that have come and that nobody has taken. */
  get unread(): number {
    return this.queue.length;
  }

  /** From now on, a read that waits inside of a message rejects if less than this comes. */
  requireRate(bytesPerSecond: number, graceMs: number): void {
    const onTooSlow = (): void => {
      this.#giveUp(
        ErrorCode.slowSender,
        `Cannot read: less than ${bytesPerSecond} bytes per second came for ${graceMs} ms`,
      );
    };
    // One that sends in bursts may have sent just before we began to look.
    const slack = bytesPerSecond === Infinity ? 0 : (bytesPerSecond * Math.max(graceMs, MIN_WINDOW_MS)) / MS_PER_SECOND;
    this.#rate = new DataRate({ bytesPerSecond, graceMs, slack }, onTooSlow, (callback) =>
      this.#afterArrivals(callback),
    );
  }

  // What the connection says.

  /** Take a chunk from the source; it belongs to this object now. */
  receive(chunk: Buffer): void {
    this.lastReceived = performance.now();
    this.#bytesRead += chunk.length;
    this.queue.push(chunk);
    // Also of what a waiting read takes at once: it is here, and that counts.
    this.onReceived?.();
    this.#rate?.moved(chunk.length);
    const waiting = this.#waiting;
    if (waiting !== undefined && !this.#settles(waiting)) {
      // The peer is slow, not idle.
      this.#idle.start(this.idleTimeoutMs);
      this.#rate?.wait();
    } else if (this.queue.length >= this.#highWaterMark) this.#pause();
  }

  /**
   * Nothing more will come: what is buffered can still be read.
   *
   * @param byPeer - Whether the peer ended its side; else ours does not want more.
   */
  end(byPeer = true): void {
    if (!byPeer) this.#unwanted = true;
    if (this.#ended) return;
    this.#ended = true;
    this.#peerEnded = byPeer;
    this.#endRead();
    this.#disposeClocks();
    this.onReceived?.();
  }

  /** Nothing will come any more, and reads reject; what is buffered is gone, as after a reset. After an orderly end it stays readable. */
  fail(failure: Failure): void {
    if (this.#failure !== undefined || this.#ended) return;
    this.#failure = failure;
    this.queue.clear();
    this.#disposeClocks();
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.reject(errorOf(failure));
  }

  /**
   * The server is going away.
   *
   * @param firstWordMs - How long a peer that has sent nothing yet may still do so before it is told.
   */
  drain(firstWordMs = 0): void {
    this.#draining = true;
    if (firstWordMs > 0) {
      this.#firstWord = new LoopTimer<ByteFlow>(ByteFlow.#giveUpFirstWord, ByteFlow.#confirm, this);
      this.#firstWord.start(firstWordMs);
    }
    this.#endAtBoundary();
  }

  /** Our side wrote: what was consumed before is answered. */
  wrote(): void {
    this.#consumedSinceWrite = false;
  }

  /** Receive up to the high-water mark, a chunk at least, although nobody reads, so that what happens to the connection is noticed. */
  watch(): void {
    // From now on: after each read, too.
    this.#highWaterMark = Math.max(this.#highWaterMark, 1);
    if (this.queue.length < this.#highWaterMark) this.#resume();
  }

  // What reads are made of.

  /**
   * Settle a read, at once if that can be, else when enough has come.
   *
   * @internal
   */
  protected run<Detail>(read: Read<this, Detail>, detail: Detail): Promise<Buffer> {
    try {
      if (this.#waiting !== undefined) {
        throw new SocketServerError(
          ErrorCode.concurrentRead,
          "Cannot read: another read of this connection is waiting",
        );
      }
      const bytes = read.enough(this, detail);
      if (bytes !== undefined) return Promise.resolve(bytes);
      if (this.#failure !== undefined) throw errorOf(this.#failure);
      if (this.#ended) return Promise.resolve(read.rest(this, detail));
    } catch (error) {
      return rejected(error);
    }
    return this.#wait(read, detail);
  }

  /** Take what is in the queue. */
  protected take(count: number): Buffer {
    if (count > 0) this.#consumedSinceWrite = true;
    const bytes = this.queue.take(count);
    this.onTaken?.();
    // Below half of the mark only: resuming and pausing for every small read costs a system call each.
    if (!this.#flowing && this.queue.length * 2 < this.#highWaterMark) this.#resume();
    return bytes;
  }

  /** The reader is told that nothing more will come. */
  protected sawEnd(): Buffer {
    if (this.#peerEnded) this.#endSeen = true;
    return Buffer.alloc(0);
  }

  #wait(read: Read<never, never>, detail: unknown): Promise<Buffer> {
    this.#idle.start(this.idleTimeoutMs);
    if (this.#rate !== undefined) {
      if (this.buffered > 0) this.#rate.wait();
      else this.#rate.reset();
    }
    return new Promise((resolve, reject) => {
      this.#waiting = { read, detail, resolve, reject };
      this.#resume();
      if (this.#draining) this.#endAtBoundary();
    });
  }

  /** Whether enough has come for the read that waits, which is over then. */
  #settles(waiting: Waiting): boolean {
    try {
      const bytes = waiting.read.enough(this as never, waiting.detail as never);
      if (bytes === undefined) return false;
      this.#noneWaits();
      waiting.resolve(bytes);
    } catch (error) {
      this.#noneWaits();
      waiting.reject(error);
    }
    return true;
  }

  /** The read that waits ends with what there is. */
  #endRead(): void {
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    this.#noneWaits();
    try {
      waiting.resolve(waiting.read.rest(this as never, waiting.detail as never));
    } catch (error) {
      waiting.reject(error);
    }
  }

  #noneWaits(): void {
    this.#waiting = undefined;
    this.#idle.stop();
    this.#rate?.rest();
  }

  #atBoundary(): boolean {
    if (!this.endOnDrain || this.queue.length > 0) return false;
    if (this.#firstWord !== undefined && this.#bytesRead === 0) return false;
    return this.#unfinishedBytes === undefined ? !this.#consumedSinceWrite : this.#unfinishedBytes === 0;
  }

  /** The server drains: end the waiting read if it stands at a boundary, unless something is already on its way. */
  #endAtBoundary(): void {
    const waiting = this.#waiting;
    if (waiting === undefined || !this.#atBoundary()) return;
    this.#afterArrivals(() => {
      if (this.#waiting === waiting && this.#atBoundary()) this.#endRead();
    });
  }

  #afterArrivals(callback: () => void): void {
    if (this.#source.afterArrivals === undefined) afterArrivals(undefined, callback);
    else this.#source.afterArrivals(callback);
  }

  static readonly #confirm = (callback: () => void, flow: ByteFlow): void => flow.#afterArrivals(callback);

  static readonly #giveUpIdle = (flow: ByteFlow): void =>
    flow.#giveUp(ErrorCode.idleTimeout, `Cannot read: nothing came for ${flow.idleTimeoutMs} ms`);

  static readonly #giveUpFirstWord = (flow: ByteFlow): void => {
    flow.#firstWord = undefined;
    flow.#endAtBoundary();
  };

  /** An error of ours about the peer. */
  protected peerError(...details: ConstructorParameters<typeof PeerError>): PeerError {
    return this.own(new PeerError(...details));
  }

  /** The waiting read rejects. */
  #giveUp(code: ErrorCode, message: string): void {
    const waiting = this.#waiting;
    this.#noneWaits();
    this.#rate?.reset();
    waiting?.reject(this.peerError(code, message));
  }

  #disposeClocks(): void {
    this.#idle.dispose();
    this.#rate?.dispose();
    this.#firstWord?.dispose();
  }

  #resume(): void {
    if (this.#flowing || this.#ended || this.#failure !== undefined) return;
    this.#flowing = true;
    this.#source.resume();
  }

  #pause(): void {
    if (!this.#flowing) return;
    this.#flowing = false;
    this.#source.pause();
  }
}
