import { codecOptions } from "../codec-options.ts";
import type { Decoder } from "../codec.ts";
import { Framing } from "./framing.ts";
import { FrameDecoder } from "./frame-decoder.ts";
import { MAX_LENGTH, type FramingOptions } from "./framing-options.ts";

const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
const COMMA = 0x2c;

/** More digits than any length of a Buffer has. */
const MAX_DIGITS = 16;

/**
 * Netstrings: `5:hello,`. Any content; readable by people.
 *
 * @throws `TypeError` or `RangeError` `ERR_SOCKETSERVER_INVALID_OPTION` for a wrong option.
 * @see {@link https://cr.yp.to/proto/netstrings.txt | Netstrings}
 */
export function netstrings(options?: FramingOptions): Framing {
  return new NetstringFraming(codecOptions<FramingOptions>({ maxLength: MAX_LENGTH }, options).maxLength);
}

class NetstringFraming extends Framing {
  encode(message: Uint8Array): Uint8Array {
    this.check(message);
    return Buffer.concat([Buffer.from(`${message.length}:`), message, Buffer.from(",")]);
  }

  decoder(): Decoder<Buffer> {
    return new NetstringDecoder(this.maxLength);
  }
}

class NetstringDecoder extends FrameDecoder {
  readonly #maxDigits = this.maxLength === Infinity ? MAX_DIGITS : String(this.maxLength).length;
  /** Digits of the length, once it is known. */
  #digits = 0;
  /** What they say. */
  #length = 0;

  override rest(): Buffer {
    this.#digits = 0;
    return super.rest();
  }

  protected override nextFrame(): Buffer | undefined {
    const { queue } = this;
    if (this.#digits === 0 && !this.#readLength()) return undefined;
    const start = this.#digits + 1;
    if (queue.length <= start + this.#length) return undefined;
    if (queue.byteAt(start + this.#length) !== COMMA)
      throw this.failProtocol("its netstring does not end with a comma");
    queue.skip(start);
    const frame = queue.take(this.#length);
    queue.skip(1);
    this.#digits = 0;
    return frame;
  }

  /** Whether all of the length has come. */
  #readLength(): boolean {
    let length = 0;
    for (let index = 0; index < this.queue.length; index++) {
      const byte = this.queue.byteAt(index);
      if (byte === COLON && index > 0) {
        if (length > this.maxLength) throw this.failTooLong();
        this.#digits = index;
        this.#length = length;
        return true;
      }
      // "0:," is a netstring; "05:" is none, so that every length is told in one way.
      const leadingZero = index === 1 && length === 0;
      if (byte < ZERO || byte > NINE || leadingZero)
        throw this.failProtocol("it does not begin with the length of a netstring");
      if (index === this.#maxDigits) throw this.failTooLong();
      length = length * 10 + byte - ZERO;
    }
    return false;
  }
}
