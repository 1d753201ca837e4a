import { Duplex } from "node:stream";

import { errorFromData } from "./error-data.ts";
import type { RelayFromWorker, RelayToWorker } from "./relay-messages.ts";

/** Tells the listener side something; the buffers in `moves` leave this thread with it, where there are threads. */
type Post = (part: RelayFromWorker, moves?: readonly ArrayBuffer[]) => void;

/** What a stream may be told to buffer: it takes no `Infinity`. */
const MAX_STREAM_BUFFER = 2 ** 31 - 1;

/** A connection whose socket stayed on the listener side: the worker's end of a relay. */
export class RelayedSocket extends Duplex {
  /** Bytes that the kernel had not got rid of when the listener side was asked last. */
  sendQueue: number | undefined;

  readonly #post: Post;
  /** What the listener side may still send. */
  #credit = 0;
  #peerEnded = false;
  readonly #onSynced: (() => void)[] = [];
  #onWritten: ((error?: Error | null) => void) | undefined;
  /** The last word to the socket, when this end is destroyed. */
  #farewell: RelayFromWorker | undefined = { kind: "destroy" };

  constructor(post: Post, highWaterMark: number) {
    super({ allowHalfOpen: true, highWaterMark: Math.min(highWaterMark, MAX_STREAM_BUFFER) });
    this.#post = post;
  }

  /** The listener side says something. */
  receive(part: RelayToWorker): void {
    switch (part.kind) {
      case "data":
        this.#credit -= part.chunk.length;
        this.push(part.chunk);
        return;
      case "end":
        this.#peerEnded = true;
        this.push(null);
        return;
      case "written":
        this.#settleWrite();
        return;
      case "synced":
        this.sendQueue = part.sendQueue;
        this.#onSynced.shift()?.();
        return;
      case "closed":
        this.#farewell = undefined;
        if (part.error !== undefined) this.destroy(errorFromData(part.error) as Error);
        // As with a socket, what came before the end is still there to be read.
        else if (this.#peerEnded && !this.readableEnded) this.once("end", () => this.destroy());
        else this.destroy();
    }
  }

  /** Call back when what waits in the kernel of the listener side by now has come here, if this flows. */
  afterArrivals(callback: () => void): void {
    // Not before the credit for a read that has just begun.
    setImmediate(() => {
      if (this.destroyed) {
        callback();
        return;
      }
      this.#onSynced.push(callback);
      this.#post({ kind: "sync" });
    });
  }

  /** As that of `net.Socket`: the peer sees a reset. */
  resetAndDestroy(): this {
    if (this.#farewell !== undefined) this.#farewell = { kind: "reset" };
    return this.destroy();
  }

  /** As that of `net.Socket`. */
  setNoDelay(noDelay: boolean): this {
    this.#post({ kind: "noDelay", noDelay });
    return this;
  }

  override _read(): void {
    // The stream asks before it has taken out what it is about to give away: there is more room in a moment.
    process.nextTick(this.#allow);
  }

  override _write(chunk: Buffer, _encoding: string, callback: (error?: Error | null) => void): void {
    this.#send([chunk], callback);
  }

  override _writev(writes: readonly { readonly chunk: Buffer }[], callback: (error?: Error | null) => void): void {
    this.#send(
      writes.map(({ chunk }) => chunk),
      callback,
    );
  }

  override _final(callback: (error?: Error | null) => void): void {
    this.#onWritten = callback;
    this.#post({ kind: "end" });
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    if (this.#farewell !== undefined) this.#post(this.#farewell);
    this.#farewell = undefined;
    callback(error);
    // Nothing more will arrive.
    for (const onSynced of this.#onSynced.splice(0)) onSynced();
  }

  /** Allow the listener side to fill the room that there is. */
  readonly #allow = (): void => {
    const mark = this.readableHighWaterMark;
    // While enough is on its way, the stream asks again when it comes.
    if (this.destroyed || this.#credit * 2 > mark) return;
    const room = mark - this.readableLength - this.#credit;
    // Without any credit nothing would come, and the stream would not ask again.
    const bytes = this.#credit > 0 ? room : Math.max(room, 1 - this.#credit);
    if (bytes <= 0) return;
    this.#credit += bytes;
    this.#post({ kind: "credit", bytes });
  };

  #send(writes: readonly Buffer[], callback: (error?: Error | null) => void): void {
    this.#onWritten = callback;
    // Copies: what is sent still belongs to the handler.
    const chunks = writes.map((bytes) => new Uint8Array(bytes));
    this.#post(
      { kind: "data", chunks },
      chunks.map(({ buffer }) => buffer),
    );
  }

  #settleWrite(): void {
    const callback = this.#onWritten;
    this.#onWritten = undefined;
    callback?.();
  }
}
