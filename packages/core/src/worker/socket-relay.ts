import type { Duplex } from "node:stream";

import type { RequestTraffic } from "../server/request-control.ts";
import { afterArrivals } from "../transport/after-arrivals.ts";
import { resetStream } from "../transport/reset-stream.ts";
import { sendQueueOf } from "../transport/send-queue.ts";
import { setNoDelay } from "../transport/set-no-delay.ts";
import { errorToData } from "./error-data.ts";
import type { RelayFromWorker, RelayToWorker } from "./relay-messages.ts";

/** Tells the worker something; the buffers in `moves` leave this thread with it, where there are threads. */
type Post = (part: RelayToWorker, moves?: readonly ArrayBuffer[]) => void;

/** A socket on the listener side whose connection is served in a worker: the listener side's end of a relay. Closes it in the end. */
export class SocketRelay {
  readonly #stream: Duplex;
  readonly #post: Post;
  #credit = 0;
  #bytesRead = 0;
  #bytesWritten = 0;
  #lastActivity = performance.now();
  #reading = false;
  #error: Error | undefined;

  /** Reads nothing before the worker has allowed it. */
  constructor(stream: Duplex, post: Post) {
    this.#stream = stream;
    this.#post = post;
    stream.on("error", this.#onError);
    stream.on("close", this.#onClose);
  }

  /** What has gone through the socket. */
  get traffic(): RequestTraffic {
    return { bytesRead: this.#bytesRead, bytesWritten: this.#bytesWritten, lastActivity: this.#lastActivity };
  }

  /** The worker says something. */
  receive(part: RelayFromWorker): void {
    const stream = this.#stream;
    switch (part.kind) {
      case "credit":
        this.#credit += part.bytes;
        this.#read();
        return;
      case "data":
        this.#write(part.chunks);
        return;
      case "end":
        stream.end(this.#onWritten);
        return;
      case "sync":
        afterArrivals(stream, () => this.#post({ kind: "synced", sendQueue: this.#sendQueue }));
        return;
      case "noDelay":
        setNoDelay(stream, part.noDelay);
        return;
      case "destroy":
        stream.destroy();
        return;
      case "reset":
        resetStream(stream);
    }
  }

  /** The worker is gone: the peer must not mistake the end of the connection for the end of an answer. */
  reset(): void {
    this.#forget();
    resetStream(this.#stream);
  }

  /** Give the stream back, untouched, because the worker never had it. */
  release(): void {
    this.#stream.off("error", this.#onError);
    this.#forget();
  }

  /** To look takes its time on a machine of many sockets: where nothing was written, nothing waits. */
  get #sendQueue(): number | undefined {
    return this.#bytesWritten === 0 ? undefined : sendQueueOf(this.#stream);
  }

  #forget(): void {
    this.#stream.off("close", this.#onClose);
  }

  #read(): void {
    if (!this.#reading) {
      this.#reading = true;
      this.#stream.on("data", this.#onData);
      // A stream that this server has not accepted itself may have ended before.
      if (this.#stream.readableEnded) this.#onEnd();
      else this.#stream.on("end", this.#onEnd);
    }
    // Not if the last chunks were more than was allowed.
    if (this.#credit > 0) this.#stream.resume();
  }

  #write(chunks: readonly Uint8Array[]): void {
    const stream = this.#stream;
    const last = chunks.length - 1;
    stream.cork();
    this.#lastActivity = performance.now();
    for (const [index, chunk] of chunks.entries()) {
      this.#bytesWritten += chunk.length;
      if (index === last) stream.write(chunk, this.#onWritten);
      else stream.write(chunk);
    }
    stream.uncork();
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#credit -= chunk.length;
    this.#bytesRead += chunk.length;
    this.#lastActivity = performance.now();
    if (this.#credit <= 0) this.#stream.pause();
    // A copy: the buffer under a chunk may belong to others, and would go, too.
    const bytes = new Uint8Array(chunk);
    this.#post({ kind: "data", chunk: bytes }, [bytes.buffer]);
  };

  readonly #onEnd = (): void => {
    this.#post({ kind: "end" });
  };

  readonly #onWritten = (error?: Error | null): void => {
    if (error === undefined || error === null) this.#post({ kind: "written" });
  };

  readonly #onError = (error: Error): void => {
    this.#error ??= error;
  };

  readonly #onClose = (): void => {
    this.#post({ kind: "closed", error: this.#error === undefined ? undefined : errorToData(this.#error) });
  };
}
