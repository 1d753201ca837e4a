import { describe, expect, expectTypeOf, test } from "vitest";

import { expectComplaint } from "../../../core/test/support/complaint.ts";
import { readAll } from "../../test/support/read-all.ts";
import { schemaOf } from "../../test/support/schema-of.ts";
import type { Codec, Decoder, MessageOf, ReplyOf } from "../codec.ts";
import type { JsonValue } from "../formats/json.ts";
import { messagePack } from "../formats/message-pack.ts";
import { delimited } from "./delimited.ts";
import { fixedSize } from "./fixed-size.ts";
import { Framing } from "./framing.ts";
import { lengthPrefixed } from "./length-prefixed.ts";
import { lines } from "./lines.ts";
import { netstrings } from "./netstrings.ts";
import { unframedText } from "./unframed-text.ts";
import { varintPrefixed } from "./varint-prefixed.ts";
import { wholeStream } from "./whole-stream.ts";

const FRAMINGS = [
  ["lines()", lines({ maxLength: 30 })],
  ["delimited()", delimited("END", { maxLength: 30 })],
  ["fixedSize()", fixedSize(30)],
  ["lengthPrefixed()", lengthPrefixed({ maxLength: 30 })],
  ["varintPrefixed()", varintPrefixed({ maxLength: 30 })],
  ["netstrings()", netstrings({ maxLength: 30 })],
  ["wholeStream()", wholeStream({ maxLength: 30 })],
] as const;

/** A framing of somebody else. */
class NoFraming extends Framing {
  encode(message: Uint8Array): Uint8Array {
    return message;
  }

  decoder(): Decoder<Buffer> {
    return wholeStream({ maxLength: this.maxLength }).decoder();
  }
}

describe("Framing", () => {
  test.each(FRAMINGS)("%s tells its bound", (_, framing) => {
    expect(framing.maxLength).toBe(30);
  });

  test("has a bound of 64 KiB unless told otherwise", () => {
    for (const framing of [lines(), delimited("x"), lengthPrefixed(), varintPrefixed(), netstrings(), wholeStream()]) {
      expect(framing.maxLength).toBe(65_536);
    }
  });

  test.each(FRAMINGS)("%s takes nothing for a format but formats", (_, framing) => {
    for (const [format, shown] of [
      [undefined, "undefined"],
      [null, "null"],
      ["json", '"json"'],
      [messagePack, "messagePack()"],
      [lines().text(), "an instance of "],
      [lines(), "an instance of "],
      [{ encode: () => Buffer.alloc(0) }, "{}"],
    ] as const) {
      expectComplaint(() => framing.with(format as never), {
        type: TypeError,
        code: "ERR_SOCKETSERVER_INVALID_ARGUMENT",
        says: ["Cannot create codec: a format must have encode() and decode(), received", shown],
      });
    }
  });

  test.each(FRAMINGS)("%s sends nothing but bytes", (_, framing) => {
    for (const [message, shown] of [
      ["text", '"text"'],
      [undefined, "undefined"],
      [{ a: 1 }, '{"a":1}'],
      [new Uint16Array(15), "an instance of Uint16Array"],
    ] as const) {
      for (const send of [() => framing.encode(message as never), () => framing.encodeDatagram(message as never)]) {
        expectComplaint(send, {
          type: TypeError,
          code: "ERR_SOCKETSERVER_INVALID_MESSAGE",
          says: ["it must be a Uint8Array, received", shown, "or add a format: .text(), .json()"],
        });
      }
    }
  });

  test.each(FRAMINGS)("%s never quotes what the peer sent", (_, framing) => {
    const secret = "7S3CR3T7";
    for (const codec of [framing, framing.text(), framing.text({ encoding: "ascii" }), framing.json()]) {
      for (const content of [secret, `${secret}\xff`, `[${secret}, 1, at position 7S3CR3T7`, secret.repeat(5)]) {
        for (const bytes of [Buffer.from(content, "latin1"), framedOrRaw(framing, content)]) {
          for (const error of errorsOf(codec, bytes)) {
            expect(String(error)).not.toMatch(/S3CR3T/);
            // What came is in `partial`, where one asks for it.
            expect(Object.keys(error).toSorted()).toEqual(["code", "issues", "name", "partial", "skippable"]);
            expect(error).not.toHaveProperty("cause");
          }
        }
      }
    }
  });

  test.each([
    [0, RangeError],
    [1.5, RangeError],
    ["8", TypeError],
    [undefined, TypeError],
  ] as const)("of somebody else cannot have the bound %j", (maxLength, type) => {
    expectComplaint(() => new NoFraming(maxLength as number), {
      type,
      code: "ERR_SOCKETSERVER_INVALID_OPTION",
      says: ["Cannot create codec: maxLength must be an integer >= 1 or Infinity, received"],
    });
  });

  test("of somebody else has formats and datagrams", () => {
    const codec = new NoFraming(3).text();
    const decoder = codec.decoder();
    expect(readAll(decoder, codec.encode("abc"))).toEqual([]);
    decoder.end();
    expect(decoder.read()).toBe("abc");
    expect(codec.decodeDatagram?.(Buffer.from("abc"))).toBe("abc");
    expect(() => codec.decodeDatagram?.(Buffer.from("abcd"))).toThrow("it is longer than 3 bytes");
    // The bound is for what comes.
    expect(codec.encodeDatagram?.("abcd")).toHaveLength(4);
  });
});

