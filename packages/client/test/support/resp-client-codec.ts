/**
 * RESP2, the protocol of Redis, as its clients speak it: commands go, replies come.
 *
 * One that says where a reply ends, without building anything, and one that builds it when all of it is there.
 *
 * @see {@link https://redis.io/docs/latest/develop/reference/protocol-spec/ | The protocol}
 * @module
 */
import { FrameDecoder, Framing, type Codec, type Decoder, type Format } from "@socketserver/framing";

/** Text, an integer, nothing, a command that failed, or a list of all these. */
export type RespReply = string | number | null | RespError | readonly RespReply[];

/** A command failed. The message begins with the kind of error, such as ERR. */
export class RespError extends Error {
  override readonly name = "RespError";
}

/** Commands out, replies in. */
export function respClient({ maxLength = 16_777_216 } = {}): Codec<RespReply, readonly string[]> {
  const replies = new ReplyFraming(maxLength).with(REPLIES);
  return { encode: encodeCommand, decoder: () => replies.decoder() };
}

function encodeCommand(words: readonly string[]): Uint8Array {
  const parts = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`);
  return Buffer.from(`*${words.length}\r\n${parts.join("")}`);
}

const [STATUS, ERROR, INTEGER, TEXT, LIST] = ["+", "-", ":", "$", "*"];

/** A line: what it begins, and where it ends. */
interface Header {
  readonly kind: string;
  /** What stands behind the kind. */
  readonly content: string;
  /** Of a text its bytes, of a list its items; -1 stands for nothing. */
  readonly count: number;
  /** Where the next line begins, or the text. */
  readonly end: number;
}

/** The line at a place, or undefined if it is not complete. */
function headerAt(bytes: Buffer, at: number): Header | undefined {
  const end = bytes.indexOf("\r\n", at);
  if (end === -1) return undefined;
  const content = bytes.toString("utf8", at + 1, end);
  return { kind: String.fromCharCode(bytes[at] as number), content, count: Number(content), end: end + 2 };
}

class ReplyFraming extends Framing {
  encode(reply: Uint8Array): Uint8Array {
    return reply;
  }

  decoder(): Decoder<Buffer> {
    return new ReplyFrameDecoder(this.maxLength);
  }
}

class ReplyFrameDecoder extends FrameDecoder {
  /** Where the next line begins. */
  #at = 0;
  /** Values that are still to come, of all lists that have begun. */
  #missing = 1;

  protected override nextFrame(): Buffer | undefined {
    if (this.queue.length < this.#at) return undefined;
    const bytes = this.queue.peek(this.queue.length);
    while (this.#missing > 0) {
      const header = headerAt(bytes, this.#at);
      if (header === undefined) {
        if (bytes.length > this.maxLength) throw this.failTooLong();
        return undefined;
      }
      this.#pass(header);
    }
    if (bytes.length < this.#at) return undefined;
    const length = this.#at;
    this.#begin();
    return this.queue.take(length);
  }

  override rest(): Buffer {
    this.#begin();
    return super.rest();
  }

  #begin(): void {
    this.#at = 0;
    this.#missing = 1;
  }

  #pass({ kind, count, end }: Header): void {
    const counted = kind === TEXT || kind === LIST;
    const known = counted || kind === INTEGER || kind === STATUS || kind === ERROR;
    if (!known || (counted && !(Number.isInteger(count) && count >= -1))) throw this.failProtocol("it is no reply");
    this.#at = kind === TEXT && count >= 0 ? end + count + 2 : end;
    this.#missing += (kind === LIST ? Math.max(count, 0) : 0) - 1;
    if (this.#at > this.maxLength) throw this.failTooLong();
  }
}

/** A list that has begun. */
interface OpenList {
  readonly items: RespReply[];
  readonly count: number;
}

/** All bytes of one reply. Not recursive: the server chooses how deep lists are. */
const REPLIES: Format<RespReply, never> = {
  encode: (reply) => reply,
  decode(bytes) {
    const open: OpenList[] = [];
    for (let at = 0; ;) {
      const header = headerAt(bytes, at) as Header;
      const { kind, count, end } = header;
      at = kind === TEXT && count >= 0 ? end + count + 2 : end;
      if (kind === LIST && count > 0) {
        open.push({ items: [], count });
        continue;
      }
      const whole = closed(open, valueOf(header, bytes));
      if (whole !== undefined) return whole;
    }
  },
};

function valueOf({ kind, content, count, end }: Header, bytes: Buffer): RespReply {
  if (kind === STATUS) return content;
  if (kind === ERROR) return new RespError(content);
  if (kind === INTEGER) return count;
  if (count === -1) return null;
  return kind === LIST ? [] : bytes.toString("utf8", end, end + count);
}

/** Put a value where it belongs, and every list that it completes; answers the outermost, if it is complete. */
function closed(open: OpenList[], value: RespReply): RespReply | undefined {
  for (let item = value; ;) {
    const list = open.at(-1);
    if (list === undefined) return item;
    list.items.push(item);
    if (list.items.length < list.count) return undefined;
    open.pop();
    item = list.items;
  }
}
