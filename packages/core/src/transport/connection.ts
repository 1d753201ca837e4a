// Imported, where the globals are getters: they are asked for with each read and write.
import { Buffer } from "node:buffer";
import { performance } from "node:perf_hooks";
import type { Duplex } from "node:stream";
import type { ReadableStream, WritableStream } from "node:stream/web";

import type { Address } from "../address.ts";
import { CloseReason } from "../close-reason.ts";
import { ErrorCode, PeerError, SocketServerError, codeOf, show, typeError } from "../errors.ts";
import { SERVER_OPTION_RULES as DEFAULTS } from "../options.ts";
import { afterArrivals } from "./after-arrivals.ts";
import type { BufferAccount, BufferHolder } from "./buffer-budget.ts";
import { chunkSourceOf, type ChunkSource } from "./chunk-source.ts";
import type { ConnectionOptions } from "./connection-options.ts";
import { cutError } from "./cut-error.ts";
import { rejected, type Failure } from "./failure.ts";
import { Inbound } from "./inbound.ts";
import { LazySignal } from "./lazy-signal.ts";
import { LoopTimer } from "./loop-timer.ts";
import { MAX_COLLECTED, Outbound } from "./outbound.ts";
import { resetStream } from "./reset-stream.ts";
import type { ServerRequest } from "./server-request.ts";
import { setNoDelay } from "./set-no-delay.ts";
import { localAddressOf, remoteAddressOf } from "./stream-addresses.ts";
import { readableOf, writableOf } from "./web-streams.ts";

/** Bytes that are worth a write: a low mark must not make every byte one. */
const MIN_PIECE = 16_384;

/** How long a client that has connected a moment ago may still send its first request to a server that drains: it is on its way. In milliseconds. */
const FIRST_WORD_MS = 100;

/** How old a connection is on which nothing is on its way any more if nothing has come, in milliseconds. */
const YOUNG_MS = 1_000;

/** What `sendAll()` answers if there is room for more. */
const SENT = Promise.resolve();

/** What `recv()` takes at most unless told otherwise. */
const DEFAULT_RECV_BYTES = 65_536;

type ClosedListener = (reason: CloseReason) => void;

/** Who waits for the close of a connection that nobody waits for. */
const NOBODY: readonly ClosedListener[] = [];

/** Whose stream it is. */
const CONNECTION = Symbol("connection");

type KnowingStream = Duplex & { [CONNECTION]?: Connection | undefined };

// What a stream tells its connection. The same for all: a function for each connection and event would be a tenth of what an idle one takes.
let breakOff: (this: KnowingStream, error: Error) => void;
let close: (this: KnowingStream) => void;

/**
 * A connection, for servers and clients alike: reads that wait, writes with back-pressure, one close with one reason.
 *
 * Wraps any Duplex: a TCP or Unix socket, TLS, an in-memory pair. Whoever made the connection closes it; in a handler that is the
 * framework, and closing it earlier does no harm.
 *
 * @see {@link https://docs.python.org/3/library/socket.html#socket-objects | Python's socket objects}
 */
export class Connection implements ServerRequest, BufferHolder, AsyncDisposable {
  /**
   * The stream underneath. An escape hatch: what is read or written past this object is not seen by time-outs and bounds. Whoever wants to read it does so
   * instead of this object: from the first read here on, what comes is given to nobody else.
   */
  readonly socket: Duplex;
  /** The reading half, for readers such as `rfile`. */
  readonly inbound: Inbound;

