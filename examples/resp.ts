/**
 * RESP2, the protocol of Redis: commands come, replies go.
 *
 * All of it is text with one character for each byte ("latin1"): no byte is changed, and text is cheap to cut and to join.
 *
 * @see {@link https://redis.io/docs/latest/develop/reference/protocol-spec/ | The protocol}
 * @module
 */
import { ErrorCode } from "@socketserver/core";
import { ProtocolError, type Codec, type Decoder, type ProtocolErrorDetails } from "@socketserver/framing";

/** Bytes of a word, of a command and of one that is a plain line, and words of a command: at most. */
export const MAX = { word: 524_288, command: 1_048_576, line: 65_536, words: 1_024 };

/** A name and its arguments. */
export type Command = readonly string[];

/** Text, an integer, nothing, or a list of values; a symbol is a status. */
export type RespValue = string | number | null | symbol | RespError | readonly RespValue[];

/** A command failed. The message begins with the kind of error, such as ERR. */
export class RespError extends Error {}

export const OK = Symbol("OK");

/** Commands in, replies out. */
export const resp: Codec<Command, RespValue> = {
  encode: (value) => (typeof value === "string" ? undefined : SHARED.get(value)) ?? bytesOf(value),
  decoder: () => new CommandDecoder(),
};

const bytesOf = (value: RespValue): Buffer => Buffer.from(textOf(value), "latin1");
/** What is sent again and again is encoded once. */
const SHARED = new Map<RespValue, Buffer>([OK, null, ...Array(100).keys()].map((each) => [each, bytesOf(each)]));
const HEADERS = Array.from({ length: 1_024 }, (_, length) => `$${length}\r\n`);

function textOf(value: RespValue): string {
  if (typeof value === "string") return (HEADERS[value.length] ?? `$${value.length}\r\n`) + value + LINE_END;
  if (typeof value === "number") return `:${value}\r\n`;
  if (typeof value === "symbol") return `+${value.description}\r\n`;
  if (value === null) return "$-1\r\n";
  if (value instanceof RespError) return `-${value.message.replaceAll(/[\r\n]/g, " ")}\r\n`;
  return `*${value.length}\r\n${value.map(textOf).join("")}`;
}

const [DOLLAR, ASTERISK, ZERO, LINE_END] = [0x24, 0x2a, 0x30, "\r\n"];

/** Cuts out each word as soon as all of it has come, so that nothing is looked at twice. */
class CommandDecoder implements Decoder<Command> {
  /** What came, cut up to `#at`; the command begins at `#start`, which is below 0 if that was in an earlier chunk. */
  #text = "";
  #at = 0;
  #start = 0;
  #words: string[] = [];
  /** Words to come, and the length of the first of them if that is known. */
  #missing = 0;
  #length: number | undefined;
  #failure: ProtocolError | undefined;

  get bufferedBytes(): number {
    return this.#text.length - this.#start;
  }

  push(chunk: Uint8Array): void {
    if (this.#failure !== undefined) return;
    const text = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length).toString("latin1");
    this.#text = this.#text.slice(this.#at) + text;
    this.#start -= this.#at;
    this.#at = 0;
  }

  read(): Command | undefined {
    if (this.#failure !== undefined) throw this.#failure;
    while (this.#missing > 0 ? this.#cutWord() : this.#begin()) {
      if (this.#missing > 0) continue;
      const words = this.#words;
      this.#words = [];
      this.#start = this.#at;
      if (words.length > 0) return words;
    }
    return undefined;
  }

  end(): void {
    const partial = this.bufferedBytes > 0 ? this.rest() : undefined;
    if (partial) this.#fail("the stream ended in the middle of it", ErrorCode.incompleteRead, { partial });
    if (this.#failure !== undefined) throw this.#failure;
  }

  skip(): boolean {
    return false;
  }

  rest(): Buffer {
    const count = this.#missing > 0 ? `*${this.#words.length + this.#missing}\r\n` : "";
    const length = this.#length === undefined ? "" : `$${this.#length}\r\n`;
    const rest = count + this.#words.map(textOf).join("") + length + this.#text.slice(this.#at);
    this.#text = "";
    this.#at = this.#start = this.#missing = 0;
    this.#words = [];
    this.#length = this.#failure = undefined;
    return Buffer.from(rest, "latin1");
  }

  /** Read how many words come, or all of them if they are a plain line; false if the line is not complete. */
  #begin(): boolean {
    const start = this.#at;
    if (this.#text.charCodeAt(start) === ASTERISK) {
      this.#missing = this.#number(ASTERISK, MAX.words, "invalid multibulk length") ?? 0;
      return this.#at > start;
    }
    const end = this.#text.indexOf("\n", start);
    const length = (end === -1 ? this.#text.length : end) - start;
    if (length > MAX.line) throw this.#fail("too big inline request", ErrorCode.tooBig);
    if (end === -1) return false;
    this.#words = this.#text.slice(start, end).match(/[^\t-\r ]+/g) ?? [];
    this.#at = end + 1;
    return true;
  }

  /** Cut out the next word; false if it is not complete. */
  #cutWord(): boolean {
    this.#length ??= this.#number(DOLLAR, MAX.word, "invalid bulk length");
    if (this.#length === undefined) return false;
    const end = this.#at + this.#length;
    if (end - this.#start > MAX.command) throw this.#fail("too big request", ErrorCode.tooBig);
    if (end + 2 > this.#text.length) return false;
    if (!this.#text.startsWith(LINE_END, end)) throw this.#fail("invalid bulk length");
    this.#words.push(this.#text.slice(this.#at, end));
    this.#at = end + 2;
    this.#missing -= 1;
    this.#length = undefined;
    return true;
  }

  /** Read a line that is a type and a length; undefined if it is not complete. */
  #number(type: number, max: number, reason: string): number | undefined {
    const text = this.#text;
    const first = this.#at + 1;
    let at = first;
    let value = 0;
    for (; at < text.length; at++) {
      const digit = text.charCodeAt(at) - ZERO;
      if (digit < 0 || digit > 9 || (value === 0 && at > first)) break;
      value = value * 10 + digit;
    }
    if (value > max) throw this.#fail(reason, ErrorCode.tooBig);
    if (at + 2 > text.length) return undefined;
    if (text.charCodeAt(this.#at) !== type || at === first || !text.startsWith(LINE_END, at)) throw this.#fail(reason);
    this.#at = at + 2;
    return value;
  }

  #fail(reason: string, code: ErrorCode = ErrorCode.protocol, details: ProtocolErrorDetails = {}): ProtocolError {
    this.rest();
    this.#failure = new ProtocolError(code, `Cannot decode command: ${reason}`, details);
    return this.#failure;
  }
}
