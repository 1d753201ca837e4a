import type { Codec, Decoder } from "../codec.ts";
import type { TextFormat } from "../format.ts";
import { DelimitedTextDecoder } from "./delimited-text-decoder.ts";
import type { DelimitedFraming, Delimiter } from "./delimited.ts";

/** A framing with a delimiter, and a format that is text: the same as both one after the other, in fewer steps. */
export class DelimitedTextCodec<In, Out> implements Codec<In, Out> {
  readonly #framing: DelimitedFraming;
  readonly #format: TextFormat<In, Out>;
  readonly #delimiter: Delimiter;

  constructor(framing: DelimitedFraming, format: TextFormat<In, Out>, delimiter: Delimiter) {
    this.#framing = framing;
    this.#format = format;
    this.#delimiter = delimiter;
  }

  encode(message: Out): Uint8Array {
    return this.#framing.encodeText(this.#format.encodeText(message));
  }

  decoder(): Decoder<In> {
    return new DelimitedTextDecoder(this.#framing, this.#format, this.#delimiter);
  }

  decodeDatagram(packet: Buffer): In {
    return this.#format.decode(this.#framing.decodeDatagram(packet));
  }

  encodeDatagram(message: Out): Uint8Array {
    return this.#framing.encodeDatagram(this.#format.encode(message));
  }
}
