import { codecOptions } from "../codec-options.ts";
import { ErrorCode, rangeError } from "@socketserver/core";

import type { Decoder } from "../codec.ts";
import { Framing } from "./framing.ts";
import { FrameDecoder } from "./frame-decoder.ts";
import { MAX_LENGTH, type FramingOptions } from "./framing-options.ts";

/**
 * One message, which ends with the stream: everything that the peer sends until it ends its side. Nothing sent is no message. For datagrams: the datagram.
 *
 * @throws `TypeError` or `RangeError` `ERR_SOCKETSERVER_INVALID_OPTION` for a wrong option.
 */
export function wholeStream(options?: FramingOptions): Framing {
  return new WholeStreamFraming(codecOptions<FramingOptions>({ maxLength: MAX_LENGTH }, options).maxLength);
}

class WholeStreamFraming extends Framing {
  encode(message: Uint8Array): Uint8Array {
    this.check(message);
    if (message.length > 0) return Buffer.from(message);
    throw rangeError(ErrorCode.invalidMessage, "Cannot encode message: a stream without a byte is no message");
  }

  decoder(): Decoder<Buffer> {
    return new WholeStreamDecoder(this.maxLength);
  }
}

class WholeStreamDecoder extends FrameDecoder {
  protected override nextFrame(): undefined {
    if (this.queue.length > this.maxLength) throw this.failTooLong();
  }

  protected override lastFrame(): Buffer {
    return this.queue.take(this.queue.length);
  }
}
