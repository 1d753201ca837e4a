import type { Connection } from "@socketserver/core";

import { assertCodec, type Codec, type Decoder } from "../codec.ts";
import { ProtocolError } from "../protocol-error.ts";
import type { MessageExchange } from "./message-exchange.ts";
import { TimeSlice } from "./time-slice.ts";

/**
 * A connection as messages, for servers and clients alike. It closes nothing: whoever made the connection does.
 *
 * One reader at a time. What is read of the connection past this object is lost to it.
 *
 * @typeParam In - What comes.
 * @typeParam Out - What can be sent.
 */
export class MessageStream<In, Out = In> implements MessageExchange<In, Out>, AsyncIterable<In> {
  /** The connection underneath. */
  readonly connection: Connection;
  #codec: Codec<In, Out>;
  #decoder: Decoder<In>;
  #ended = false;
  /** What had come of the stream when the server was seen to drain, in bytes: the message with the last of them is the last one, but for what came with its end. */
  #drainedAt: number | undefined;
  readonly #slice = new TimeSlice();

  constructor(connection: Connection, codec: Codec<In, Out>) {
    assertCodec(codec);
    this.connection = connection;
    this.#codec = codec;
    this.#decoder = codec.decoder();
  }

  /** What the messages are encoded with. */
  get codec(): Codec<In, Out> {
    return this.#codec;
  }

  /**
   * The next message if all of it is here already, without waiting; undefined if not.
   *
   * @throws {@link ProtocolError} if what came is no message.
   */
  take(): In | undefined {
    if (this.#over) return undefined;
    try {
      return this.#decoder.read();
    } catch (error) {
      throw this.#owned(error);
    }
  }

  /**
   * Wait for the next message; undefined at the end of the stream, and after this side has closed it.
   *
   * @throws {@link ProtocolError} if what came is no message, or ended in the middle of one; whatever `recv()` of the connection throws.
   */
  async receive(): Promise<In | undefined> {
    const pause = this.pause();
    if (pause !== undefined) await pause;
    for (;;) {
      const message = this.take();
      if (message !== undefined || this.#finished()) return message;
      const chunk = await this.#receiveChunk();
      if (chunk.length === 0) this.#end();
      else {
        this.#decoder.push(chunk);
        // It came although the server drains: it was on its way, and what comes behind it was not.
        this.#drained();
      }
    }
  }

  /** After many messages in one go: a promise to wait for, so that others have a turn; else undefined. */
  pause(): Promise<void> | undefined {
    return this.#slice.use();
  }

  /** The messages that come, until the peer ends its side. Leaving the loop early closes nothing. */
  async *[Symbol.asyncIterator](): AsyncGenerator<In, void, void> {
    for (let message = await this.receive(); message !== undefined; message = await this.receive()) yield message;
  }

  /**
   * Send a message; resolves when less than the connection's high-water mark is pending. Messages that are sent at once leave in one write, in their order.
   *
   * A call that is not awaited needs a `catch`: the peer may be gone.
   *
   * @throws `TypeError` or `RangeError` `ERR_SOCKETSERVER_INVALID_MESSAGE` if the codec cannot tell it; whatever `sendAll()` of the connection throws.
   */
  async send(message: Out): Promise<void> {
    await this.post(message);
  }

  /** {@link MessageStream.send} without a promise if there is room: answers undefined then. Throws at once what `send()` rejects with. */
  post(message: Out): Promise<void> | undefined {
    const { connection } = this;
    return connection.sendSoon(this.#codec.encode(message)) ? undefined : connection.ready();
  }

  /** After a {@link ProtocolError}: pass the wrong message over. Answers false if it is not known where it ends. */
  skip(): boolean {
    return this.#decoder.skip();
  }

  /**
   * Go on with another codec, in both directions: what came behind the last message that was read is decoded with it, and what is sent from now on is
   * encoded with it. The answer is this same stream, with the types of the new codec.
   *
   * @throws `TypeError` `ERR_SOCKETSERVER_INVALID_ARGUMENT` if it is no codec; nothing has changed then.
   */
  switchTo<NextIn, NextOut>(codec: Codec<NextIn, NextOut>): MessageStream<NextIn, NextOut> {
    assertCodec(codec);
    const rest = this.#decoder.rest();
    const next = this as unknown as MessageStream<NextIn, NextOut>;
    next.#codec = codec;
    next.#decoder = codec.decoder();
    next.#decoder.push(rest);
    // The next read sees the end once more, and tells the new decoder.
    next.#ended = false;
    return next;
  }

  /** Whether nothing of what came is wanted: this side has closed, or a reset took it, as it takes what any other read has not read. */
  get #over(): boolean {
    const { inbound, destroyed } = this.connection;
    return inbound.unwanted || (destroyed && !inbound.peerEnded);
  }

  /** With no message at hand, whether none will come: the stream has ended, or the server drains and all that had come was read. */
  #finished(): boolean {
    return this.#ended || this.connection.inbound.unwanted || this.#drained();
  }

  /**
   * Whether the server drains, and every message that had begun to come by then was read. What comes later is not: a peer that never pauses has always begun another one.
   */
  #drained(): boolean {
    const { draining, endOnDrain, bytesRead, inbound } = this.connection;
    if (!draining || !endOnDrain) return false;
    const rest = inbound.buffered + this.#decoder.bufferedBytes;
    if (this.#drainedAt === undefined) {
      // With nothing at hand, what is on its way is waited for, as any read that stands between two messages does.
      if (rest > 0) this.#drainedAt = bytesRead;
      return false;
    }
    return bytesRead - rest >= this.#drainedAt;
  }

  async #receiveChunk(): Promise<Buffer> {
    const { inbound } = this.connection;
    inbound.unfinishedBytes = this.#decoder.bufferedBytes;
    try {
      return await this.connection.recv();
    } finally {
      // Whoever reads past this object has boundaries of its own.
      inbound.unfinishedBytes = undefined;
      this.#slice.begin();
    }
  }

  #end(): void {
    this.#ended = true;
    // A read that draining ended is not the peer's end: between messages there is none to complete.
    if (!this.connection.inbound.peerEnded) return;
    try {
      this.#decoder.end();
    } catch (error) {
      throw this.#owned(error);
    }
  }

  /** The peer's fault, for the close reason. */
  #owned(error: unknown): unknown {
    return error instanceof ProtocolError ? this.connection.inbound.own(error) : error;
  }
}
