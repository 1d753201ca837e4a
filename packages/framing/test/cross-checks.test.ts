/**
 * What implementations that nobody here wrote say of the same bytes: Python's `struct` and `json`, netstrings as one writes them there, and the MessagePack of
 * `@msgpack/msgpack`.
 *
 * @module
 */
import { decode, encode } from "@msgpack/msgpack";
import {
  lengthPrefixed,
  lines,
  netstrings,
  ProtocolError,
  varintPrefixed,
  type Codec,
  type Framing,
} from "@socketserver/framing";
import { messagePack } from "@socketserver/framing/message-pack";
import { leakCheck } from "@socketserver/testing";
import fc from "fast-check";
import { isDeepStrictEqual } from "node:util";
import { beforeEach, describe, expect, test } from "vitest";

import { needs } from "../../core/test/support/peers.ts";
import { Program } from "../../core/test/support/program.ts";
import { readAll } from "./support/read-all.ts";

/** Answers, for every framing that it is given: our messages as its stream, and our stream as its messages; all bytes in hex. */
const PEER = `
import io, json, struct, sys

def packed(layout):
    def write(messages):
        return b"".join(struct.pack(layout, len(message)) + message for message in messages)
    def read(data):
        stream = io.BytesIO(data)
        while header := stream.read(struct.calcsize(layout)):
            (length,) = struct.unpack(layout, header)
            yield stream.read(length)
    return write, read

def write_netstrings(messages):
    return b"".join(b"%d:%s," % (len(message), message) for message in messages)

def read_netstrings(data):
    while data:
        digits, colon, data = data.partition(b":")
        length = int(digits)
        assert colon == b":" and digits == b"%d" % length and data[length:length + 1] == b","
        yield data[:length]
        data = data[length + 1:]

def write_varints(messages):
    data = bytearray()
    for message in messages:
        length = len(message)
        while length > 127:
            data.append(length % 128 + 128)
            length //= 128
        data.append(length)
        data += message
    return bytes(data)

def read_varints(data):
    stream = io.BytesIO(data)
    while True:
        length, place = 0, 1
        while byte := stream.read(1):
            length += (byte[0] & 127) * place
            place *= 128
            if byte[0] < 128:
                break
        else:
            return
        yield stream.read(length)

def write_lines(end):
    return lambda messages: b"".join(message + end for message in messages)

def read_lines(end):
    return lambda data: data.split(end)[:-1]

FRAMINGS = {
    "netstrings": (write_netstrings, read_netstrings),
    "varints": (write_varints, read_varints),
    "lf": (write_lines(b"\\n"), lambda data: [line[:-1] for line in io.BytesIO(data)]),
    "crlf": (write_lines(b"\\r\\n"), read_lines(b"\\r\\n")),
}

def kinds(values, ascii_only):
    return [json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass") for value in values]

asked = json.load(sys.stdin)
answers = {}
for name, question in asked["framings"].items():
    write, read = FRAMINGS.get(name) or packed(name)
    messages = [bytes.fromhex(message) for message in question["messages"]]
    answers[name] = {
        "stream": write(messages).hex(),
        "messages": [message.hex() for message in read(bytes.fromhex(question["stream"]))],
    }
ours = [json.loads(line) for line in bytes.fromhex(asked["lines"]).split(b"\\n")[:-1]]
answers["json"] = {
    "escaped": write_lines(b"\\n")(kinds(asked["values"], True)).hex(),
    "plain": write_lines(b"\\n")(kinds(asked["values"], False)).hex(),
    "equal": ours == asked["values"],
    "repeated": ours,
}
print(json.dumps(answers))
`;

/** What Python is told of a framing, or answers. */
interface Exchange {
  /** In hex. */
  readonly stream: string;
  /** Each in hex. */
  readonly messages: readonly string[];
}

interface JsonAnswer {
  readonly escaped: string;
  readonly plain: string;
  readonly equal: boolean;
  readonly repeated: unknown;
}