  readonly #chunks: ChunkSource;
  readonly #outbound: Outbound;
  readonly #lingerMs: number;
  readonly #over = new LazySignal();
  readonly #drain = new LazySignal();
  readonly #remoteAddress: Address | undefined;
  readonly #localAddress: Address | undefined;
  /** How our side says that it ended. */
  #outcome: CloseReason | undefined;
  /** What broke it before our last byte had left; wins over the outcome. */
  #failure: CloseReason | undefined;
  #cause: Error | undefined;
  #finalReason: CloseReason | undefined;
  #closedListeners: readonly ClosedListener[] = NOBODY;
  #closed: Promise<CloseReason> | undefined;
  #lingering: Promise<void> | undefined;
  #lingerTimer: LoopTimer | undefined;
  #firstByteTimer: LoopTimer<Connection> | undefined;
  readonly #firstByteTimeoutMs: number;
  readonly #account: BufferAccount | undefined;
  #lastSent = 0;
  /** Whether it may not be read yet, so that it can still move to a worker. */
  #held: boolean;
  #signalWanted = false;
  #detached = false;

  constructor(stream: Duplex, options: ConnectionOptions = {}) {
    const {
      highWaterMark = DEFAULTS.highWaterMark.defaultValue,
      idleTimeoutMs = DEFAULTS.idleTimeoutMs.defaultValue,
      writeStallMs = DEFAULTS.writeStallMs.defaultValue,
      lingerMs = DEFAULTS.lingerMs.defaultValue,
      firstByteTimeoutMs = DEFAULTS.firstByteTimeoutMs.defaultValue,
    } = options;
    this.socket = stream;
    this.#lingerMs = lingerMs;
    this.#firstByteTimeoutMs = firstByteTimeoutMs;
    this.#account = options.budget?.open(this);
    this.#held = options.held ?? false;
    // Read now: a socket forgets its addresses when it is destroyed.
    this.#remoteAddress = options.remoteAddress ?? remoteAddressOf(stream);
    this.#localAddress = options.localAddress;
    this.#chunks = chunkSourceOf(stream);
    this.inbound = new Inbound(this.#chunks, highWaterMark, idleTimeoutMs);
    this.#chunks.sink = this.inbound;
    const onSlow = (): void => this.cut(CloseReason.slowReader);
    this.#outbound = new Outbound(stream, highWaterMark, writeStallMs, onSlow, MIN_PIECE);
    this.#requireRates(options);
    if (this.#account !== undefined) {
      const charge = (): void => this.#charge();
      this.inbound.onTaken = charge;
      this.inbound.onReceived = charge;
      this.#outbound.onLeft = charge;
    }
    (stream as KnowingStream)[CONNECTION] = this;
    stream.on("error", breakOff);
    stream.on("close", close);
    if (stream.destroyed) this.#close();
  }

  /** Who is at the other end. */
  get remoteAddress(): Address {
    return this.#remoteAddress ?? { path: "" };
  }

  /** Where our end is. */
  get localAddress(): Address {
    return this.#localAddress ?? localAddressOf(this.socket) ?? { path: "" };
  }

  /** Bytes that came from the peer. */
  get bytesRead(): number {
    return this.inbound.bytesRead;
  }

  /** Bytes given to the transport for the peer. */
  get bytesWritten(): number {
    return this.#outbound.bytesWritten;
  }

  /** When something was last read or written, on the clock of `performance.now()`. */
  get lastActivity(): number {
    return Math.max(this.#lastSent, this.inbound.lastReceived);
  }

  /** Why it is closed, or undefined while it is open. */
  get closeReason(): CloseReason | undefined {
    return this.#finalReason;
  }

  /** Resolves with the reason when the connection is closed; never rejects. */
  get closed(): Promise<CloseReason> {
    this.#closed ??= new Promise((resolve) => {
      this.onClosed(resolve);
    });
    return this.#closed;
  }

