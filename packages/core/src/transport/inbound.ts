import { ErrorCode, rangeError, show, typeError, type PeerError } from "../errors.ts";
import { ByteFlow, type Read } from "./byte-flow.ts";
import { rejected } from "./failure.ts";

/** Lines end with LF, as in Python's `readline()`. */
const LINE_FEED = 0x0a;

/** Which separator, and how much of what comes has been searched for it. */
interface Search {
  readonly separator: Buffer | number;
  readonly separatorLength: number;
  readonly limit: number;
  /** At end-of-stream give the unterminated rest instead of rejecting. */
  readonly lenient: boolean;
  searched: number;
}

/** The reading half of a connection: every way to take bytes out of a {@link ByteFlow}. One read at a time; a second one rejects. */
export class Inbound extends ByteFlow {
  /** Wait for bytes and take at most `limit` of them; empty at end-of-stream. */
  readSome(limit: number): Promise<Buffer> {
    return this.#checked("limit", limit, Inbound.#SOME, limit);
  }

  /** Wait for exactly `count` bytes. */
  readExactly(count: number): Promise<Buffer> {
    return this.#checked("count", count, Inbound.#EXACTLY, count);
  }

  /** Wait for `limit` bytes or the end of the stream, whichever comes first. */
  read(limit: number): Promise<Buffer> {
    return this.#checked("limit", limit, Inbound.#UP_TO, limit);
  }

  /** Wait for the end of the stream and take everything, at most `limit` bytes. */
  readToEnd(limit: number): Promise<Buffer> {
    return this.#checked("limit", limit, Inbound.#TO_END, limit);
  }

  /** Wait for a line and take it with its terminator; at end-of-stream the unterminated rest, then empty. */
  readLine(limit: number): Promise<Buffer> {
    const search = { separator: LINE_FEED, separatorLength: 1, limit, lenient: true, searched: 0 };
    return this.#checked("limit", limit, Inbound.#UNTIL, search);
  }

  /** Wait for `separator` and take everything up to and including it, at most `limit` bytes; reject at end-of-stream. */
  readUntil(separator: Buffer, limit: number): Promise<Buffer> {
    if (separator.length === 0) {
      return rejected(rangeError(ErrorCode.invalidArgument, 'Cannot read: separator must not be empty, received ""'));
    }
    const search = { separator, separatorLength: separator.length, limit, lenient: false, searched: 0 };
    return this.#checked("limit", limit, Inbound.#UNTIL, search);
  }

  /** Wait for at least one byte and look at up to `count`, without taking them; empty at end-of-stream. */
  peek(count: number): Promise<Buffer> {
    return this.#checked("count", count, Inbound.#PEEK, count);
  }

  #checked<Detail>(name: string, count: number, read: Read<Inbound, Detail>, detail: Detail): Promise<Buffer> {
    try {
      checkCount(name, count);
    } catch (error) {
      return rejected(error);
    }
    return this.run(read, detail);
  }

  /** Everything that is left at the end of the stream. */
  #takeRest(): Buffer {
    const bytes = this.take(this.queue.length);
    this.sawEnd();
    return bytes;
  }

  #tooBig(what: string): PeerError {
    return this.peerError(ErrorCode.tooBig, `Cannot read ${what}`);
  }

  /** The stream ended before all of it had come. */
  #incomplete(what: string, unit: string): PeerError {
    const partial = this.#takeRest();
    const message = `Cannot read ${what}: the stream ended after ${partial.length}${unit}`;
    return this.peerError(ErrorCode.incompleteRead, message, { partial });
  }

  static readonly #SOME: Read<Inbound, number> = {
    enough: (inbound, limit) =>
      inbound.queue.length === 0 ? undefined : inbound.take(Math.min(limit, inbound.queue.length)),
    rest: (inbound) => inbound.sawEnd(),
  };

  static readonly #EXACTLY: Read<Inbound, number> = {
    enough: (inbound, count) => (inbound.queue.length < count ? undefined : inbound.take(count)),
    rest: (inbound, count) => {
      throw inbound.#incomplete(`${count} bytes`, "");
    },
  };

  static readonly #UP_TO: Read<Inbound, number> = {
    enough: (inbound, limit) => (inbound.queue.length < limit ? undefined : inbound.take(limit)),
    rest: (inbound) => (inbound.queue.length === 0 ? inbound.sawEnd() : inbound.take(inbound.queue.length)),
  };

  static readonly #TO_END: Read<Inbound, number> = {
    enough: (inbound, limit) => {
      if (inbound.queue.length <= limit) return undefined;
      throw inbound.#tooBig(`to the end: the peer sent more than ${limit} bytes`);
    },
    rest: (inbound) => inbound.#takeRest(),
  };

  static readonly #UNTIL: Read<Inbound, Search> = {
    enough: (inbound, search) => {
      const { separator, separatorLength, limit, lenient } = search;
      const { queue } = inbound;
      const start = queue.indexOf(separator, search.searched);
      const length = start + separatorLength;
      // The rest of a stream needs no separator, and may fill the limit.
      const limitWithout = lenient ? limit : limit - 1;
      if (start === -1 ? queue.length > limitWithout : length > limit) {
        throw inbound.#tooBig(`until the separator: the peer sent more than ${limit} bytes without it`);
      }
      if (start !== -1) return inbound.take(length);
      search.searched = Math.max(queue.length - separatorLength + 1, 0);
      return undefined;
    },
    rest: (inbound, { lenient }) => {
      if (lenient) return inbound.#takeRest();
      throw inbound.#incomplete("until the separator", " bytes");
    },
  };

  static readonly #PEEK: Read<Inbound, number> = {
    enough: (inbound, count) => (inbound.queue.length === 0 ? undefined : Buffer.from(inbound.queue.peek(count))),
    rest: (inbound) => inbound.sawEnd(),
  };
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
