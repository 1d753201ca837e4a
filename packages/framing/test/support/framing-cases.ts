import {
  delimited,
  fixedSize,
  lengthPrefixed,
  lines,
  netstrings,
  nulTerminated,
  varintPrefixed,
  wholeStream,
  type DelimitedOptions,
  type Framing,
  type FramingOptions,
  type LengthPrefixedOptions,
} from "@socketserver/framing";

/** A framing, and what a test must know of it to make messages for it. */
export interface FramingCase {
  readonly name: string;
  /** The framing with a bound; without one if there are no options. */
  make(options?: FramingOptions): Framing;
  /** Bytes that mean something to it. */
  readonly alphabet: readonly number[];
  /** Formats that make sense with it. */
  readonly formats: readonly ("text" | "json" | "messagePack")[];
  /** Bytes that a decoder may hold beside the longest message. */
  readonly overhead: number;
  /** Bytes that a message has at least. */
  readonly minLength: number;
  /** Bytes that a message can have at most, whatever the bound is. */
  readonly maxLength: number;
  /** Whether the end of the stream ends a message. */
  readonly endCompletes: boolean;
  /** Whether a message is all that a stream has. */
  readonly single: boolean;
  /** What comes out when this content is sent, or undefined if it cannot be. */
  canonical(content: Buffer): Buffer | undefined;
}

const ANY = ["text", "json", "messagePack"] as const;
const TEXT = ["text", "json"] as const;

const PLAIN = {
  formats: ANY,
  minLength: 0,
  maxLength: Infinity,
  endCompletes: false,
  single: false,
  canonical: (content: Buffer): Buffer | undefined => content,
};

function delimitedCase(
  name: string,
  make: (options?: DelimitedOptions) => Framing,
  delimiter: Buffer,
  orCarriageReturn = false,
): FramingCase {
  return {
    ...PLAIN,
    name,
    make,
    formats: TEXT,
    alphabet: [...delimiter, 0x0d],
    overhead: delimiter.length - 1 + (orCarriageReturn ? 1 : 0),
    canonical(content) {
      if (orCarriageReturn && content.at(-1) === 0x0d) return undefined;
      return Buffer.concat([content, delimiter]).indexOf(delimiter) === content.length ? content : undefined;
    },
  };
}

/** Twice: the end of the stream is an error, and ends a message. */
function bothEnds(
  name: string,
  make: (options?: DelimitedOptions) => Framing,
  delimiter: Buffer,
  orCarriageReturn = false,
): readonly FramingCase[] {
  const unterminated = (options?: FramingOptions): Framing => make({ ...options, unterminated: "message" });
  return [
    delimitedCase(name, make, delimiter, orCarriageReturn),
    { ...delimitedCase(`${name}, unterminated`, unterminated, delimiter, orCarriageReturn), endCompletes: true },
  ];
}

function fixedCase(bytes: number): FramingCase {
  const make = (): Framing => fixedSize(bytes);
  return {
    ...PLAIN,
    name: `fixedSize(${bytes})`,
    make,
    alphabet: [],
    overhead: -1,
    minLength: bytes,
    maxLength: bytes,
    canonical: (content) => (content.length === bytes ? content : undefined),
  };
}

function lengthCase(options: LengthPrefixedOptions): FramingCase {
  const { lengthBytes = 4, lengthOffset = 0, lengthAdjustment = 0, byteOrder = "big" } = options;
  const headerEnd = lengthOffset + lengthBytes;
  const { skipBytes = headerEnd } = options;
  const most = 2 ** (8 * lengthBytes) - 1;
  return {
    ...PLAIN,
    name: `lengthPrefixed(${JSON.stringify(options)})`,
    make: (bound) => lengthPrefixed({ ...options, ...bound }),
    alphabet: [0, 1, 2, 3, 4, 5, 9],
    // What is kept of the header in the message is no text.
    formats: skipBytes < headerEnd || lengthAdjustment > 0 ? [] : ANY,
    overhead: skipBytes - 1,
    minLength: Math.max(0, headerEnd - skipBytes, headerEnd + lengthAdjustment - skipBytes),
    maxLength: headerEnd + lengthAdjustment + most - skipBytes,
    canonical(content) {
      const frame = Buffer.concat([Buffer.alloc(skipBytes), content]);
      const length = frame.length - headerEnd - lengthAdjustment;
      if (frame.length < headerEnd || length < 0 || length > most) return undefined;
      for (let index = 0; index < lengthBytes; index++) {
        const place = byteOrder === "big" ? headerEnd - 1 - index : lengthOffset + index;
        frame[place] = Math.floor(length / 2 ** (8 * index)) % 0x100;
      }
      return frame.subarray(skipBytes);
    },
  };
}