/** By the name of the layout in Python's `struct`, or of the function there. */
const FRAMINGS: Readonly<Record<string, Framing>> = {
  ">B": lengthPrefixed({ lengthBytes: 1 }),
  ">H": lengthPrefixed({ lengthBytes: 2 }),
  "<H": lengthPrefixed({ lengthBytes: 2, byteOrder: "little" }),
  ">L": lengthPrefixed(),
  "<L": lengthPrefixed({ byteOrder: "little" }),
  netstrings: netstrings(),
  varints: varintPrefixed(),
  lf: lines({ ending: "lf" }),
  crlf: lines({ ending: "crlf" }),
};

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const bytesOf = (hex: string): Buffer => Buffer.from(hex, "hex");

/** Of every length around the sizes of a prefix that a single byte can tell; without the ends of lines. */
const MESSAGES = [0, 1, 2, 9, 10, 126, 127, 128, 129, 254, 255]
  .map((length) => Buffer.alloc(length, "x"))
  .concat(["5:a,", "é€😀", "\0\x80\xff", ",,"].map((text) => Buffer.from(text)));

const LONG_MESSAGES = [...MESSAGES, ...[256, 16_383, 16_384, 65_535].map((length) => Buffer.alloc(length, "y"))];

/** JSON of all kinds, the same ones in every run. */
const VALUES: readonly unknown[] = [
  ...fc.sample(fc.jsonValue(), { numRuns: 300, seed: 1 }),
  ...fc.sample(fc.string({ unit: "binary" }), { numRuns: 50, seed: 1 }),
  ...'\u0000 \u001f \u007f \u2028 \ufeff \ufffd é € 😀 " \\ /'.split(" "),
  1e21,
  1e-7,
  5e-324,
  Number.MAX_VALUE,
  2 ** 53,
  -(2 ** 53),
  0.1 + 0.2,
].map((value) => JSON.parse(JSON.stringify(value)) as unknown);

describe("Python", () => {
  beforeEach(needs("python3"));

  test("reads and writes the same frames and the same JSON", async () => {
    const expectNothingLeft = leakCheck();
    const messagesFor = (name: string): readonly Buffer[] => (name === ">B" ? MESSAGES : LONG_MESSAGES);
    const framings = Object.fromEntries(
      Object.entries(FRAMINGS).map(([name, framing]): [string, Exchange] => {
        const messages = messagesFor(name);
        const stream = Buffer.concat(messages.map((message) => framing.encode(message)));
        return [name, { messages: messages.map(hexOf), stream: hexOf(stream) }];
      }),
    );
    const ourJson = lines({ maxLength: Infinity }).json();
    const ourLines = hexOf(Buffer.concat(VALUES.map((value) => ourJson.encode(value))));
    await using python = new Program("python3", ["-c", PEER]);
    python.input(JSON.stringify({ framings, values: VALUES, lines: ourLines }));
    const { code, stdout, stderr } = await python.end();
    expect([code, stderr]).toEqual([0, ""]);
    const { json, ...answers } = JSON.parse(stdout) as Record<string, Exchange> & { readonly json: JsonAnswer };
    expect(Object.keys(answers)).toEqual(Object.keys(FRAMINGS));
    for (const [name, { stream, messages }] of Object.entries(answers)) {
      const sent = messagesFor(name);
      expect(stream === framings[name]?.stream, `the stream of ${name}`).toBe(true);
      expect(messages, `what Python read of ${name}`).toEqual(sent.map(hexOf));
      expect(readAll((FRAMINGS[name] as Framing).decoder(), bytesOf(stream)).map(hexOf)).toEqual(sent.map(hexOf));
    }
    expect(json.equal, "Python read of our JSON what it read of its own").toBe(true);
    expectSame(json.repeated, VALUES);
    expectSame(readAll(ourJson.decoder(), bytesOf(json.escaped)), VALUES);
    expectSame(readAll(ourJson.decoder(), bytesOf(json.plain)), VALUES);
    await expectNothingLeft();
  });
});

