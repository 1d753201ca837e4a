/**
 * Where a stream's chunks come out.
 *
 * Any Duplex emits them. A plain socket is asked for them one step earlier: it pushes each chunk into its own buffer, and an instance whose `push` is ours
 * gives it to us instead. That spares the buffer, its bookkeeping on the next tick, and an event for each chunk, which together cost more than reading does.
 * Nothing changes before the first read: an unread socket can be moved, or be read by somebody else.
 *
 * @module
 */

import type { Socket } from "node:net";
import type { Duplex } from "node:stream";

import { afterArrivals } from "./after-arrivals.ts";
import type { ByteSource } from "./byte-flow.ts";
import { isPlainSocket } from "./plain-socket.ts";

/** Whether `push` is known to be called with each chunk as it comes, and with `null` at the end. */
const PUSHES = !("bun" in process.versions);

/** Who receives. */
export interface ChunkSink {
  receive(chunk: Buffer): void;
  end(): void;
}

/** Gives the chunks of a stream to a sink. */
export interface ChunkSource extends ByteSource {
  /** Set before the first `resume()` or `discard()`. */
  sink: ChunkSink | undefined;
  /** Go on, and throw away what comes; its end is still told. */
  discard(): void;
  /** The stream is closed: let it go. A closed socket outlives its connection by a collection or two, and must not keep it. */
  release(): void;
}

/** The cheapest source that a stream has. */
export function chunkSourceOf(stream: Duplex): ChunkSource {
  return PUSHES && isPlainSocket(stream) ? new PushedChunks(stream) : new EmittedChunks(stream);
}

/** Of any stream. */
class EmittedChunks implements ChunkSource {
  sink: ChunkSink | undefined;

  readonly #stream: Duplex;
  #started = false;

  constructor(stream: Duplex) {
    this.#stream = stream;
  }

  resume(): void {
    if (!this.#started) {
      this.#stream.on("data", this.#onData);
      this.#start();
    }
    this.#stream.resume();
  }

  pause(): void {
    this.#stream.pause();
  }

  afterArrivals(callback: () => void): void {
    afterArrivals(this.#stream, callback);
  }

  discard(): void {
    this.#stream.off("data", this.#onData);
    if (!this.#started) this.#start();
    this.#stream.resume();
  }

  release(): void {
    this.#stream.off("data", this.#onData).off("end", this.#onEnd);
  }

  #start(): void {
    this.#started = true;
    // A socket that was not accepted paused tells its end as soon as that comes, whether anyone listens or not.
    if (this.#stream.readableEnded) this.#onEnd();
    else this.#stream.on("end", this.#onEnd);
  }

  readonly #onData = (chunk: Buffer): void => this.sink?.receive(chunk);

  readonly #onEnd = (): void => this.sink?.end();
}

/** The source of a plain socket, as the socket knows it: its functions are shared by all. */
const SOURCE = Symbol("source");

type KnowingSocket = Socket & { [SOURCE]?: PushedChunks | undefined };

/** Of a plain socket. */
class PushedChunks implements ChunkSource {
  sink: ChunkSink | undefined;

  readonly #socket: KnowingSocket;
  #started = false;
  #flows = false;
  #discards = false;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  resume(): void {
    const socket = this.#socket;
    this.#flows = true;
    if (this.#started) {
      // What stopped reading was the answer to a chunk: so does it go on.
      if (!socket.destroyed) socket._read(0);
      return;
    }
    this.#start();
    socket.push = pushToSource;
    // A socket that was not accepted paused has read ahead. This also makes one read that was.
    for (let chunk = socket.read() as Buffer | null; chunk !== null; chunk = socket.read() as Buffer | null) {
      this.push(chunk);
    }
  }

  pause(): void {
    this.#flows = false;
  }

  afterArrivals(callback: () => void): void {
    afterArrivals(this.#socket, callback);
  }

  discard(): void {
    this.#discards = true;
    if (this.#started) this.resume();
    else {
      this.#start();
      this.#socket.resume();
    }
  }

  release(): void {
    this.#socket[SOURCE] = undefined;
    this.sink = undefined;
  }

  /** Whether to go on reading. */
  push(chunk: Buffer): boolean {
    if (!this.#discards) this.sink?.receive(chunk);
    return this.#flows;
  }

  #start(): void {
    this.#started = true;
    const socket = this.#socket;
    socket[SOURCE] = this;
    if (socket.readableEnded) this.sink?.end();
    else socket.on("end", endSource);
  }
}

function pushToSource(this: KnowingSocket, chunk: Buffer | null): boolean {
  const source = this[SOURCE];
  if (chunk === null || source === undefined) return Object.getPrototypeOf(this).push.call(this, chunk) as boolean;
  return source.push(chunk);
}

function endSource(this: KnowingSocket): void {
  this[SOURCE]?.sink?.end();
}
