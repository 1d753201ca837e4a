import { ErrorCode, integer, oneOf, rangeError } from "@socketserver/core";

import { codecOptions } from "../codec-options.ts";
import type { Decoder } from "../codec.ts";
import { Framing } from "./framing.ts";
import { FrameDecoder } from "./frame-decoder.ts";
import { MAX_LENGTH, type FramingOptions } from "./framing-options.ts";

/**
 * Options of {@link lengthPrefixed}: the numbers of Netty's `LengthFieldBasedFrameDecoder`.
 *
 * A frame is `lengthOffset` bytes of header, the length field, and the rest. It has `lengthOffset + lengthBytes + lengthAdjustment + length` bytes in all.
 */
export interface LengthPrefixedOptions extends FramingOptions {
  /** Size of the length field in bytes: 1, 2, 3 or 4. @defaultValue 4 */
  readonly lengthBytes?: 1 | 2 | 3 | 4;
  /** Which byte of the length comes first: the most significant (`"big"`, network order) or the least (`"little"`). @defaultValue "big" */
  readonly byteOrder?: "big" | "little";
  /** Header bytes before the length field, an integer from 0 to 65 535. @defaultValue 0 */
  readonly lengthOffset?: number;
  /**
   * What to add to the length to know how many bytes follow the length field, an integer from -65 535 to 65 535. `-lengthBytes` if the length counts its own
   * field; the size of a header between the field and what it counts, if there is one.
   * @defaultValue 0
   */
  readonly lengthAdjustment?: number;
  /**
   * Bytes at the beginning of the frame that are not given out with the message, an integer from 0 to 65 535. What is sent has zeros there, but for the length. 0 keeps
   * the header and the length field in the message; when such a message is sent, the length in it is written anew.
   * @defaultValue `lengthOffset + lengthBytes`
   */
  readonly skipBytes?: number;
}

const MAX_HEADER = 65_535;

const RULES = {
  maxLength: MAX_LENGTH,
  lengthBytes: oneOf(4, [1, 2, 3, 4]),
  byteOrder: oneOf("big", ["big", "little"]),
  lengthOffset: integer({ defaultValue: 0, min: 0, max: MAX_HEADER }),
  lengthAdjustment: integer({ defaultValue: 0, min: -MAX_HEADER, max: MAX_HEADER }),
  // The default depends on others: it is filled in below.
  skipBytes: integer({ defaultValue: -1, min: 0, max: MAX_HEADER }),
};

/**
 * Messages after their length: any content, and nothing to search for. Without options: 4 bytes, big-endian, counting what follows, as Python's
 * `struct.pack(">L", len(data)) + data`.
 *
 * @throws `TypeError` or `RangeError` `ERR_SOCKETSERVER_INVALID_OPTION` for a wrong option.
 * @see {@link https://netty.io/4.1/api/io/netty/handler/codec/LengthFieldBasedFrameDecoder.html | LengthFieldBasedFrameDecoder}
 */
export function lengthPrefixed(options?: LengthPrefixedOptions): Framing {
  return new LengthPrefixedFraming(codecOptions(RULES, options));
}

/** The resolved numbers. */
interface Layout {
  readonly maxLength: number;
  readonly lengthBytes: number;
  readonly bigEndian: boolean;
  readonly offset: number;
  readonly adjustment: number;
  readonly skip: number;
  /** Bytes up to the end of the length field. */
  readonly headerEnd: number;
}

class LengthPrefixedFraming extends Framing {
  readonly #layout: Layout;

  constructor(options: Required<LengthPrefixedOptions>) {
    super(options.maxLength);
    const headerEnd = options.lengthOffset + options.lengthBytes;
    this.#layout = {
      maxLength: options.maxLength,
      lengthBytes: options.lengthBytes,
      bigEndian: options.byteOrder === "big",
      offset: options.lengthOffset,
      adjustment: options.lengthAdjustment,
      skip: options.skipBytes === -1 ? headerEnd : options.skipBytes,
      headerEnd,
    };
  }

  encode(message: Uint8Array): Uint8Array {
    this.check(message);
    const { lengthBytes, bigEndian, offset, adjustment, skip, headerEnd } = this.#layout;
    const size = skip + message.length;
    const length = size - headerEnd - adjustment;
    if (size < headerEnd || length < 0 || length >= 2 ** (8 * lengthBytes)) throw this.#untellable(message, length);
    const frame = Buffer.allocUnsafe(size).fill(0, 0, skip);
    frame.set(message, skip);
    if (bigEndian) frame.writeUIntBE(length, offset, lengthBytes);
    else frame.writeUIntLE(length, offset, lengthBytes);
    return frame;
  }

  decoder(): Decoder<Buffer> {
    return new LengthPrefixedDecoder(this.#layout);
  }

  #untellable(message: Uint8Array, length: number): RangeError {
    const { lengthBytes } = this.#layout;
    return rangeError(
      ErrorCode.invalidMessage,
      `Cannot encode message: with ${message.length} bytes its length would be ${length}, which ${lengthBytes} bytes of prefix cannot tell`,
    );
  }
}

class LengthPrefixedDecoder extends FrameDecoder {
  readonly #layout: Layout;
  /** Bytes of the first frame in the queue if its header was read before; else 0. */
  #frameSize = 0;

  constructor(layout: Layout) {
    super(layout.maxLength);
    this.#layout = layout;
  }

  override rest(): Buffer {
    this.#frameSize = 0;
    return super.rest();
  }

  protected override nextFrame(): Buffer | undefined {
    const { queue } = this;
    const { skip } = this.#layout;
    const known = this.#frameSize;
    const size = known === 0 ? this.#readHeader() : known;
    if (size === 0 || queue.length < size) {
      this.#frameSize = size;
      return undefined;
    }
    if (known !== 0) this.#frameSize = 0;
    queue.skip(skip);
    return queue.take(size - skip);
  }

  /** Bytes of the frame, or 0 if its header has not come. */
  #readHeader(): number {
    const { queue } = this;
    const { lengthBytes, bigEndian, offset, adjustment, skip, headerEnd } = this.#layout;
    if (queue.length < headerEnd) return 0;
    const length = queue.uintAt(offset, lengthBytes, bigEndian);
    const size = headerEnd + adjustment + length;
    if (size < headerEnd || size < skip) throw this.failProtocol("its length is less than that of its own header");
    if (size - skip > this.maxLength) throw this.failTooLong();
    return size;
  }
}
