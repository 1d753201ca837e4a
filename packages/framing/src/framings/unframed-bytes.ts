import type { Codec, Decoder } from "../codec.ts";
import { FrameDecoder } from "./frame-decoder.ts";

/**
 * Bytes without messages, in the pieces in which they come: for what follows a handshake, such as a tunnel.
 *
 * Unlike the messages of most codecs, the pieces depend on how the bytes were cut; together they are the same.
 */
export function unframedBytes(): Codec<Buffer, Uint8Array> {
  return { encode: (message) => Buffer.from(message), decoder: (): Decoder<Buffer> => new PieceDecoder(Infinity) };
}

class PieceDecoder extends FrameDecoder {
  protected override nextFrame(): Buffer | undefined {
    return this.queue.length === 0 ? undefined : this.queue.take(this.queue.length);
  }
}
