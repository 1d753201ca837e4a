/**
 * What a codec is: the bytes of a stream on one side, messages on the other, and no I/O.
 *
 * The contract of every codec, which a property test holds for each of this package:
 *
 * - The same messages come out however the bytes were cut into chunks, and `decode(encode(message))` is the message.
 * - What is too long is refused before it is kept: between two chunks a decoder holds at most the longest message with its framing, and the chunk in which
 *   that began.
 * - After an error a decoder stays in error. Only an error in the content of a message whose end is known can be passed over, with `skip()`.
 * - Whatever the peer sends, nothing but a {@link ProtocolError} is thrown by a decoder.
 *
 * @module
 */

import { ErrorCode, show, typeError } from "@socketserver/core";

/**
 * Where messages end in a stream of bytes, and what they mean.
 *
 * A codec has no state: one value serves every connection. The state of one stream is in its {@link Decoder}.
 *
 * @typeParam In - The messages that come.
 * @typeParam Out - The messages that can be sent.
 */
export interface Codec<In, Out = In> {
  /**
   * The bytes of a message, with its framing. They share no memory with the message, which may change before they leave.
   *
   * @throws `TypeError` or `RangeError` `ERR_SOCKETSERVER_INVALID_MESSAGE` if the message cannot be told by this codec.
   */
  encode(message: Out): Uint8Array;
  /** A new decoder, for one stream. */
  decoder(): Decoder<In>;
  /**
   * The message that a datagram is: the datagram takes the place of the framing.
   *
   * @throws {@link ProtocolError} if it is no message.
   * @defaultValue the one message that a decoder finds in it
   */
  decodeDatagram?(packet: Buffer): In;
  /**
   * A message as a datagram, without framing.
   *
   * @throws as `encode()` does.
   * @defaultValue `encode()`
   */
  encodeDatagram?(message: Out): Uint8Array;
}

/**
 * Decodes one stream: give it the bytes as they come, and read the messages that they complete.
 *
 * @example
 * ```ts run
 * import { lines } from "@socketserver/framing";
 *
 * const decoder = lines().text().decoder();
 * for (const chunk of ["first\nsec", "ond\r\n"]) {
 *   decoder.push(Buffer.from(chunk));
 *   for (let line = decoder.read(); line !== undefined; line = decoder.read()) console.log(line);
 * }
 * decoder.end();
 * ```
 *
 * ```text
 * first
 * second
 * ```
 */
export interface Decoder<In> {
  /** Bytes that were given and are in no message that was read, nor in its framing. */
  readonly bufferedBytes: number;
  /** Give it the next bytes, which belong to the decoder from now on. Read all messages before giving more, or more than the bound is kept. */
  push(chunk: Uint8Array): void;
  /**
   * The next message, or undefined if its last byte has not come. No message is ever `undefined`.
   *
   * @throws {@link ProtocolError} `ERR_SOCKETSERVER_PROTOCOL` if what came is no message, `ERR_SOCKETSERVER_TOO_BIG` if it is too long; from then on, every time.
   */
  read(): In | undefined;
  /**
   * No more bytes will come. Call it when `read()` has nothing more, and `read()` once again: with some framings the end completes a message.
   *
   * @throws {@link ProtocolError} `ERR_SOCKETSERVER_INCOMPLETE_READ` if the stream ended in the middle of a message; `partial` holds what came of it.
   */
  end(): void;
  /**
   * After an error in the content of a message: pass it over, and go on behind it. Answers false, and changes nothing, if it is not known where the
   * message ends. What was pushed between the error and this is not kept.
   */
  skip(): boolean;
  /** Take back what was given and not decoded, for another decoder. This one is as new. */
  rest(): Buffer;
}

/** The messages that come in with a codec. */
export type MessageOf<C extends Codec<unknown, never>> = C extends Codec<infer In, never> ? In : never;

/** The messages that can be sent with a codec. */
export type ReplyOf<C extends Codec<unknown, never>> = C extends Codec<unknown, infer Out> ? Out : never;

/**
 * Refuse what is no codec, before anything is done with it.
 *
 * @param handler - The class of handlers that has it, if one has.
 */
export function assertCodec(codec: unknown, handler?: string): void {
  if (isCodec(codec)) return;
  const isFormat = typeof (codec as { readonly decode?: unknown } | undefined)?.decode === "function";
  const remedy = isFormat ? "; a format needs a framing, such as lines().text() or lines().with(format)" : "";
  const expected = `a codec must have encode() and decoder(), received ${show(codec)}${remedy}`;
  if (handler === undefined) throw typeError(ErrorCode.invalidArgument, `Cannot use messages: ${expected}`);
  throw typeError(ErrorCode.invalidHandler, `Cannot run ${handler}: ${expected}`);
}

/** Whether it can encode and decode. */
export function isCodec(codec: unknown): boolean {
  const { encode, decoder } = (codec ?? {}) as Partial<Codec<unknown>>;
  return typeof encode === "function" && typeof decoder === "function";
}
