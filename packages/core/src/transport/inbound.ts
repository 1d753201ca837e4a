import { ErrorCode, rangeError, show, typeError, type PeerError } from "../errors.ts";
import { ByteFlow, type Read } from "./byte-flow.ts";
import { rejected } from "./failure.ts";

/** Lines end with LF, as in Python's `readline()`. */
const LINE_FEED = Buffer.from("\n");

/** The reading half of a connection: every way to take bytes out of a {@link ByteFlow}. One read at a time; a second one rejects. */
export class Inbound extends ByteFlow {
  /** Made once, not for each time: it is how most bytes are read. */
  readonly #some = new SomeRead(
    (limit) => (this.queue.length === 0 ? undefined : this.take(Math.min(limit, this.queue.length))),
    () => this.sawEnd(),
  );

  /** Wait for bytes and take at most `limit` of them; empty at end-of-stream. */
  readSome(limit: number): Promise<Buffer> {
    if (!this.waiting) this.#some.limit = limit;
    return this.#checked("limit", limit, this.#some);
  }

  /** Wait for exactly `count` bytes. */
  readExactly(count: number): Promise<Buffer> {
    return this.#checked("count", count, {
      enough: () => (this.queue.length < count ? undefined : this.take(count)),
      rest: () => {
        const partial = this.#takeRest();
        throw this.#incomplete(`${count} bytes`, partial, "");
      },
    });
  }

  /** Wait for `limit` bytes or the end of the stream, whichever comes first. */
  read(limit: number): Promise<Buffer> {
    return this.#checked("limit", limit, {
      enough: () => (this.queue.length < limit ? undefined : this.take(limit)),
      rest: () => (this.queue.length === 0 ? this.sawEnd() : this.take(this.queue.length)),
    });
  }

  /** Wait for the end of the stream and take everything, at most `limit` bytes. */
  readToEnd(limit: number): Promise<Buffer> {
    return this.#checked("limit", limit, {
      enough: () => {
        if (this.queue.length <= limit) return undefined;
        throw this.peerError(ErrorCode.tooBig, `Cannot read to the end: the peer sent more than ${limit} bytes`);
      },
      rest: () => this.#takeRest(),
    });
  }

  /** Wait for a line and take it with its terminator; at end-of-stream the unterminated rest, then empty. */
  readLine(limit: number): Promise<Buffer> {
    return this.readUntil(LINE_FEED, limit, true);
  }

  /**
   * Wait for `separator` and take everything up to and including it, at most `limit` bytes.
   *
   * @param lenient - At end-of-stream give the unterminated rest instead of rejecting.
   */
  readUntil(separator: Buffer, limit: number, lenient: boolean): Promise<Buffer> {
    if (separator.length === 0) {
      const message = 'Cannot read: separator must not be empty, received ""';
      return Promise.reject(rangeError(ErrorCode.invalidArgument, message));
    }
    const needle = separator.length === 1 ? (separator[0] as number) : separator;
    let searched = 0;
    return this.#checked("limit", limit, {
      enough: () => {
        const start = this.queue.indexOf(needle, searched);
        const length = start + separator.length;
        // The rest of a stream needs no separator, and may fill the limit.
        const limitWithout = lenient ? limit : limit - 1;
        if (start === -1 ? this.queue.length > limitWithout : length > limit) {
          throw this.peerError(
            ErrorCode.tooBig,
            `Cannot read until the separator: the peer sent more than ${limit} bytes without it`,
          );
        }
        if (start !== -1) return this.take(length);
        searched = Math.max(this.queue.length - separator.length + 1, 0);
        return undefined;
      },
      rest: () => {
        const partial = this.#takeRest();
        if (lenient) return partial;
        throw this.#incomplete("until the separator", partial, " bytes");
      },
    });
  }

  /** Wait for at least one byte and look at up to `count`, without taking them; empty at end-of-stream. */
  peek(count: number): Promise<Buffer> {
    return this.#checked("count", count, {
      enough: () => (this.queue.length === 0 ? undefined : Buffer.from(this.queue.peek(count))),
      rest: () => this.sawEnd(),
    });
  }

  #checked(name: string, count: number, read: Read): Promise<Buffer> {
    try {
      checkCount(name, count);
    } catch (error) {
      return rejected(error);
    }
    return this.run(read);
  }

  /** Everything that is left at the end of the stream. */
  #takeRest(): Buffer {
    const bytes = this.take(this.queue.length);
    this.sawEnd();
    return bytes;
  }

  #incomplete(what: string, partial: Buffer, unit: string): PeerError {
    return this.peerError(
      ErrorCode.incompleteRead,
      `Cannot read ${what}: the stream ended after ${partial.length}${unit}`,
      { partial },
    );
  }
}

/** A read of whatever comes, up to a limit. */
class SomeRead implements Read {
  limit = 0;
  readonly #take: (limit: number) => Buffer | undefined;
  readonly rest: () => Buffer;

  constructor(take: (limit: number) => Buffer | undefined, rest: () => Buffer) {
    this.#take = take;
    this.rest = rest;
  }

  enough(): Buffer | undefined {
    return this.#take(this.limit);
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
