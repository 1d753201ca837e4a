import { ProtocolError, type Decoder } from "@socketserver/framing";

/** What a decoder said, in order: messages, and errors without their stacks. */
export type DecoderEvent =
  | { readonly message: unknown }
  | { readonly code: string; readonly text: string; readonly skippable: boolean; readonly partial: string };

/** What came of a stream. */
export interface Decoded {
  readonly events: readonly DecoderEvent[];
  /** The most bytes that the decoder held when it had nothing more to read and was not in error. */
  readonly mostBuffered: number;
}

/**
 * Give a decoder a stream in these chunks, and its end; errors that can be passed over are.
 *
 * Whatever else than a {@link ProtocolError} is thrown comes out.
 */
export function decodeAll(decoder: Decoder<unknown>, chunks: readonly Uint8Array[]): Decoded {
  const events: DecoderEvent[] = [];
  let mostBuffered = 0;
  for (const chunk of chunks) {
    decoder.push(chunk);
    if (!drain(decoder, events)) return { events, mostBuffered };
    mostBuffered = Math.max(mostBuffered, decoder.bufferedBytes);
  }
  try {
    decoder.end();
  } catch (error) {
    if (!goesOn(error, decoder, events)) return { events, mostBuffered };
  }
  drain(decoder, events);
  return { events, mostBuffered };
}

/** Read all that is there; whether the decoder can go on. */
function drain(decoder: Decoder<unknown>, events: DecoderEvent[]): boolean {
  for (;;) {
    try {
      const message = decoder.read();
      if (message === undefined) return true;
      events.push({ message });
    } catch (error) {
      if (!goesOn(error, decoder, events)) return false;
    }
  }
}

/** Write an error down, and pass it over if that is possible. */
function goesOn(error: unknown, decoder: Decoder<unknown>, events: DecoderEvent[]): boolean {
  if (!(error instanceof ProtocolError)) throw error;
  const { code, message: text, skippable } = error;
  events.push({ code, text, skippable, partial: Buffer.from(error.partial).toString("hex") });
  if (decoder.skip() !== skippable) throw new Error("skip() does not answer what `skippable` says", { cause: error });
  return skippable;
}
