import { ErrorCode, integer, rangeError } from "@socketserver/core";

import type { Decoder } from "../codec.ts";
import { Framing } from "./framing.ts";
import { ProtocolError } from "../protocol-error.ts";
import { FrameDecoder } from "./frame-decoder.ts";

const SIZE = integer({ defaultValue: 1, min: 1 });

/**
 * Messages that all have the same number of bytes, and nothing between them.
 *
 * @param bytes - An integer >= 1.
 * @throws `TypeError` or `RangeError` `ERR_SOCKETSERVER_INVALID_OPTION` for any other.
 */
export function fixedSize(bytes: number): Framing {
  SIZE.check("size", bytes, "codec");
  return new FixedSizeFraming(bytes);
}

class FixedSizeFraming extends Framing {
  encode(message: Uint8Array): Uint8Array {
    this.check(message);
    if (message.length === this.maxLength) return Buffer.from(message);
    throw rangeError(
      ErrorCode.invalidMessage,
      `Cannot encode message: it must have ${this.maxLength} bytes, and has ${message.length}`,
    );
  }

  decoder(): Decoder<Buffer> {
    return new FixedSizeDecoder(this.maxLength);
  }

  override decodeDatagram(packet: Buffer): Buffer {
    if (packet.length === this.maxLength) return packet;
    throw new ProtocolError(
      ErrorCode.protocol,
      `Cannot decode datagram: it has ${packet.length} bytes and not ${this.maxLength}`,
    );
  }

  override encodeDatagram(message: Uint8Array): Uint8Array {
    return this.encode(message);
  }
}

class FixedSizeDecoder extends FrameDecoder {
  protected override nextFrame(): Buffer | undefined {
    return this.queue.length < this.maxLength ? undefined : this.queue.take(this.maxLength);
  }
}
