/**
 * Messages that end with a delimiter and are text.
 *
 * Text is cheaper to search and to cut than bytes: what comes is decoded a few kilobytes at a time, and messages are cut out of that. What a message
 * without end has so far is kept as text, too. At the first byte that is no UTF-8 all that is not yet read becomes bytes again and goes through the
 * decoder of bytes, message by message, so that the same messages come out, and the same error after them.
 *
 * @module
 */
import { ErrorCode, show, typeError } from "@socketserver/core";
import { constants, isUtf8 } from "node:buffer";

import type { Decoder } from "../codec.ts";
import type { TextFormat } from "../format.ts";
import { isSkippable, type ProtocolError } from "../protocol-error.ts";
import { tooLong } from "./too-long.ts";
import { bytesWithoutEnd, type DelimitedDecoder } from "./delimited-decoder.ts";
import type { DelimitedFraming, Delimiter } from "./delimited.ts";
import { unfinishedCharacter } from "./unfinished-character.ts";

/** Bytes that are decoded at once: a short message that is kept for long keeps the text that it was cut from. */
const MAX_TEXT = 8_192;

/** What a UTF-16 unit takes in UTF-8, at most. */
const MAX_BYTES_PER_UNIT = 3;

const NOTHING = Buffer.alloc(0);

/** Cuts messages out of text. */
export class DelimitedTextDecoder<In> implements Decoder<In> {
  readonly #framing: DelimitedFraming;
  readonly #format: TextFormat<In, never>;
  readonly #delimiter: string;
  readonly #orCarriageReturn: boolean;
  readonly #maxLength: number;
  readonly #tooMany: number;
  /** What came and is not decoded, from `#chunkAt` on. */
  #chunk: Buffer = NOTHING;
  #chunkAt = 0;
  /** Text with whole messages in it, and the beginning of another one, from `#textAt` on. */
  #text = "";
  #textAt = 0;
  /** Whether every message in the text is as it stands there: not too long, and without a carriage return to take off. */
  #plain = true;
  /** The beginning of a message, before what comes next. Not searched again, and not joined before its end is there. */
  #begun = "";
  #begunBytes = 0;
  /** The end of it, in which a delimiter of several characters may have begun. */
  #begunEnd = "";
  /** Takes over when what comes is no text, and at the end of the stream. */
  #frames: DelimitedDecoder | undefined;
  #failure: { readonly error: unknown } | undefined;
  #ended = false;

  constructor(framing: DelimitedFraming, format: TextFormat<In, never>, delimiter: Delimiter) {
    this.#framing = framing;
    this.#format = format;
    this.#delimiter = delimiter.bytes.toString("latin1");
    this.#orCarriageReturn = delimiter.orCarriageReturn;
    this.#maxLength = Math.min(framing.maxLength, constants.MAX_STRING_LENGTH - MAX_TEXT);
    this.#tooMany = bytesWithoutEnd(delimiter, this.#maxLength);
  }

