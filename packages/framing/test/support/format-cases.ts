import type { Codec, Framing } from "@socketserver/framing";
import { messagePack } from "@socketserver/framing/message-pack";
import fc from "fast-check";

/** A format on top of a framing, and what a test must know of it to make messages for it. */
export interface FormatCase {
  readonly name: string;
  on(framing: Framing): Codec<unknown, unknown>;
  /** Messages of all kinds, of at most so many bytes or a little more. */
  messages(bytes: number, alphabet: readonly number[]): fc.Arbitrary<unknown>;
  /** A message of exactly so many bytes, at least 1. */
  sized(bytes: number): unknown;
  /** What its bytes are, said by somebody else where there is somebody. */
  bytesOf(message: unknown): Buffer;
  /** Bytes that are no message, and stay none whatever ASCII follows. */
  readonly wrong: readonly Buffer[];
  /** Bytes that a decoder of it may hold beside those of the framing. */
  readonly overhead: number;
}

const ALPHABET = [0x61, 0x61, 0x62, 0x62, 0x0a, 0x0d, 0x00, 0x30, 0x80, 0xc3, 0xa9, 0xff];

/** Of one to four bytes in UTF-8, and some that decoders like to change: replacement, byte order mark, the ends of lines. */
const CHARACTERS = ["a", "b", "\r", "\n", "\0", "0", ",", "é", "€", "😀", "\ufffd", "\ufeff", "\u2028"];

/** No byte of it is in a delimiter of the tests. */
const WIDE = "ü€😀";

export const BYTES: FormatCase = {
  name: "bytes",
  on: (framing) => framing,
  messages(bytes, alphabet) {
    const byte = fc.oneof(fc.constantFrom(...ALPHABET, ...alphabet), fc.nat(0xff));
    return fc.array(byte, { maxLength: Math.min(bytes, 40) }).map((values) => Buffer.from(values));
  },
  sized: (bytes) => Buffer.alloc(bytes, "x"),
  bytesOf: (message) => message as Buffer,
  wrong: [],
  overhead: 0,
};

const TEXT: FormatCase = {
  name: "text",
  on: (framing) => framing.text(),
  messages(bytes, alphabet) {
    const characters = [
      ...CHARACTERS,
      ...alphabet.filter((byte) => byte < 0x80).map((byte) => String.fromCharCode(byte)),
    ];
    return fc
      .array(fc.constantFrom(...characters), { maxLength: Math.min(bytes, 24) })
      .map((parts) => shortened(parts, bytes));
  },
  sized: textOf,
  bytesOf: (message) => Buffer.from(message as string),
  wrong: ["80", "ff61", "c3", "c328", "c0af", "eda080", "f4908080", "61e282"].map((hex) => Buffer.from(hex, "hex")),
  // The beginning of a character.
  overhead: 3,
};

const LATIN1: FormatCase = {
  ...TEXT,
  name: "latin1 text",
  on: (framing) => framing.text({ encoding: "latin1" }),
  messages: (bytes, alphabet) =>
    BYTES.messages(bytes, alphabet).map((message) => (message as Buffer).toString("latin1")),
  sized: (bytes) => "\xfc".repeat(bytes),
  bytesOf: (message) => Buffer.from(message as string, "latin1"),
  wrong: [],
};

const JSON_FORMAT: FormatCase = {
  name: "json",
  on: (framing) => framing.json(),
  messages(bytes, alphabet) {
    const short = fc.constantFrom<unknown>(0, 1, 9);
    if (bytes < 4) return short;
    const some = fc.constantFrom<unknown>("", [], {}, null, true, 10, 1.5, -1, [1], { a: 1 }, "\ud800", "a\nb", [
      [],
      {},
    ]);
    const text = TEXT.messages(Math.min(bytes - 2, 12), alphabet);
    const any = fc.jsonValue({ maxDepth: 2 }).map((value) => JSON.parse(JSON.stringify(value)) as unknown);
    return bytes < 40 ? fc.oneof(short, some, text) : fc.oneof(short, some, text, any, fc.array(text));
  },
  sized: (bytes) => (bytes === 1 ? 7 : textOf(bytes - 2)),
  bytesOf: (message) => Buffer.from(JSON.stringify(message)),
  wrong: [...TEXT.wrong, ...["{", "x", "[1 2", "'a'", "\ufeff1"].map((text) => Buffer.from(text))],
  overhead: TEXT.overhead,
};

const MESSAGE_PACK: FormatCase = {
  name: "message pack",
  on: (framing) => framing.with(messagePack()),
  messages(bytes) {
    const tiny = fc.constantFrom<unknown>(0, 127, -1, -32, null, true, false, "", [], {});
    if (bytes < 10) return tiny;
    const numbers = fc.oneof(
      fc.constantFrom(
        128,
        255,
        256,
        65_535,
        65_536,
        2 ** 32 - 1,
        2 ** 32,
        2 ** 53 - 1,
        -33,
        -128,
        -129,
        -32_769,
        1 - 2 ** 53,
      ),
      fc.constantFrom(2n ** 53n + 1n, 2n ** 63n, 2n ** 64n - 1n, -(2n ** 53n) - 1n, -(2n ** 63n)),
      fc.double({ noNaN: false }).map((value) => value + 0),
    );
    const text = TEXT.messages(Math.min(bytes - 2, 8), []);
    const binary = BYTES.messages(Math.min(bytes - 2, 8), []);
    const dates = fc.date({ min: new Date("0001-01-01"), max: new Date("9999-12-31"), noInvalidDate: true });
    const leaf = fc.oneof(tiny, numbers, text, binary);
    if (bytes < 40) return leaf;
    const deep = fc.oneof(
      leaf,
      dates,
      fc.array(leaf, { maxLength: 20 }),
      fc.dictionary(fc.string({ maxLength: 3 }), leaf, { noNullPrototype: true }),
    );
    return fc.oneof(leaf, dates, deep, fc.array(deep, { maxLength: 3 }));
  },
  sized: (bytes) => (bytes === 1 ? 7 : Buffer.alloc(bytes - (bytes < 258 ? 2 : 3), "x")),
  bytesOf: (message) => Buffer.from(messagePack().encode(message)),
  wrong: ["c1", "0000", "d9", "a1ff", "81c0c0", "d40000", "ddffffffff"].map((hex) => Buffer.from(hex, "hex")),
  overhead: 0,
};

/** The formats of this package, by name. */
export const FORMAT_CASES = { text: [TEXT, LATIN1], json: [JSON_FORMAT], messagePack: [MESSAGE_PACK] } as const;

/** Characters of every width, so many bytes of them. */
function textOf(bytes: number): string {
  const wide = WIDE.repeat(Math.floor(bytes / Buffer.byteLength(WIDE)));
  return wide + "x".repeat(bytes - Buffer.byteLength(wide));
}

function shortened(characters: readonly string[], bytes: number): string {
  const kept = [...characters];
  while (Buffer.byteLength(kept.join("")) > bytes) kept.pop();
  return kept.join("");
}
