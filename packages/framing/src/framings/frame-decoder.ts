import { ByteQueue, ErrorCode, show, typeError } from "@socketserver/core";

import type { Decoder } from "../codec.ts";
import { ProtocolError } from "../protocol-error.ts";
import { tooLong } from "./too-long.ts";

/**
 * What every decoder of frames has in common: what came and is not read, the error it stays in, and the end.
 *
 * A framing says in `nextFrame()` where the first message in the queue ends.
 */
export abstract class FrameDecoder implements Decoder<Buffer> {
  protected readonly queue = new ByteQueue();
  /** Bytes of the longest message. */
  protected readonly maxLength: number;
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
    if (this.#failure !== undefined) throw this.#failure;
    const ahead = this.#ahead;
    if (ahead !== undefined) {
      this.#ahead = undefined;
      return ahead;
    }
    const frame = this.nextFrame();
    if (frame !== undefined || !this.#ended || this.queue.length === 0) return frame;
    return this.lastFrame();
  }

  end(): void {
    if (this.#ended && this.#failure === undefined) return;
    // Whoever has not read everything can still do so; the end comes after it.
    const ahead = this.read();
    this.#ended = true;
    this.#ahead = ahead ?? (this.queue.length === 0 ? undefined : this.read());
  }

  skip(): boolean {
    return false;
  }

  rest(): Buffer {
    this.#failure = undefined;
    this.#ended = false;
    this.#ahead = undefined;
    return this.queue.take(this.queue.length);
  }

  /** Take the first message out of the queue, and its framing; undefined if its end has not come. Throws through `fail()`. */
  protected abstract nextFrame(): Buffer | undefined;

  /** The stream has ended, and this is what is left in the queue: no whole message. */
  protected lastFrame(): Buffer {
    const partial = this.queue.take(this.queue.length);
    const message = `Cannot decode message: the stream ended in the middle of it, after ${partial.length} bytes`;
    throw this.fail(new ProtocolError(ErrorCode.incompleteRead, message, { partial }));
  }

  /** From here on there is nothing but this error. */
  protected fail(error: ProtocolError): ProtocolError {
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
