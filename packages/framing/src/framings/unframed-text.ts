import type { Codec, Decoder } from "../codec.ts";
import { UTF8 } from "../formats/text.ts";
import { FrameDecoder } from "./frame-decoder.ts";
import { unfinishedCharacter } from "./unfinished-character.ts";

/**
 * Text without messages: UTF-8 as it comes, in pieces that never cut a character. For a terminal or a log, where only the order of the characters counts.
 *
 * Unlike the messages of every other codec, the pieces depend on how the bytes were cut; together they are the same. A datagram is a message,
 * also an empty one.
 */
export function unframedText(): Codec<string> {
  return {
    encode: (message) => UTF8.encode(message),
    decoder: () => new UnframedTextDecoder(),
    decodeDatagram: (packet) => UTF8.decode(packet),
  };
}

class UnframedTextDecoder implements Decoder<string> {
  readonly #characters = new WholeCharactersDecoder(Infinity);

  get bufferedBytes(): number {
    return this.#characters.bufferedBytes;
  }

  push(chunk: Uint8Array): void {
    this.#characters.push(chunk);
  }

  read(): string | undefined {
    const bytes = this.#characters.read();
    return bytes === undefined ? undefined : this.#characters.decode(bytes);
  }

  end(): void {
    this.#characters.end();
  }

  skip(): boolean {
    return false;
  }

  rest(): Buffer {
    return this.#characters.rest();
  }
}

/** Holds back the bytes of a character whose last byte has not come. */
class WholeCharactersDecoder extends FrameDecoder {
  /** Decode what was read; what is no UTF-8 is an error that stays. */
  decode(bytes: Buffer): string {
    try {
      return UTF8.decode(bytes);
    } catch {
      throw this.failProtocol("it is no UTF-8");
    }
  }

  protected override nextFrame(): Buffer | undefined {
    const bytes = this.queue.peek(this.queue.length);
    const whole = bytes.length - unfinishedCharacter(bytes, 0, bytes.length);
    return whole === 0 ? undefined : this.queue.take(whole);
  }
}
