import type { Codec, Decoder } from "../codec.ts";
import type { Format } from "../format.ts";
import { isSkippable } from "../protocol-error.ts";

/** What a framing and a format make together. */
export class FramedCodec<In, Out> implements Codec<In, Out> {
  readonly #framing: Required<Codec<Buffer, Uint8Array>>;
  readonly #format: Format<In, Out>;

  constructor(framing: Required<Codec<Buffer, Uint8Array>>, format: Format<In, Out>) {
    this.#framing = framing;
    this.#format = format;
  }

  encode(message: Out): Uint8Array {
    return this.#framing.encode(this.#format.encode(message));
  }

  decoder(): Decoder<In> {
    return new FramedDecoder(this.#framing.decoder(), this.#format);
  }

  decodeDatagram(packet: Buffer): In {
    return this.#format.decode(this.#framing.decodeDatagram(packet));
  }

  encodeDatagram(message: Out): Uint8Array {
    return this.#framing.encodeDatagram(this.#format.encode(message));
  }
}

/** Decodes what a decoder of frames finds. */
class FramedDecoder<In> implements Decoder<In> {
  readonly #frames: Decoder<Buffer>;
  readonly #format: Format<In, never>;
  /** What the format said of the last frame. */
  #failure: { readonly error: unknown } | undefined;

  constructor(frames: Decoder<Buffer>, format: Format<In, never>) {
    this.#frames = frames;
    this.#format = format;
  }

  get bufferedBytes(): number {
    return this.#frames.bufferedBytes;
  }

  push(chunk: Uint8Array): void {
    // In error, nothing more will be read: nothing is kept.
    if (this.#failure === undefined) this.#frames.push(chunk);
  }

  read(): In | undefined {
    if (this.#failure !== undefined) throw this.#failure.error;
    const frame = this.#frames.read();
    if (frame === undefined) return undefined;
    try {
      return this.#format.decode(frame);
    } catch (error) {
      this.#failure = { error };
      throw error;
    }
  }

  end(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
    this.#frames.end();
  }

  skip(): boolean {
    if (this.#failure === undefined || !isSkippable(this.#failure.error)) return false;
    this.#failure = undefined;
    return true;
  }

  rest(): Buffer {
    this.#failure = undefined;
    return this.#frames.rest();
  }
}