describe("@msgpack/msgpack", () => {
  const codec: Codec<unknown> = lengthPrefixed({ lengthBytes: 3, maxLength: Infinity }).with(messagePack());
  const ours = (bytes: Uint8Array): unknown => codec.decodeDatagram?.(Buffer.from(bytes));
  const theirs = (bytes: Uint8Array): unknown =>
    // Keys of objects are text in JavaScript, whatever they were.
    plain(decode(bytes, { useBigInt64: true, mapKeyConverter: String }));

  const leaf = fc.oneof(
    fc.constantFrom(null, true, false, "", 0, 127, 128, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1),
    fc.constantFrom(
      -1,
      -32,
      -33,
      -128,
      -129,
      -32_768,
      -32_769,
      -(2 ** 31),
      -(2 ** 31) - 1,
      1 - 2 ** 53,
      2 ** 60,
      Infinity,
    ),
    fc.bigInt({ min: 2n ** 53n + 1n, max: 2n ** 64n - 1n }),
    fc.bigInt({ min: -(2n ** 63n), max: -(2n ** 53n) - 1n }),
    fc.double().map((value) => value + 0),
    fc.string({ unit: "binary", maxLength: 40 }),
    fc.nat(400).map((length) => "é".repeat(length)),
    fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
    fc.date({ noInvalidDate: true }),
  );
  const { value: values } = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      leaf,
      fc.array(tie("value"), { maxLength: 20 }),
      fc.dictionary(fc.string({ maxLength: 8 }), tie("value"), { maxKeys: 20, noNullPrototype: true }),
    ),
  }));

  test("reads what we write", () => {
    fc.assert(
      fc.property(values, (value) => {
        expectSame(theirs(codec.encodeDatagram?.(value) as Uint8Array), value);
      }),
      { numRuns: 1_000 },
    );
  });

  test("writes what we read, with integers in all the ways that it has", () => {
    fc.assert(
      fc.property(values, fc.boolean(), (value, wide) => {
        // Without bigints it has 64 bits for numbers beyond 32.
        const bytes = encode(wide ? value : withoutBigints(value), { useBigInt64: wide });
        expectSame(ours(bytes), wide ? value : withoutBigints(value));
      }),
      { numRuns: 1_000 },
    );
  });

  test("understands whatever we take", () => {
    const first = fc.oneof(
      fc.constantFrom(0x81, 0x82, 0x92, 0xa1, 0xa2, 0xc0, 0xc3, 0xc4, 0xca, 0xcb, 0xcc, 0xcd, 0xce, 0xcf),
      fc.constantFrom(0xd0, 0xd1, 0xd2, 0xd3, 0xd9, 0xda, 0xdc, 0xdd, 0xde, 0xdf, 0xe0, 0xff, 0x00, 0x01, 0x61),
      fc.nat(0xff),
    );
    const spoilt = fc.tuple(values, fc.nat(), fc.nat(0xff)).map(([value, place, byte]) => {
      const bytes = Buffer.from(encode(value, { useBigInt64: true }));
      bytes[place % bytes.length] = byte;
      return bytes;
    });
    let taken = 0;
    fc.assert(
      fc.property(fc.oneof(fc.array(first, { minLength: 1, maxLength: 12 }), spoilt), (bytes) => {
        const packet = Buffer.from(bytes);
        let message: unknown;
        try {
          message = ours(packet);
        } catch (error) {
          if (!(error instanceof ProtocolError)) throw error;
          return;
        }
        taken++;
        expectSame(theirs(packet), message);
      }),
      { numRuns: 5_000 },
    );
    expect(taken).toBeGreaterThan(500);
  });
});

/** Fail with a picture of both if they differ. */
function expectSame(actual: unknown, expected: unknown): void {
  if (!isDeepStrictEqual(actual, expected)) expect(actual).toStrictEqual(expected);
}

/** Up to here every integer is a number. */
const EXACT = 2n ** 53n;

/** Binary as Buffers, and bigints only where a number is not exact, as we have them. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value);
  if (typeof value === "bigint") return value >= -EXACT && value <= EXACT ? Number(value) : value;
  return mapped(value, plain);
}

function withoutBigints(value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : mapped(value, withoutBigints);
}

/** What is inside of an array or an object, changed. */
function mapped(value: unknown, change: (inner: unknown) => unknown): unknown {
  if (Array.isArray(value)) return value.map(change);
  if (typeof value !== "object" || value === null || value instanceof Date || value instanceof Uint8Array) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, change(inner)]));
}
