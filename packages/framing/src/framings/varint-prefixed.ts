import { ErrorCode, integer, rangeError } from "@socketserver/core";

import { codecOptions } from "../codec-options.ts";
import type { Decoder } from "../codec.ts";
import { Framing } from "./framing.ts";
import { FrameDecoder } from "./frame-decoder.ts";
import { MAX_LENGTH, type FramingOptions } from "./framing-options.ts";

/** Options of {@link varintPrefixed}. */
export interface VarintPrefixedOptions extends FramingOptions {
  /**
   * Header bytes before the length, which it does not count, an integer from 0 to 65 535; 1 for MQTT. They are given out and sent at the beginning of
   * the message.
   * @defaultValue 0
   */
  readonly headerBytes?: number;
}

const RULES = { maxLength: MAX_LENGTH, headerBytes: integer({ defaultValue: 0, min: 0, max: 65_535 }) };

/** A varint has 7 bits of the number in each byte: 32 bits need 5. */
const MAX_VARINT_BYTES = 5;

const MAX_VARINT = 0xffff_ffff;

/**
 * Messages after their length as a varint, the least significant 7 bits first: any content, and one byte of prefix for up to 127 bytes, as protobuf's
 * delimited streams and MQTT have it.
 *
 * @throws `TypeError` or `RangeError` `ERR_SOCKETSERVER_INVALID_OPTION` for a wrong option.
 * @see {@link https://protobuf.dev/programming-guides/encoding/#varints | Base 128 varints}
 */
export function varintPrefixed(options?: VarintPrefixedOptions): Framing {
  const { maxLength, headerBytes } = codecOptions<VarintPrefixedOptions>(RULES, options);
  return new VarintPrefixedFraming(maxLength, headerBytes);
}

class VarintPrefixedFraming extends Framing {
  readonly #headerBytes: number;

  constructor(maxLength: number, headerBytes: number) {
    super(maxLength);
    this.#headerBytes = headerBytes;
  }

  encode(message: Uint8Array): Uint8Array {
    this.check(message);
    const header = message.subarray(0, this.#headerBytes);
    const length = message.length - header.length;
    if (header.length < this.#headerBytes || length > MAX_VARINT) {
      throw rangeError(
        ErrorCode.invalidMessage,
        `Cannot encode message: it must have from ${this.#headerBytes} to ${this.#headerBytes + MAX_VARINT} bytes, and has ${message.length}`,
      );
    }
    return Buffer.concat([header, varint(length), message.subarray(header.length)]);
  }

  decoder(): Decoder<Buffer> {
    return new VarintPrefixedDecoder(this.maxLength, this.#headerBytes);
  }
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 0x7f) {
    bytes.push((rest & 0x7f) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  return Buffer.from([...bytes, rest]);
}

class VarintPrefixedDecoder extends FrameDecoder {
  readonly #headerBytes: number;
  /** Bytes of the prefix, once the length is known. */
  #prefixBytes = 0;
  /** What the prefix says. */
  #length = 0;

  constructor(maxLength: number, headerBytes: number) {
    super(maxLength);
    this.#headerBytes = headerBytes;
  }

  override rest(): Buffer {
    this.#prefixBytes = 0;
    return super.rest();
  }

  protected override nextFrame(): Buffer | undefined {
    const { queue } = this;
    if (this.#prefixBytes === 0 && !this.#readPrefix()) return undefined;
    if (queue.length < this.#headerBytes + this.#prefixBytes + this.#length) return undefined;
    const header = this.#headerBytes === 0 ? undefined : queue.take(this.#headerBytes);
    queue.skip(this.#prefixBytes);
    this.#prefixBytes = 0;
    const body = queue.take(this.#length);
    return header === undefined ? body : Buffer.concat([header, body]);
  }

  /** Whether all of the prefix has come. */
  #readPrefix(): boolean {
    let length = 0;
    for (let index = 0; index < MAX_VARINT_BYTES; index++) {
      if (this.#headerBytes + index >= this.queue.length) return false;
      const byte = this.queue.byteAt(this.#headerBytes + index);
      length += (byte & 0x7f) * 2 ** (7 * index);
      if (byte > 0x7f) continue;
      if (this.#headerBytes + length > this.maxLength) throw this.failTooLong();
      if (length > MAX_VARINT) break;
      this.#prefixBytes = index + 1;
      this.#length = length;
      return true;
    }
    throw this.failProtocol("its length is no varint of 32 bits");
  }
}