  /**
   * Aborted when the connection is over: reset, past a deadline, cut, closed. A peer that only ends its side still waits for an answer, so
   * that does not abort. Asking for it makes the connection read ahead up to the high-water mark, because else a reset is not noticed.
   */
  get signal(): AbortSignal {
    this.#signalWanted = true;
    if (!this.#held && !this.#detached) this.inbound.watch();
    return this.#over.signal;
  }

  /** Aborted when the server begins to drain. */
  get drainSignal(): AbortSignal {
    return this.#drain.signal;
  }

  /** Whether the server has begun to drain. */
  get draining(): boolean {
    return this.#drain.aborted;
  }

  /** How long a read waits for the peer before it rejects, in milliseconds; `Infinity` for ever. */
  get idleTimeoutMs(): number {
    return this.inbound.idleTimeoutMs;
  }

  set idleTimeoutMs(ms: number) {
    this.inbound.idleTimeoutMs = ms;
  }

  /** Whether a read at a boundary answers end-of-stream once the server drains. */
  get endOnDrain(): boolean {
    return this.inbound.endOnDrain;
  }

  set endOnDrain(end: boolean) {
    this.inbound.endOnDrain = end;
  }

  /**
   * Wait for data and take what has come, at most `maxBytes`. An empty Buffer is the end of the stream.
   *
   * @param maxBytes - At least 1; 65 536 unless given.
   * @throws {@link PeerError} with the system's code after a reset, `ERR_SOCKETSERVER_IDLE_TIMEOUT` if nothing came in time, `ERR_SOCKETSERVER_SLOW_SENDER`
   * if less than `minReadRate` came, `ERR_SOCKETSERVER_FIRST_BYTE_TIMEOUT` if nothing ever did.
   * @throws {@link SocketServerError} `ERR_SOCKETSERVER_DEADLINE`, `ERR_SOCKETSERVER_MAX_AGE`, `ERR_SOCKETSERVER_MEMORY`, `ERR_SOCKETSERVER_DRAINED` if the
   * server reset the connection, `ERR_SOCKETSERVER_CONNECTION_CLOSED` if this side did, or closed it.
   * @throws {@link SocketServerError} `ERR_SOCKETSERVER_CONCURRENT_READ` while another read waits.
   * @see {@link https://docs.python.org/3/library/socket.html#socket.socket.recv | recv}
   */
  recv(maxBytes: number = DEFAULT_RECV_BYTES): Promise<Buffer> {
    return this.inbound.readSome(maxBytes);
  }

  /**
   * Wait until `count` bytes have arrived and take exactly those.
   *
   * @param count - Bytes, at least 1. The caller chose the bound: it may exceed the high-water mark.
   * @throws {@link PeerError} `ERR_SOCKETSERVER_INCOMPLETE_READ` if the peer ends first; `partial` holds what came.
   * @see {@link https://docs.python.org/3/library/asyncio-stream.html#asyncio.StreamReader.readexactly | readexactly}
   */
  recvExactly(count: number): Promise<Buffer> {
    return this.inbound.readExactly(count);
  }

  /**
   * Send everything; resolves when less than the high-water mark is still pending. Text is sent as UTF-8.
   *
   * The data must not be changed before it has left. Nothing tells whether the peer has read it. A call that is not awaited needs a `catch`: the
   * peer may be gone.
   *
   * @throws {@link PeerError} with the system's code after a reset, `ERR_SOCKETSERVER_SLOW_READER` if the peer takes nothing for `writeStallMs`, or less
   * than `minWriteRate`.
   * @throws {@link SocketServerError} as `send()` does, and when the server or this side reset the connection, as `recv()` does.
   * @see {@link https://docs.python.org/3/library/socket.html#socket.socket.sendall | sendall}
   */
  sendAll(data: string | Uint8Array): Promise<void> {
    try {
      return this.send(data) ? SENT : this.ready();
    } catch (error) {
      return rejected(error);
    }
  }

  /**
   * Send everything without waiting, and answer whether to go on: false when the high-water mark is pending.
   *
   * While more of what the peer sent waits to be read, this is `sendSoon()`: a peer that does not wait for each answer gets many in one write.
   *
   * @throws the error that ended the connection, or {@link SocketServerError} `ERR_SOCKETSERVER_WRITE_AFTER_END`.
   */
  send(data: string | Uint8Array): boolean {
    const bytes = bytesToSend(data);
    this.inbound.wrote();
    this.#lastSent = performance.now();
    if (this.inbound.unread === 0 && !this.#outbound.collecting) return this.#sent(this.#outbound.write(bytes));
    // A copy, as the kernel would have made one by now: whoever reuses his buffer has always got away with it.
    return this.#sent(this.#outbound.writeSoon(typeof data === "string" ? bytes : smallCopy(bytes)));
  }

  /**
   * Wait until less than the high-water mark is pending: after `send()` or `sendSoon()` answered false.
   *
   * @throws the error that ended the connection.
   */
  ready(): Promise<void> {
    return this.#outbound.ready();
  }

  /**
   * The same as `send()` for data that may leave together with what is sent next, in one write: many small answers cost what one does. It leaves on the
   * next tick at the latest, and never after anything that is sent later. The data must not be changed before.
   *
   * @throws as `send()` does.
   */
  sendSoon(data: string | Uint8Array): boolean {
    const bytes = bytesToSend(data);
    this.inbound.wrote();
    // Once for all that leaves together: the clock costs as much as the rest of it.
    if (!this.#outbound.collecting) this.#lastSent = performance.now();
    return this.#sent(this.#outbound.writeSoon(bytes));
  }

  /**
   * End one side: `"write"` sends what is pending and then our end, `"read"` throws away what still comes, `"both"` does both.
   *
   * @see {@link https://docs.python.org/3/library/socket.html#socket.socket.shutdown | shutdown}
   */
  shutdown(how: "read" | "write" | "both"): void {
    if (how !== "read" && how !== "write" && how !== "both") {
      throw typeError(
        ErrorCode.invalidArgument,
        `Cannot shut down: how must be "read", "write" or "both", received ${show(how)}`,
      );
    }
    if (how !== "write") this.#discardInput();
    if (how !== "read") this.#outbound.end();
  }

  /** Send what is pending, end our side, wait at most `lingerMs` for the peer to end its side, and close. Idempotent; never rejects. */
  async close(): Promise<void> {
    this.conclude(CloseReason.done);
    await this.linger();
    this.destroy();
    await this.closed;
  }

  /** Reset the connection now: what is pending is lost, and the peer sees it. Idempotent. */
  abort(): void {
    this.cut(CloseReason.aborted);
  }

  /** What comes, as a WHATWG stream. It holds the reading side until it is cancelled or ends. */
  get readable(): ReadableStream<Uint8Array> {
    return readableOf(this);
  }

  /** What leaves, as a WHATWG stream. Closing it ends our side, aborting it resets the connection; an aborted `pipeTo()` lets a write end first. */
  get writable(): WritableStream<Uint8Array> {
    return writableOf(this);
  }

  /** The chunks that come, until the peer ends its side. Leaving the loop early closes nothing. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer, void, void> {
    for (;;) {
      const chunk = await this.recv();
      if (chunk.length === 0) return;
      yield chunk;
    }
  }

  /** {@link Connection.close}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Send small pieces at once instead of waiting to fill packets; nothing but TCP knows the difference. */
  setNoDelay(noDelay: boolean): void {
    setNoDelay(this.socket, noDelay);
  }

  // The life of a request: for the framework, not for handlers.

  /** {@inheritDoc ServerRequest.destroyed} */
  get destroyed(): boolean {
    return this.#finalReason !== undefined || this.socket.destroyed;
  }

  /** {@inheritDoc ServerRequest.owns} */
  owns(error: unknown): boolean {
    return (error !== undefined && error === this.#cause) || this.inbound.owns(error);
  }

  /** {@inheritDoc ServerRequest.afterArrivals} */
  afterArrivals(callback: () => void): void {
    afterArrivals(this.socket, callback);
  }

  /** {@inheritDoc ServerRequest.begin} */
  begin(): void {
    this.#held = false;
    // Whoever has read before, in `getRequest()` say, may have had it.
    const heard = this.bytesRead > 0 || this.inbound.peerEnded;
    const firstByteMs = heard ? Infinity : this.#firstByteTimeoutMs;
    if (firstByteMs !== Infinity) {
      this.#firstByteTimer = new LoopTimer<Connection>(cutForFirstByte, waitForArrivals, this);
      this.#firstByteTimer.start(firstByteMs);
      const { onReceived } = this.inbound;
      this.inbound.onReceived = () => {
        this.#firstByteTimer?.stop();
        onReceived?.();
      };
    }
    // What nobody reads would never be seen to come.
    if (this.#signalWanted || firstByteMs !== Infinity) this.inbound.watch();
  }

  /** {@inheritDoc ServerRequest.drain} */
  drain(): void {
    this.#drain.abort(new SocketServerError(ErrorCode.serverClosed, "Cannot go on for long: the server is draining"));
    const untouched = this.bytesRead === 0 && this.bytesWritten === 0;
    const young = performance.now() - this.lastActivity < YOUNG_MS;
    this.inbound.drain(untouched && young ? FIRST_WORD_MS : 0);
  }

  /** {@inheritDoc ServerRequest.conclude} */
  conclude(reason: CloseReason): void {
    if (reason === CloseReason.done && this.inbound.endSeen) this.#outcome ??= CloseReason.peerEnd;
    // A read that draining ended looks like the peer's end to its caller.
    else if (reason === CloseReason.peerEnd && !this.inbound.peerEnded) this.#outcome ??= CloseReason.done;
    else this.#outcome ??= reason;
  }

  /** {@inheritDoc ServerRequest.linger} */
  linger(): Promise<void> {
    this.#lingering ??= this.#finalReason === undefined ? this.#waitForBothEnds() : Promise.resolve();
    return this.#lingering;
  }

  /** {@inheritDoc ServerRequest.destroy} */
  destroy(): void {
    this.socket.destroy();
  }

  /** {@inheritDoc ServerRequest.cut} */
  cut(reason: CloseReason): void {
    if (this.#finalReason !== undefined || this.#detached) return;
    this.#fail(reason, cutError(reason));
    resetStream(this.socket);
  }

  /** {@inheritDoc ServerRequest.onClosed} */
  onClosed(listener: (reason: CloseReason) => void): void {
    // There are one or two, and a list that was pushed to has room for seventeen: that would be a fiftieth of what an idle connection keeps.
    if (this.#finalReason === undefined) this.#closedListeners = this.#closedListeners.concat(listener);
    else listener(this.#finalReason);
  }

  /**
   * Give the stream away, untouched, to be moved to a worker. The caller owns it from now on; this object is of no further use, and does
   * not report a close.
   */
  detach(): Duplex {
    this.#detached = true;
    (this.socket as KnowingStream)[CONNECTION] = undefined;
    this.socket.off("close", close);
    this.socket.off("error", breakOff);
    // Whoever owns it next hears for himself. One such listener is enough, however often it changes hands.
    this.socket.off("error", ignoreError).on("error", ignoreError);
    this.inbound.fail(handedOver);
    this.#outbound.fail(handedOver);
    this.#account?.close();
    return this.socket;
  }

  #discardInput(): void {
    // Nothing that still comes would be seen.
    this.#firstByteTimer?.stop();
    this.inbound.end(false);
    this.#chunks.discard();
  }

  #waitForBothEnds(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const stream = this.socket;
    // What has left long ago has been read by now: the wait counts from our last byte.
    const lastByteAt = this.#outbound.pending === 0 ? this.lastActivity : undefined;
    this.onClosed(() => resolve());
    this.#discardInput();
    this.#outbound.end();
    const flushed = (): void => {
      if (stream.readableEnded || stream.destroyed) resolve();
      else {
        stream.once("end", resolve);
        const waited = lastByteAt === undefined ? 0 : performance.now() - lastByteAt;
        this.#lingerTimer = new LoopTimer(() => resolve());
        this.#lingerTimer.start(Math.max(this.#lingerMs - waited, 0));
      }
    };
    if (stream.writableFinished) flushed();
    else stream.once("finish", flushed);
    return promise;
  }

  /** Our end has left: what happens from here on cannot have cost the peer a byte. */
  get #allSent(): boolean {
    return this.#outcome !== undefined && this.socket.writableFinished;
  }

  /** How our side says that it ended; "all went well" is not true if the socket was destroyed before our last byte had left. */
  #truthfulOutcome(): CloseReason | undefined {
    const wentWell = this.#outcome === CloseReason.done || this.#outcome === CloseReason.peerEnd;
    return wentWell && !this.socket.writableFinished ? CloseReason.aborted : this.#outcome;
  }

  #fail(reason: CloseReason, error: Error): void {
    if (!this.#allSent) this.#failure ??= reason;
    this.#cause ??= error;
    this.#end(error);
  }

  /** Nothing comes or leaves any more. */
  #end(failure: Failure): void {
    this.inbound.fail(failure);
    this.#outbound.fail(failure);
    this.#over.abort(failure);
    // What is over keeps nothing, although the stream may not know it yet.
    this.#account?.close();
  }

  /** Made when somebody uses a connection that is closed. */
  #closedError(): Error {
    this.#cause ??= new SocketServerError(ErrorCode.connectionClosed, "Cannot use connection: it is closed");
    return this.#cause;
  }

  #requireRates({ minReadRate = 0, minWriteRate = 0, rateGraceMs }: ConnectionOptions): void {
    const graceMs = rateGraceMs ?? DEFAULTS.rateGraceMs.defaultValue;
    if (minReadRate > 0) this.inbound.requireRate(minReadRate, graceMs);
    if (minWriteRate > 0) this.#outbound.requireRate(minWriteRate, graceMs);
  }

  #sent(goOn: boolean): boolean {
    if (this.#account !== undefined) this.#charge();
    return goOn;
  }

  /** Tell the budget what is kept now. */
  #charge(): void {
    this.#account?.keep(this.inbound.buffered + this.#outbound.pending);
  }