function varintCase(headerBytes: number): FramingCase {
  return {
    ...PLAIN,
    name: `varintPrefixed({ headerBytes: ${headerBytes} })`,
    make: (bound) => varintPrefixed({ headerBytes, ...bound }),
    alphabet: [0, 1, 2, 5, 0x7f, 0x80, 0x81],
    formats: headerBytes === 0 ? ANY : [],
    overhead: 4,
    minLength: headerBytes,
    canonical: (content) => (content.length >= headerBytes ? content : undefined),
  };
}

/** Every framing of this package, with every option that changes what it does. */
export const FRAMING_CASES: readonly FramingCase[] = [
  bothEnds("lines()", lines, Buffer.from("\n"), true),
  bothEnds('lines({ ending: "lf" })', (bound) => lines({ ...bound, ending: "lf" }), Buffer.from("\n")),
  bothEnds('lines({ ending: "crlf" })', (bound) => lines({ ...bound, ending: "crlf" }), Buffer.from("\r\n")),
  bothEnds('delimited(",")', (bound) => delimited(",", bound), Buffer.from(",")),
  bothEnds('delimited("\\r\\n")', (bound) => delimited("\r\n", bound), Buffer.from("\r\n")),
  bothEnds('delimited("END")', (bound) => delimited("END", bound), Buffer.from("END")),
  bothEnds('delimited("aa")', (bound) => delimited("aa", bound), Buffer.from("aa")),
  bothEnds('delimited("aba")', (bound) => delimited("aba", bound), Buffer.from("aba")),
  bothEnds('delimited("é")', (bound) => delimited("é", bound), Buffer.from("é")),
  bothEnds("delimited([a9])", (bound) => delimited(Buffer.of(0xa9), bound), Buffer.of(0xa9)),
  bothEnds("delimited([00 ff])", (bound) => delimited(Buffer.of(0, 0xff), bound), Buffer.of(0, 0xff)),
  bothEnds("nulTerminated()", nulTerminated, Buffer.of(0)),
  [1, 16, 64].map(fixedCase),
  ([1, 2, 3, 4] as const).map((lengthBytes) => lengthCase({ lengthBytes })),
  ([1, 2, 3, 4] as const).map((lengthBytes) => lengthCase({ lengthBytes, byteOrder: "little" })),
  [
    // The length counts itself.
    { lengthBytes: 2, lengthAdjustment: -2 },
    { lengthBytes: 4, byteOrder: "little", lengthAdjustment: -4 },
    { lengthBytes: 2, lengthAdjustment: -2, skipBytes: 0 },
    // A header before the length: thrown away, kept, cut.
    { lengthOffset: 3, lengthBytes: 2 },
    { lengthOffset: 3, lengthBytes: 2, skipBytes: 0 },
    { lengthOffset: 3, lengthBytes: 2, skipBytes: 2 },
    { lengthOffset: 3, lengthBytes: 2, skipBytes: 4, byteOrder: "little" },
    // A header after the length: kept, thrown away.
    { lengthBytes: 2, lengthAdjustment: 3 },
    { lengthBytes: 2, lengthAdjustment: 3, skipBytes: 5 },
    // Around it, and the length counts all.
    { lengthOffset: 1, lengthBytes: 2, lengthAdjustment: -3, skipBytes: 3 },
    { lengthOffset: 1, lengthBytes: 2, lengthAdjustment: 1, skipBytes: 4 },
    // Some of what the length counts is thrown away, too.
    { lengthBytes: 1, skipBytes: 3 },
  ].map((options) => lengthCase(options as LengthPrefixedOptions)),
  [0, 1, 3].map(varintCase),
  {
    ...PLAIN,
    name: "netstrings()",
    make: netstrings,
    alphabet: [...Buffer.from("0123459:,")],
    // Five digits and the colon, for the default bound.
    overhead: 6,
  },
  {
    ...PLAIN,
    name: "wholeStream()",
    make: wholeStream,
    alphabet: [],
    overhead: 0,
    minLength: 1,
    endCompletes: true,
    single: true,
    // Nothing is no message.
    canonical: (content: Buffer) => (content.length === 0 ? undefined : content),
  },
].flat() as readonly FramingCase[];
