import { ErrorCode, rangeError, show, typeError } from "../errors.ts";
import { ByteFlow } from "./byte-flow.ts";

/** Lines end with LF, as in Python's `readline()`. */
const LINE_FEED = Buffer.from("\n");

/** The reading half of a connection: every way to take bytes out of a {@link ByteFlow}. One read at a time; a second one rejects. */
export class Inbound extends ByteFlow {
  /** Wait for bytes and take at most `limit` of them; empty at end-of-stream. */
  async readSome(limit: number): Promise<Buffer> {
    checkCount("limit", limit);
    if (this.queue.length === 0 || this.claimed) {
      this.claim();
      try {
        if (!(await this.fill(1))) return this.sawEnd();
      } finally {
        this.release();
      }
    }
    return this.take(Math.min(limit, this.queue.length));
  }

  /** Wait for exactly `count` bytes. */
  async readExactly(count: number): Promise<Buffer> {
    checkCount("count", count);
    this.claim();
    try {
      if (!(await this.fill(count))) {
        const partial = this.take(this.queue.length);
        this.sawEnd();
        throw this.peerError(
          ErrorCode.incompleteRead,
          `Cannot read ${count} bytes: the stream ended after ${partial.length}`,
          { partial },
        );
      }
    } finally {
      this.release();
    }
    return this.take(count);
  }

  /** Wait for `limit` bytes or the end of the stream, whichever comes first. */
  async read(limit: number): Promise<Buffer> {
    checkCount("limit", limit);
    this.claim();
    try {
      if (!(await this.fill(limit)) && this.queue.length === 0) return this.sawEnd();
    } finally {
      this.release();
    }
    return this.take(Math.min(limit, this.queue.length));
  }

  /** Wait for the end of the stream and take everything, at most `limit` bytes. */
  async readToEnd(limit: number): Promise<Buffer> {
    checkCount("limit", limit);
    this.claim();
    try {
      if (await this.fill(limit + 1)) {
        throw this.peerError(ErrorCode.tooBig, `Cannot read to the end: the peer sent more than ${limit} bytes`);
      }
    } finally {
      this.release();
    }
    this.sawEnd();
    return this.take(this.queue.length);
  }

  /** Wait for a line and take it with its terminator; at end-of-stream the unterminated rest, then empty. */
  async readLine(limit: number): Promise<Buffer> {
    return this.readUntil(LINE_FEED, limit, true);
  }

  /**
   * Wait for `separator` and take everything up to and including it, at most `limit` bytes.
   *
   * @param lenient - At end-of-stream give the unterminated rest instead of rejecting.
   */
  async readUntil(separator: Buffer, limit: number, lenient: boolean): Promise<Buffer> {
    checkCount("limit", limit);
    if (separator.length === 0) {
      throw rangeError(ErrorCode.invalidArgument, 'Cannot read: separator must not be empty, received ""');
    }
    this.claim();
    try {
      const length = await this.#find(separator, limit, lenient);
      if (length !== -1) return this.take(length);
    } finally {
      this.release();
    }
    const partial = this.take(this.queue.length);
    this.sawEnd();
    if (lenient) return partial;
    throw this.peerError(
      ErrorCode.incompleteRead,
      `Cannot read until the separator: the stream ended after ${partial.length} bytes`,
      {
        partial,
      },
    );
  }

  /** Wait for at least one byte and look at up to `count`, without taking them; empty at end-of-stream. */
  async peek(count: number): Promise<Buffer> {
    checkCount("count", count);
    this.claim();
    try {
      if (!(await this.fill(1))) return this.sawEnd();
    } finally {
      this.release();
    }
    return Buffer.from(this.queue.peek(count));
  }

  /** How many bytes up to and including the separator, or -1 when the stream ended without one. */
  async #find(separator: Buffer, limit: number, lenient: boolean): Promise<number> {
    let searched = 0;
    for (;;) {
      const start = this.queue.indexOf(separator, searched);
      const length = start + separator.length;
      // The rest of a stream needs no separator, and may fill the limit.
      const limitWithout = lenient ? limit : limit - 1;
      const tooBig = start === -1 ? this.queue.length > limitWithout : length > limit;
      if (tooBig) {
        throw this.peerError(
          ErrorCode.tooBig,
          `Cannot read until the separator: the peer sent more than ${limit} bytes without it`,
        );
      }
      if (start !== -1) return length;
      searched = Math.max(this.queue.length - separator.length + 1, 0);
      if (!(await this.fill(this.queue.length + 1))) return -1;
    }
  }
}

function checkCount(name: string, count: unknown): void {
  if (typeof count !== "number") {
    throw typeError(ErrorCode.invalidArgument, `Cannot read: ${name} must be an integer >= 1, received ${show(count)}`);
  }
  if (!Number.isSafeInteger(count) || count < 1) {
    throw rangeError(
      ErrorCode.invalidArgument,
      `Cannot read: ${name} must be an integer >= 1, received ${show(count)}`,
    );
  }
}
