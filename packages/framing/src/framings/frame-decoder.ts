import { ByteQueue, ErrorCode, show, typeError } from "@socketserver/core";

import type { Decoder } from "../codec.ts";
import { ProtocolError } from "../protocol-error.ts";
import { tooLong } from "./too-long.ts";

/**
 * What every decoder of frames has in common: what came and is not read, the error it stays in, and the end.
 *
 * A framing says in `nextFrame()` where the first message in the queue ends.
 *
 * @example
 * ```ts run
 * import { FrameDecoder } from "@socketserver/framing";
 *
 * // Pascal strings: a byte that is the length, and as many bytes.
 * class PascalStringDecoder extends FrameDecoder {
 *   protected override nextFrame(): Buffer | undefined {
 *     const { queue } = this;
 *     if (queue.length === 0) return undefined;
 *     const length = queue.byteAt(0);
 *     if (length > this.maxLength) throw this.failTooLong();
 *     if (queue.length < 1 + length) return undefined;
 *     queue.skip(1);
 *     return queue.take(length);
 *   }
 * }
 *
 * const decoder = new PascalStringDecoder(255);
 * for (const chunk of ["\x05hel", "lo\x05world"]) {
 *   decoder.push(Buffer.from(chunk));
 *   for (let frame = decoder.read(); frame !== undefined; frame = decoder.read()) console.log(String(frame));
 * }
 * decoder.end();
 * ```
 *
 * ```text
 * hello
 * world
 * ```
 */
export abstract class FrameDecoder implements Decoder<Buffer> {
  /** What came and is in no message yet. */
  protected readonly queue = new ByteQueue();
  /** Bytes of the longest message, an integer >= 1 or `Infinity`. */
  protected readonly maxLength: number;
  /** Whether neither an error nor the end has come: almost always. */
  #going = true;
  #failure: ProtocolError | undefined;
  #ended = false;
  /** What `end()` found: a message that was not read yet. */
  #ahead: Buffer | undefined;

  constructor(maxLength: number) {
    this.maxLength = maxLength;
  }

  get bufferedBytes(): number {
    return this.queue.length + (this.#ahead?.length ?? 0);
  }

  push(chunk: Uint8Array): void {
    if (!(chunk instanceof Uint8Array)) {
      throw typeError(ErrorCode.invalidArgument, `Cannot decode: chunk must be a Uint8Array, received ${show(chunk)}`);
    }
    if (this.#ended) throw typeError(ErrorCode.invalidArgument, "Cannot decode: chunk comes after end()");
    // In error, nothing more will be read: nothing is kept.
    if (this.#failure !== undefined) return;
    this.queue.push(Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
  }

  read(): Buffer | undefined {
    return this.#going ? this.nextFrame() : this.#readLast();
  }

  end(): void {
    if (this.#ended && this.#failure === undefined) return;
    // Whoever has not read everything can still do so; the end comes after it.
    const ahead = this.read();
    this.#going = false;
    this.#ended = true;
    this.#ahead = ahead ?? (this.queue.length === 0 ? undefined : this.read());
  }

  skip(): boolean {
    return false;
  }

  rest(): Buffer {
    const rest = this.queue.take(this.queue.length);
    const ahead = this.#ahead;
    this.#going = true;
    this.#failure = undefined;
    this.#ended = false;
    this.#ahead = undefined;
    return ahead === undefined ? rest : Buffer.concat([ahead, rest]);
  }

  #readLast(): Buffer | undefined {
    if (this.#failure !== undefined) throw this.#failure;
    const ahead = this.#ahead;
    this.#ahead = undefined;
    const frame = ahead ?? this.nextFrame();
    return frame !== undefined || this.queue.length === 0 ? frame : this.lastFrame();
  }

  /**
   * Take the first message out of the queue, and its framing; undefined if its end has not come. The queue may be empty. What is wrong is said by
   * `throw this.failProtocol(reason)` or `throw this.failTooLong()`. What it remembers of a message that has begun is forgotten in `rest()`.
   */
  protected abstract nextFrame(): Buffer | undefined;

  /** The stream has ended, and this is what is left in the queue: no whole message. */
  protected lastFrame(): Buffer {
    const partial = this.queue.take(this.queue.length);
    const message = `Cannot decode message: the stream ended in the middle of it, after ${partial.length} bytes`;
    throw this.fail(new ProtocolError(ErrorCode.incompleteRead, message, { partial }));
  }

  /** From here on there is nothing but this error: where its message ends is not known, so `skippable` must be false. */
  protected fail(error: ProtocolError): ProtocolError {
    this.#going = false;
    this.#failure = error;
    this.queue.clear();
    return error;
  }

  /** The message is not what the protocol says. */
  protected failProtocol(reason: string): ProtocolError {
    return this.fail(new ProtocolError(ErrorCode.protocol, `Cannot decode message: ${reason}`));
  }

  /** The message is longer than the bound. */
  protected failTooLong(): ProtocolError {
    return this.fail(tooLong(this.maxLength));
  }
}
