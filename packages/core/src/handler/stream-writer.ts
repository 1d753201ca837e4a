import { ErrorCode, SocketServerError, show, typeError } from "../errors.ts";
import { rejected } from "../transport/failure.ts";

/** Where a {@link StreamWriter} sends what it is given. What it answers is waited for; undefined if there is room for more at once. */
export type WriteSink = (data: Uint8Array) => Promise<void> | undefined;

/** `wbufsize = -1` stands for this many bytes, Python's `io.DEFAULT_BUFFER_SIZE`. */
const DEFAULT_BUFFER_SIZE = 8_192;

/**
 * Writes a reply as a file: `wfile`.
 *
 * Never writes short: `write` takes everything, and resolves when there is room for more.
 *
 * @see {@link https://docs.python.org/3/library/io.html#io.BufferedWriter | Python's BufferedWriter}
 */
export class StreamWriter {
  readonly #sink: WriteSink;
  readonly #bufferSize: number;
  #pending: Uint8Array[] = [];
  #pendingLength = 0;
  #closed = false;

  /** @param bufferSize - Bytes to collect before they are sent; 0 sends every write, -1 means 8 192. */
  constructor(sink: WriteSink, bufferSize: number) {
    this.#sink = sink;
    this.#bufferSize = bufferSize < 0 ? DEFAULT_BUFFER_SIZE : bufferSize;
  }

  /** Whether `close()` was called. */
  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Write everything. Text is written as UTF-8. The data must not be changed before it has left, unless `wbufsize` collects it.
   *
   * @returns the number of bytes, always all of them.
   * @throws what `sendAll` of the connection throws; `ERR_SOCKETSERVER_WRITE_AFTER_END` after `close()`.
   */
  write(data: string | Uint8Array): Promise<number> {
    try {
      const bytes = this.#checked(data);
      const room = this.#bufferSize === 0 ? this.#sink(bytes) : this.#collect(bytes);
      return room === undefined ? Promise.resolve(bytes.length) : room.then(() => bytes.length);
    } catch (error) {
      return rejected(error);
    }
  }

  /** Send what was collected. */
  async flush(): Promise<void> {
    if (this.#pendingLength === 0) return;
    const bytes = Buffer.concat(this.#pending, this.#pendingLength);
    this.#pending = [];
    this.#pendingLength = 0;
    await this.#sink(bytes);
  }

  /** Flush, and take no more. Idempotent; does not end the connection. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.flush();
  }

  #checked(data: string | Uint8Array): Uint8Array {
    if (this.#closed) throw new SocketServerError(ErrorCode.writeAfterEnd, "Cannot write: wfile is closed");
    const bytes = typeof data === "string" ? Buffer.from(data) : data;
    if (!(bytes instanceof Uint8Array)) {
      throw typeError(
        ErrorCode.invalidArgument,
        `Cannot write: data must be a string or a Uint8Array, received ${show(data)}`,
      );
    }
    return bytes;
  }

  #collect(bytes: Uint8Array): Promise<void> | undefined {
    // A copy: the caller may reuse its buffer before ours is flushed.
    this.#pending.push(Uint8Array.prototype.slice.call(bytes));
    this.#pendingLength += bytes.length;
    return this.#pendingLength >= this.#bufferSize ? this.flush() : undefined;
  }
}
