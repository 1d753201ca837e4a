import { ErrorCode, show, typeError } from "@socketserver/core";

import type { Codec, Decoder } from "../codec.ts";
import { FrameDecoder } from "./frame-decoder.ts";

/**
 * Bytes without messages, in the pieces in which they come: for what follows a handshake, such as a tunnel.
 *
 * Unlike the messages of most codecs, the pieces depend on how the bytes were cut; together they are the same. A datagram is a message, also
 * an empty one.
 */
export function unframedBytes(): Codec<Buffer, Uint8Array> {
  return {
    encode,
    decoder: (): Decoder<Buffer> => new PieceDecoder(Infinity),
    decodeDatagram: (packet) => packet,
  };
}

function encode(message: Uint8Array): Uint8Array {
  if (message instanceof Uint8Array) return Buffer.from(message);
  const problem = `Cannot encode message: it must be a Uint8Array, received ${show(message)}`;
  throw typeError(ErrorCode.invalidMessage, problem);
}

class PieceDecoder extends FrameDecoder {
  protected override nextFrame(): Buffer | undefined {
    return this.queue.length === 0 ? undefined : this.queue.take(this.queue.length);
  }
}