describe("MessageOf and ReplyOf", () => {
  test("are the messages of a codec", () => {
    const framing = lines();
    const text = framing.text();
    const anyJson = framing.json();
    const checked = framing.json(schemaOf<{ id: number }>(() => ({ value: { id: 1 } })));
    const unframed = unframedText();
    expectTypeOf<MessageOf<typeof framing>>().toEqualTypeOf<Buffer>();
    expectTypeOf<ReplyOf<typeof framing>>().toEqualTypeOf<Uint8Array>();
    expectTypeOf<MessageOf<typeof text>>().toEqualTypeOf<string>();
    expectTypeOf<ReplyOf<typeof text>>().toEqualTypeOf<string>();
    expectTypeOf<MessageOf<typeof anyJson>>().toEqualTypeOf<JsonValue>();
    expectTypeOf<ReplyOf<typeof anyJson>>().toEqualTypeOf<unknown>();
    expectTypeOf<MessageOf<typeof checked>>().toEqualTypeOf<{ id: number }>();
    expectTypeOf<ReplyOf<typeof checked>>().toEqualTypeOf<unknown>();
    expectTypeOf<MessageOf<typeof unframed>>().toEqualTypeOf<string>();
    expectTypeOf<MessageOf<Codec<number, string>>>().toEqualTypeOf<number>();
    expectTypeOf<ReplyOf<Codec<number, string>>>().toEqualTypeOf<string>();
    // @ts-expect-error -- Text is no codec.
    expectTypeOf<MessageOf<string>>().toBeNever();
  });
});

/** The content in a frame if it can be sent, else without. */
function framedOrRaw(framing: Framing, content: string): Buffer {
  try {
    return Buffer.from(framing.encode(Buffer.from(content, "latin1")));
  } catch {
    return Buffer.from(content, "latin1");
  }
}

/** Every error that these bytes lead to, in a stream and as a datagram. */
function errorsOf(codec: Codec<unknown, never>, bytes: Buffer): Error[] {
  const decoder = codec.decoder();
  const steps = [
    () => readAll(decoder, bytes),
    () => decoder.end(),
    () => decoder.read(),
    () => codec.decodeDatagram?.(bytes),
  ];
  return steps.flatMap((step) => {
    try {
      step();
      return [];
    } catch (error) {
      return [error as Error];
    }
  });
}
