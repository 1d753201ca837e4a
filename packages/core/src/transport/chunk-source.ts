/**
 * Where a stream's chunks come out.
 *
 * Any Duplex emits them. A plain socket is asked for them one step earlier: it pushes each chunk into its own buffer, and an instance whose `push` is ours
 * gives it to us instead. That spares the buffer, its bookkeeping on the next tick, and an event for each chunk, which together cost more than reading does.
 * Nothing changes before the first read: an unread socket can be moved, or be read by somebody else.
 *
 * @module
 */

import { Socket } from "node:net";
import type { Duplex } from "node:stream";

import { isPlainSocket } from "./plain-socket.ts";

/** Whose `push` is known to be called with each chunk as it comes, and with `null` at the end. */
const PUSHES = !("bun" in process.versions);

/** Who receives. */
export interface ChunkSink {
  receive(chunk: Buffer): void;
  end(): void;
}

/** Gives the chunks of a stream to a sink. */
export interface ChunkSource {
  /** Begin, or go on. */
  resume(): void;
  /** Stop; a chunk that is under way still comes. */
  pause(): void;
  /** Go on, and throw away what comes; its end is still told. */
  discard(): void;
  /** The stream is closed: let it go. A closed socket outlives its connection by a collection or two, and must not keep it. */
  release(): void;
}

/** The cheapest source that a stream has. */
export function chunkSourceOf(stream: Duplex, sink: ChunkSink): ChunkSource {
  return PUSHES && isPlainSocket(stream) ? new PushedChunks(stream, sink) : new EmittedChunks(stream, sink);
}

/** Of any stream. */
class EmittedChunks implements ChunkSource {
  readonly #stream: Duplex;
  readonly #sink: ChunkSink;
  #started = false;

  constructor(stream: Duplex, sink: ChunkSink) {
    this.#stream = stream;
    this.#sink = sink;
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
    listenForEnd(this.#stream, this.#onEnd);
  }

  readonly #onEnd = (): void => this.#sink.end();

  readonly #onData = (chunk: Buffer): void => this.#sink.receive(chunk);
}

/** Of a plain socket. */
class PushedChunks implements ChunkSource {
  readonly #socket: Socket;
  readonly #sink: ChunkSink;
  #started = false;
  #flows = false;
  #discards = false;

  constructor(socket: Socket, sink: ChunkSink) {
    this.#socket = socket;
    this.#sink = sink;
  }

  resume(): void {
    this.#flows = true;
    if (this.#started) {
      // What stopped reading was the answer to a chunk: so does it go on.
      if (!this.#socket.destroyed) this.#socket._read(0);
      return;
    }
    this.#started = true;
    listenForEnd(this.#socket, this.#onEnd);
    this.#socket.push = this.#push;
    // A socket that was not accepted paused has read ahead. This also makes one read that was.
    for (
      let chunk = this.#socket.read() as Buffer | null;
      chunk !== null;
      chunk = this.#socket.read() as Buffer | null
    ) {
      this.#push(chunk);
    }
  }

  pause(): void {
    this.#flows = false;
  }

  discard(): void {
    this.#discards = true;
    if (this.#started) this.resume();
    else {
      this.#started = true;
      listenForEnd(this.#socket, this.#onEnd);
      this.#socket.resume();
    }
  }

  release(): void {
    this.#socket.off("end", this.#onEnd);
    // Not deleted: that would make the socket a slow object.
    this.#socket.push = pushOn;
  }

  readonly #onEnd = (): void => this.#sink.end();

  /** Whether to go on reading. */
  readonly #push = (chunk: Buffer | null): boolean => {
    if (chunk === null) return Socket.prototype.push.call(this.#socket, null);
    if (!this.#discards) this.#sink.receive(chunk);
    return this.#flows;
  };
}

/** What a socket does by itself. */
function pushOn(this: Socket, chunk: Buffer | null): boolean {
  return Socket.prototype.push.call(this, chunk);
}

function listenForEnd(stream: Duplex, onEnd: () => void): void {
  // A socket that was not accepted paused tells its end as soon as that comes, whether anyone listens or not.
  if (stream.readableEnded) onEnd();
  else stream.on("end", onEnd);
}
