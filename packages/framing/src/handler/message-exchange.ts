import type { Codec } from "../codec.ts";

/**
 * Messages over a connection, or the one of a datagram: what a handler of messages works on.
 *
 * @typeParam In - What comes.
 * @typeParam Out - What can be sent.
 */
export interface MessageExchange<In, Out> {
  /** The next message if all of it is here already. Throws as `receive()` rejects. */
  take(): In | undefined;
  /** Wait for the next message; undefined at the end of the stream. */
  receive(): Promise<In | undefined>;
  /** After many messages in one go: a promise to wait for, so that others have a turn; else undefined. */
  pause(): Promise<void> | undefined;
  /** Send a message; the answer resolves when there is room for more, and is undefined if there is. Throws if it cannot be encoded, or sent. */
  post(message: Out): Promise<void> | undefined;
  /** After a `ProtocolError`: pass the wrong message over. Answers false if nothing can come after it. */
  skip(): boolean;
  /** From the next message on, in both directions. */
  switchTo<NextIn, NextOut>(codec: Codec<NextIn, NextOut>): MessageExchange<NextIn, NextOut>;
}