  #break(error: Error): void {
    if (this.#detached || this.#over.aborted) return;
    const code = codeOf(error) ?? "ECONNRESET";
    this.#fail(CloseReason.peerReset, new PeerError(code, `Cannot use connection: ${error.message}`, { cause: error }));
  }

  #close(): void {
    if (this.#finalReason !== undefined || this.#detached) return;
    const ended = this.inbound.endSeen ? CloseReason.peerEnd : CloseReason.aborted;
    this.#finalReason = this.#failure ?? this.#truthfulOutcome() ?? ended;
    this.#lingerTimer?.dispose();
    this.#firstByteTimer?.dispose();
    this.#end(() => this.#closedError());
    this.#chunks.release();
    // Its listeners stay, and find nobody.
    (this.socket as KnowingStream)[CONNECTION] = undefined;
    const listeners = this.#closedListeners;
    this.#closedListeners = NOBODY;
    for (const listener of listeners) listener(this.#finalReason);
  }

  static {
    breakOff = function (error) {
      const connection = this[CONNECTION];
      if (connection !== undefined) connection.#break(error);
    };
    close = function () {
      const connection = this[CONNECTION];
      if (connection !== undefined) connection.#close();
    };
  }
}

/** A copy of what will be collected; what is large is written at once, and not copied. */
function smallCopy(bytes: Uint8Array): Uint8Array {
  return bytes.length < MAX_COLLECTED ? Buffer.from(bytes) : bytes;
}

function cutForFirstByte(connection: Connection): void {
  connection.cut(CloseReason.firstByte);
}

function waitForArrivals(callback: () => void, connection: Connection): void {
  connection.afterArrivals(callback);
}

function handedOver(): Error {
  return new SocketServerError(ErrorCode.connectionClosed, "Cannot use connection: it was handed to a worker");
}

function ignoreError(): void {
  // It is told by the close.
}

function bytesToSend(data: string | Uint8Array): Uint8Array {
  const bytes = typeof data === "string" ? Buffer.from(data) : data;
  if (bytes instanceof Uint8Array) return bytes;
  throw typeError(
    ErrorCode.invalidArgument,
    `Cannot send: data must be a string or a Uint8Array, received ${show(data)}`,
  );
}
