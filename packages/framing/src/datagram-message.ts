/**
 * Datagrams as messages: with any codec, whether it knows of datagrams or not.
 *
 * @module
 */

import { ErrorCode } from "@socketserver/core";

import type { Codec } from "./codec.ts";
import { ProtocolError } from "./protocol-error.ts";

/**
 * The one message that a datagram is.
 *
 * @throws {@link ProtocolError} if it is none, or more than one.
 */
export function decodeDatagram<In>(codec: Codec<In, never>, packet: Buffer): In {
  return codec.decodeDatagram === undefined ? onlyMessage(codec, packet) : codec.decodeDatagram(packet);
}

/**
 * A message as a datagram.
 *
 * @throws `TypeError` or `RangeError` `ERR_SOCKETSERVER_INVALID_MESSAGE` if the codec cannot tell it.
 */
export function encodeDatagram<Out>(codec: Codec<unknown, Out>, message: Out): Uint8Array {
  return codec.encodeDatagram?.(message) ?? codec.encode(message);
}

/** For codecs that know nothing of datagrams: a stream of which this is all. */
function onlyMessage<In>(codec: Codec<In, never>, packet: Buffer): In {
  const decoder = codec.decoder();
  decoder.push(packet);
  let message = decoder.read();
  if (message === undefined) {
    decoder.end();
    message = decoder.read();
  }
  if (message === undefined || decoder.bufferedBytes > 0) {
    const found = message === undefined ? "none" : "more than one";
    throw new ProtocolError(ErrorCode.protocol, `Cannot decode datagram: it must be one message, and is ${found}`);
  }
  return message;
}
