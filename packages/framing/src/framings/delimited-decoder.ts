import type { Delimiter } from "./delimited.ts";
import { FrameDecoder } from "./frame-decoder.ts";

const CARRIAGE_RETURN = 0x0d;

/** Finds messages that end with a delimiter. */
export class DelimitedDecoder extends FrameDecoder {
  /** One byte is found faster as a number. */
  readonly #delimiter: Buffer | number;
  readonly #size: number;
  readonly #orCarriageReturn: boolean;
  readonly #endTerminates: boolean;
  /** Bytes at which the first message is too long, whatever comes. */
  readonly #tooMany: number;
  /** Bytes in the queue that were searched already. */
  #searched = 0;

  /** @param endTerminates - Whether the end of the stream ends a message, too. */
  constructor({ bytes, orCarriageReturn }: Delimiter, maxLength: number, endTerminates: boolean) {
    super(maxLength);
    this.#delimiter = bytes.length === 1 ? (bytes[0] as number) : bytes;
    this.#size = bytes.length;
    this.#orCarriageReturn = orCarriageReturn;
    this.#endTerminates = endTerminates;
    this.#tooMany = bytesWithoutEnd({ bytes, orCarriageReturn }, maxLength);
  }

  override rest(): Buffer {
    this.#searched = 0;
    return super.rest();
  }

  protected override nextFrame(): Buffer | undefined {
    const { queue } = this;
    const end = queue.indexOf(this.#delimiter, this.#searched);
    if (end === -1) {
      if (queue.length >= this.#tooMany) throw this.failTooLong();
      this.#searched = Math.max(queue.length - this.#size + 1, 0);
      return undefined;
    }
    this.#searched = 0;
    const length = this.#orCarriageReturn && end > 0 && queue.byteAt(end - 1) === CARRIAGE_RETURN ? end - 1 : end;
    if (length > this.maxLength) throw this.failTooLong();
    const frame = queue.take(length);
    queue.skip(end - length + this.#size);
    return frame;
  }

  protected override lastFrame(): Buffer {
    if (!this.#endTerminates) return super.lastFrame();
    // No carriage return is taken off: it belongs to a delimiter only.
    if (this.queue.length > this.maxLength) throw this.failTooLong();
    return this.queue.take(this.queue.length);
  }
}

/** Bytes without a whole delimiter in them after which the message is too long, whatever comes. */
export function bytesWithoutEnd({ bytes, orCarriageReturn }: Delimiter, maxLength: number): number {
  return maxLength + bytes.length + (orCarriageReturn ? 1 : 0);
}
