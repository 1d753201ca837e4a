import type { Codec } from "@socketserver/framing";
import fc from "fast-check";

import { BYTES, FORMAT_CASES, type FormatCase } from "./format-cases.ts";
import { FRAMING_CASES, type FramingCase } from "./framing-cases.ts";

/** A codec of this package with a bound, and messages that it can tell. */
export interface BoundedCodec {
  readonly codec: Codec<unknown, unknown>;
  /** Messages of all kinds that it can tell, short ones most often, and some as long as can be. */
  readonly messages: fc.Arbitrary<unknown>;
  /** The bytes that a stream may begin with. */
  readonly alphabet: readonly number[];
  /** Bytes that a decoder may hold between two chunks. */
  readonly mostBuffered: number;
  /** Frames whose content is no message. */
  readonly wrongFrames: readonly Uint8Array[];
}

/** A codec of this package, with any bound. */
export interface CodecCase {
  readonly name: string;
  /** Bounds that a message can exceed. */
  readonly bounds: readonly number[];
  /** Bounds to try it with: those, and none. */
  readonly allBounds: readonly number[];
  /** Whether the end of the stream ends a message. */
  readonly endCompletes: boolean;
  /** Whether a message is all that a stream has. */
  readonly single: boolean;
  /** The codec with a bound; always the same one for the same bound. */
  readonly at: (maxLength: number) => BoundedCodec;
  /** A message of exactly so many bytes. */
  readonly sized: (bytes: number) => unknown;
}

/** The bound of a codec that is given none. */
const DEFAULT = 65_536;

/** Where the decoder of text begins a new piece, and lengths around it. */
const LONG = [8_191, 8_192, 8_193, 20_000];

function codecCase(framing: FramingCase, format: FormatCase): CodecCase {
  const tells = (message: unknown, maxLength: number): boolean => {
    const bytes = format.bytesOf(message);
    return bytes.length <= maxLength && framing.canonical(bytes)?.equals(bytes) === true;
  };
  const sized = (bytes: number): unknown => canonical(format.sized(bytes));
  // A header in the message says what the message is; only bytes have one.
  const canonical = (message: unknown): unknown =>
    format === BYTES ? (framing.canonical(message as Buffer) ?? message) : message;
  const at = (maxLength: number): BoundedCodec => {
    const made = framing.make(maxLength === DEFAULT ? {} : { maxLength });
    const codec = format.on(made);
    const most = Math.min(maxLength, framing.maxLength);
    const lengths = [framing.minLength, 1, most, ...(most > 100 ? LONG : [])].filter(
      (length) => length >= Math.max(framing.minLength, 1) && length <= Math.min(most, DEFAULT),
    );
    const any = format.messages(Math.min(most, 200), framing.alphabet).map(canonical);
    return {
      codec,
      messages: fc.oneof(
        // What has one size only is not found by chance.
        {
          weight: framing.minLength === framing.maxLength ? 0 : 40,
          arbitrary: any.filter((message) => tells(message, most)),
        },
        { weight: 1, arbitrary: fc.constantFrom(...lengths).map(sized) },
      ),
      alphabet: framing.alphabet,
      mostBuffered: most + framing.overhead + format.overhead,
      wrongFrames: format.wrong
        .map((bytes) => Buffer.concat([bytes, Buffer.alloc(Math.max(framing.minLength - bytes.length, 0), "x")]))
        .filter((bytes) => bytes.length <= most && framing.canonical(bytes)?.equals(bytes) === true)
        .map((bytes) => made.encode(bytes)),
    };
  };
  const bounds = [1, 16, 64, DEFAULT].filter(
    (bound) => bound >= Math.max(framing.minLength, 1) && bound < framing.maxLength,
  );
  return {
    name: `${framing.name}, ${format.name}`,
    bounds,
    allBounds: [...bounds, Infinity],
    endCompletes: framing.endCompletes,
    single: framing.single,
    at: remembered(at),
    sized,
  };
}

/** Every codec that this package can make. */
export const CODECS: readonly CodecCase[] = FRAMING_CASES.flatMap((framing) =>
  [BYTES, ...framing.formats.flatMap((name): readonly FormatCase[] => FORMAT_CASES[name])].map((format) =>
    codecCase(framing, format),
  ),
);

function remembered<Key, Value>(make: (key: Key) => Value): (key: Key) => Value {
  const made = new Map<Key, Value>();
  return (key) => {
    const value = made.get(key) ?? make(key);
    made.set(key, value);
    return value;
  };
}