  get bufferedBytes(): number {
    if (this.#frames !== undefined) return this.#frames.bufferedBytes;
    const unread = this.#textAt === this.#text.length ? 0 : Buffer.byteLength(this.#text.slice(this.#textAt));
    return unread + this.#begunBytes + this.#chunk.length - this.#chunkAt;
  }

  push(chunk: Uint8Array): void {
    if (!(chunk instanceof Uint8Array)) {
      throw typeError(ErrorCode.invalidArgument, `Cannot decode: chunk must be a Uint8Array, received ${show(chunk)}`);
    }
    if (this.#ended) throw typeError(ErrorCode.invalidArgument, "Cannot decode: chunk comes after end()");
    // In error, nothing more will be read: nothing is kept.
    if (this.#failure !== undefined) return;
    if (this.#frames !== undefined) return this.#frames.push(chunk);
    const bytes = Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    this.#chunk = this.#chunkAt === this.#chunk.length ? bytes : Buffer.concat([this.#undecoded(), bytes]);
    this.#chunkAt = 0;
  }

  read(): In | undefined {
    if (this.#failure !== undefined) throw this.#failure.error;
    try {
      return this.#next();
    } catch (error) {
      this.#failure = { error };
      throw error;
    }
  }

  end(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
    this.#ended = true;
    try {
      this.#continueInBytes().end();
    } catch (error) {
      this.#failure = { error };
      throw error;
    }
  }

  skip(): boolean {
    if (this.#failure === undefined || !isSkippable(this.#failure.error)) return false;
    this.#failure = undefined;
    return true;
  }

  rest(): Buffer {
    const rest = this.#continueInBytes().rest();
    this.#frames = undefined;
    this.#failure = undefined;
    this.#ended = false;
    return rest;
  }

  #next(): In | undefined {
    for (;;) {
      const text = this.#text;
      const start = this.#textAt;
      const end = text.indexOf(this.#delimiter, start);
      if (end !== -1) {
        this.#textAt = end + this.#delimiter.length;
        const message = text.slice(start, end);
        return this.#format.decodeText(this.#plain ? message : this.#finished(message));
      }
      if (this.#frames !== undefined) {
        const frame = this.#frames.read();
        return frame === undefined ? undefined : this.#format.decode(frame);
      }
      if (!this.#decodeMore()) return undefined;
    }
  }

  /** Decode the next bytes; false if there are none. */
  #decodeMore(): boolean {
    if (this.#textAt < this.#text.length) {
      this.#begin(this.#text.slice(this.#textAt));
    }
    this.#text = "";
    this.#textAt = 0;
    const chunk = this.#chunk;
    const start = this.#chunkAt;
    const limit = Math.min(start + MAX_TEXT, chunk.length);
    const end = limit - unfinishedCharacter(chunk, start, limit);
    if (end === start) return false;
    const decoded = chunk.toString("utf8", start, end);
    // What is no UTF-8 becomes U+FFFD; the character itself may have been sent, too.
    if (decoded.includes("\ufffd") && !isUtf8(chunk.subarray(start, end))) {
      this.#continueInBytes();
      return true;
    }
    this.#chunkAt = end;
    if (end === chunk.length) this.#forgetChunk();
    if ((this.#begunEnd + decoded).includes(this.#delimiter)) {
      this.#text = this.#begun + decoded;
      this.#plain =
        this.#text.length * MAX_BYTES_PER_UNIT <= this.#maxLength &&
        !(this.#orCarriageReturn && this.#text.includes("\r"));
      this.#forgetBegun();
    } else {
      this.#begin(decoded, end - start);
    }
    return true;
  }

  /** Keep text that has no end in it, unless that makes the message too long. */
  #begin(text: string, bytes: number = Buffer.byteLength(text)): void {
    this.#begun += text;
    this.#begunBytes += bytes;
    const { length } = this.#delimiter;
    if (length > 1) this.#begunEnd = (this.#begunEnd + text).slice(1 - length);
    if (this.#begunBytes >= this.#tooMany) throw this.#failTooLong();
  }

  /** A message of which more is known than that it ends here. */
  #finished(cut: string): string {
    const message = this.#orCarriageReturn && cut.endsWith("\r") ? cut.slice(0, -1) : cut;
    if (message.length * MAX_BYTES_PER_UNIT > this.#maxLength && Buffer.byteLength(message) > this.#maxLength) {
      throw this.#failTooLong();
    }
    return message;
  }

  /** Let the decoder of bytes go on with everything that was not read. */
  #continueInBytes(): DelimitedDecoder {
    if (this.#frames !== undefined) return this.#frames;
    this.#frames = this.#framing.decoder();
    this.#frames.push(Buffer.from(this.#text.slice(this.#textAt) + this.#begun));
    this.#frames.push(this.#undecoded());
    this.#forget();
    return this.#frames;
  }

  #undecoded(): Buffer {
    return this.#chunk.subarray(this.#chunkAt);
  }

  #forgetChunk(): void {
    this.#chunk = NOTHING;
    this.#chunkAt = 0;
  }

  #forget(): void {
    this.#forgetChunk();
    this.#text = "";
    this.#textAt = 0;
    this.#forgetBegun();
  }

  #forgetBegun(): void {
    this.#begun = "";
    this.#begunBytes = 0;
    this.#begunEnd = "";
  }

  #failTooLong(): ProtocolError {
    this.#forget();
    return tooLong(this.#maxLength);
  }
}
