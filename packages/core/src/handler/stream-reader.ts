import type { Inbound } from "../transport/inbound.ts";

/** What a line may measure unless its reader says otherwise, in bytes. */
const DEFAULT_LINE_LIMIT = 65_536;

/** What a read to the end may take unless its caller says otherwise, in bytes. */
const DEFAULT_READ_LIMIT = 1_048_576;

/**
 * Reads a request as a file: `rfile`.
 *
 * Shares its buffer with `recv` of the connection, so that the two can be mixed. What it gives out belongs to the caller.
 *
 * @see {@link https://docs.python.org/3/library/io.html#io.BufferedReader | Python's BufferedReader}
 */
export class StreamReader {
  readonly #inbound: Inbound;

  constructor(inbound: Inbound) {
    this.#inbound = inbound;
  }

  /**
   * Wait for `count` bytes or the end of the stream, whichever comes first. Without `count`, wait for the end, and take at most 1 MiB.
   *
   * @param count - Bytes, at least 1.
   * @throws `PeerError` `ERR_SOCKETSERVER_TOO_BIG` if there is no `count` and the peer sends more than 1 MiB.
   */
  read(count?: number): Promise<Buffer> {
    return count === undefined ? this.#inbound.readToEnd(DEFAULT_READ_LIMIT) : this.#inbound.read(count);
  }

  /**
   * Wait for exactly `count` bytes.
   *
   * @param count - Bytes, at least 1.
   * @throws `PeerError` `ERR_SOCKETSERVER_INCOMPLETE_READ` if the stream ends first; `partial` holds what came.
   */
  readExactly(count: number): Promise<Buffer> {
    return this.#inbound.readExactly(count);
  }

  /**
   * Wait for a line, and take it with its terminator, as in Python. At end-of-stream: the unterminated rest, then an empty Buffer.
   *
   * @param limit - Bytes with the terminator; 65 536 unless given.
   * @throws `PeerError` `ERR_SOCKETSERVER_TOO_BIG` if the line is longer; nothing of it is taken.
   */
  readLine(limit: number = DEFAULT_LINE_LIMIT): Promise<Buffer> {
    return this.#inbound.readLine(limit);
  }

  /**
   * Wait for `separator`, and take everything up to its end.
   *
   * @param separator - At least one byte; text is UTF-8.
   * @param limit - Bytes with the separator; 65 536 unless given.
   * @throws `PeerError` `ERR_SOCKETSERVER_TOO_BIG`, or `ERR_SOCKETSERVER_INCOMPLETE_READ` if the stream ends first.
   * @see {@link https://docs.python.org/3/library/asyncio-stream.html#asyncio.StreamReader.readuntil | readuntil}
   */
  readUntil(separator: string | Uint8Array, limit: number = DEFAULT_LINE_LIMIT): Promise<Buffer> {
    return this.#inbound.readUntil(Buffer.from(separator), limit);
  }

  /** Wait for at least one byte, and look at up to `count` without taking them; empty at end-of-stream. */
  peek(count: number = DEFAULT_LINE_LIMIT): Promise<Buffer> {
    return this.#inbound.peek(count);
  }

  /** The lines, with their terminators, until the end of the stream. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer, void, void> {
    for (;;) {
      const line = await this.readLine();
      if (line.length === 0) return;
      yield line;
    }
  }
}
