import { ErrorCode, oneOf, show, typeError } from "@socketserver/core";
import { isAscii } from "node:buffer";

import { codecOptions } from "../codec-options.ts";
import type { Codec } from "../codec.ts";
import { assertFormat, isTextFormat, type Format } from "../format.ts";
import { Framing } from "./framing.ts";
import { ProtocolError } from "../protocol-error.ts";
import { DelimitedDecoder } from "./delimited-decoder.ts";
import { DelimitedTextCodec } from "./delimited-text-codec.ts";
import { MAX_LENGTH, type FramingOptions } from "./framing-options.ts";

/** Options of {@link delimited}, {@link lines} and {@link nulTerminated}. */
export interface DelimitedOptions extends FramingOptions {
  /**
   * What the last bytes are if the stream ends without a delimiter: `"error"`, a truncated message, or `"message"`, as in Python's `readline()`.
   * @defaultValue "error"
   */
  readonly unterminated?: "error" | "message";
}

/** The rules of {@link DelimitedOptions}. */
export const DELIMITED_RULES = { maxLength: MAX_LENGTH, unterminated: oneOf("error", ["error", "message"]) };

/** What a delimiter is, and what belongs to it. */
export interface Delimiter {
  /** At least one byte. */
  readonly bytes: Buffer;
  /** Whether one carriage return before it belongs to it, too. */
  readonly orCarriageReturn: boolean;
}

/**
 * Messages that end with a delimiter: one byte or several. A message cannot contain it, and does not have it: it is taken off what comes and put on what is
 * sent.
 *
 * For lines there is {@link lines}, which knows CRLF. A datagram is one message; one delimiter at its end is taken off, and none is put on.
 *
 * @param delimiter - Text stands for its UTF-8.
 * @throws `TypeError` or `RangeError` `ERR_SOCKETSERVER_INVALID_OPTION` for a wrong option, `ERR_SOCKETSERVER_INVALID_ARGUMENT` for an empty delimiter.
 */
export function delimited(delimiter: string | Uint8Array, options?: DelimitedOptions): Framing {
  const bytes = isWellFormed(delimiter) ? Buffer.from(delimiter) : NOTHING;
  if (bytes.length === 0) {
    throw typeError(
      ErrorCode.invalidArgument,
      `Cannot create codec: delimiter must be text or bytes, at least one, received ${show(delimiter)}`,
    );
  }
  return new DelimitedFraming({ bytes, orCarriageReturn: false }, codecOptions(DELIMITED_RULES, options));
}

/** Ends messages with a delimiter. */
export class DelimitedFraming extends Framing {
  readonly #delimiter: Delimiter;
  readonly #unterminated: "error" | "message";

  constructor(delimiter: Delimiter, options: Required<DelimitedOptions>) {
    super(options.maxLength);
    this.#delimiter = delimiter;
    this.#unterminated = options.unterminated;
  }

  encode(message: Uint8Array): Uint8Array {
    this.check(message);
    const { bytes } = this.#delimiter;
    const frame = Buffer.concat([message, bytes]);
    this.#checkContent(frame.indexOf(bytes) === message.length, message.at(-1));
    return frame;
  }

  decoder(): DelimitedDecoder {
    return new DelimitedDecoder(this.#delimiter, this.maxLength, this.#unterminated === "message");
  }

  override decodeDatagram(packet: Buffer): Buffer {
    const decoder = new DelimitedDecoder(this.#delimiter, this.maxLength, true);
    decoder.push(packet);
    const message = decoder.read() ?? (decoder.end(), decoder.read());
    if (decoder.bufferedBytes > 0) {
      throw new ProtocolError(ErrorCode.protocol, "Cannot decode datagram: it is more than one message");
    }
    return message ?? packet;
  }

  override encodeDatagram(message: Uint8Array): Uint8Array {
    return this.encode(message).subarray(0, message.length);
  }

  override with<In, Out>(format: Format<In, Out>): Codec<In, Out> {
    assertFormat(format);
    if (!isTextFormat(format) || !isAscii(this.#delimiter.bytes)) return super.with(format);
    return new DelimitedTextCodec(this, format, this.#delimiter);
  }

  /** Encode text: the same as `encode()` of its bytes. */
  encodeText(text: string): Buffer {
    const delimiter = this.#delimiter.bytes.toString("latin1");
    const frame = text + delimiter;
    this.#checkContent(frame.indexOf(delimiter) === text.length, text.charCodeAt(text.length - 1));
    return Buffer.from(frame);
  }

  /** Refuse to send what would be decoded as something else. */
  #checkContent(endsAtDelimiter: boolean, last: number | undefined): void {
    if (endsAtDelimiter && !(this.#delimiter.orCarriageReturn && last === CARRIAGE_RETURN)) return;
    const what = this.#delimiter.orCarriageReturn ? "LF, or end with CR" : show(this.#delimiter.bytes.toString());
    throw typeError(
      ErrorCode.invalidMessage,
      `Cannot encode message: it must not contain ${what}; use lengthPrefixed() for any content`,
    );
  }
}

const CARRIAGE_RETURN = 0x0d;

const NOTHING = Buffer.alloc(0);

function isWellFormed(delimiter: unknown): boolean {
  return typeof delimiter === "string" ? delimiter.isWellFormed() : delimiter instanceof Uint8Array;
}
