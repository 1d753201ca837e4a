/**
 * The contract of codecs, which `codec.ts` states, held for every codec that this package can make.
 *
 * Nothing here knows a framing or a format: `support/` has the table of codecs, with messages for each. What other implementations say is in
 * `cross-checks.test.ts`.
 */
import { ProtocolError, unframedText, type Decoder } from "@socketserver/framing";
import fc from "fast-check";
import { isDeepStrictEqual } from "node:util";
import { describe, expect, test } from "vitest";

import { CODECS, type BoundedCodec } from "./support/codecs.ts";
import { decodeAll, type DecoderEvent } from "./support/decode-all.ts";
import { byteByByte, cut, places, spoiltStreamsOf, streamsOf } from "./support/streams.ts";

/** Cases in all; more find more. */
const CASES = Number(process.env["CODEC_CASES"] ?? 20_000);

/** Properties that are tried with generated cases for every codec. */
const PROPERTIES = 9;

const numRuns = Math.ceil(CASES / (CODECS.length * PROPERTIES));

/** Streams up to this length are cut at every single place. */
const SHORT = 120;

/** Streams up to this length are given byte by byte. */
const MEDIUM = 1_000;

const CODES = ["ERR_SOCKETSERVER_PROTOCOL", "ERR_SOCKETSERVER_TOO_BIG", "ERR_SOCKETSERVER_INCOMPLETE_READ"];

/** Hold a property, so often that all of them together have the wanted number of cases. */
function holds<Case>(cases: fc.Arbitrary<Case>, check: (drawn: Case) => void): void {
  fc.assert(fc.property(cases, check), { numRuns });
}

/** Fail with a picture of both if they differ; `expect()` for each of the cuts would take most of the time. */
function expectSame(actual: unknown, expected: unknown): void {
  if (!isDeepStrictEqual(actual, expected)) expect(actual).toStrictEqual(expected);
}

function eventsOf(messages: readonly unknown[]): DecoderEvent[] {
  return messages.map((message) => ({ message }));
}

describe.each(CODECS.map((codec) => [codec.name, codec] as const))("%s", (_, codec) => {
  const { bounds, allBounds, at, sized, endCompletes, single } = codec;

  test("decodes what it encoded", () => {
    holds(streamsOf(codec), ({ bound, sent, stream }) => {
      expectSame(decodeAll(at(bound).codec.decoder(), [stream]).events, eventsOf(sent));
    });
  });

  test("decodes the same messages however the stream is cut", () => {
    holds(fc.tuple(streamsOf(codec), places), ([{ bound, sent, stream }, cuts]) => {
      const ways = [cut(stream, cuts)];
      if (stream.length <= MEDIUM) ways.push(byteByByte(stream));
      if (stream.length <= SHORT) ways.push(...Array.from(stream, (__, index) => cut(stream, [index])));
      const expected = eventsOf(sent);
      for (const chunks of ways) {
        const { events, mostBuffered } = decodeAll(at(bound).codec.decoder(), chunks);
        expectSame(events, expected);
        expect(mostBuffered).toBeLessThanOrEqual(at(bound).mostBuffered);
      }
    });
  });

  test("decodes a datagram that it encoded", () => {
    holds(streamsOf(codec, 1), ({ bound, sent: [message] }) => {
      const packet = at(bound).codec.encodeDatagram?.(message) as Uint8Array;
      expectSame(at(bound).codec.decodeDatagram?.(Buffer.from(packet)), message);
    });
  });

  test.each(bounds)("takes a message of %i bytes at that bound, and none that is longer", (bound) => {
    const bounded = at(bound).codec;
    const longest = sized(bound);
    const longer = sized(bound + 1);
    expectSame(decodeAll(bounded.decoder(), [Buffer.from(bounded.encode(longest))]).events, eventsOf([longest]));
    // The bound is for what comes: the peer may take more.
    const stream = Buffer.from(bounded.encode(longer));
    expectSame(decodeAll(at(Infinity).codec.decoder(), [stream]).events, eventsOf([longer]));
    for (const chunks of [[stream], cut(stream, [bound]), cut(stream, [stream.length - 1])]) {
      expect(decodeAll(bounded.decoder(), chunks).events).toEqual([
        {
          code: "ERR_SOCKETSERVER_TOO_BIG",
          text: `Cannot decode message: it is longer than ${bound} bytes`,
          skippable: false,
          partial: "",
        },
      ]);
    }
  });

  test(endCompletes ? "ends a message where the stream ends" : "says what came of a truncated message", () => {
    holds(fc.tuple(streamsOf(codec, 1), fc.nat(), places), ([{ bound, sent, frames }, place, cuts]) => {
      const last = Buffer.from(frames.at(-1) as Uint8Array);
      if (last.length < 2) return;
      const truncated = last.subarray(0, 1 + (place % (last.length - 1)));
      const stream = Buffer.concat([...frames.slice(0, -1), truncated]);
      const incomplete: DecoderEvent = {
        code: "ERR_SOCKETSERVER_INCOMPLETE_READ",
        text: `Cannot decode message: the stream ended in the middle of it, after ${truncated.length} bytes`,
        skippable: false,
        partial: truncated.toString("hex"),
      };
      // A datagram ends where it ends, too.
      const end = endCompletes ? datagramEvent(at(bound), truncated) : incomplete;
      expectSame(decodeAll(at(bound).codec.decoder(), cut(stream, cuts)).events, [...eventsOf(sent.slice(0, -1)), end]);
    });
  });

  test("says the same of any bytes however they are cut, and holds no more than its bound", () => {
    holds(fc.tuple(spoiltStreamsOf(codec), places), ([{ bound, stream }, cuts]) => {
      const once = decodeAll(at(bound).codec.decoder(), [stream]);
      for (const event of once.events) if ("code" in event) expect(CODES).toContain(event.code);
      for (const chunks of [cut(stream, cuts), byteByByte(stream)]) {
        const { events, mostBuffered } = decodeAll(at(bound).codec.decoder(), chunks);
        expectSame(events, once.events);
        expect(mostBuffered).toBeLessThanOrEqual(at(bound).mostBuffered);
      }
    });
  });

  test("throws nothing but a ProtocolError for any datagram", () => {
    holds(spoiltStreamsOf(codec), ({ bound, stream }) => {
      const event = datagramEvent(at(bound), stream);
      if ("code" in event) expect(CODES).toContain(event.code);
    });
  });

  test("stays in error until it is passed over", () => {
    holds(fc.tuple(spoiltStreamsOf(codec), places), ([{ bound, stream }, cuts]) => {
      const decoder = at(bound).codec.decoder();
      const error = firstError(decoder, cut(stream, cuts));
      if (error === undefined) return;
      const held = decoder.bufferedBytes;
      for (const again of [() => decoder.read(), () => decoder.read(), () => decoder.end()]) {
        expect(errorOf(again)).toBe(error);
      }
      decoder.push(Buffer.from("more"));
      expect(decoder.bufferedBytes).toBe(error.skippable ? held : 0);
      expect([decoder.skip(), decoder.skip()]).toEqual([error.skippable, false]);
      if (!error.skippable) expect(errorOf(() => decoder.read())).toBe(error);
    });
  });

  // Of some formats any bytes are a message.
  if (at(Infinity).wrongFrames.length > 0) {
    test("goes on behind content that is no message", () => {
      const streams = fc
        .constantFrom(...allBounds.filter((bound) => at(bound).wrongFrames.length > 0))
        .chain((bound) => {
          const { codec: bounded, messages, wrongFrames } = at(bound);
          const right = messages.map((message) => ({ event: { message } as unknown, frame: bounded.encode(message) }));
          const wrong = fc.constantFrom(...wrongFrames).map((frame) => ({ event: "no message" as unknown, frame }));
          const parts = fc.array(fc.oneof(right, wrong), { minLength: 1, maxLength: single ? 1 : 6 });
          return fc.record({ bound: fc.constant(bound), parts, cuts: places });
        });
      holds(streams, ({ bound, parts, cuts }) => {
        const stream = Buffer.concat(parts.map(({ frame }) => frame));
        const { events } = decodeAll(at(bound).codec.decoder(), cut(stream, cuts));
        const said = events.map((event) => ("code" in event && event.skippable ? "no message" : event));
        expectSame(
          said,
          parts.map(({ event }) => event),
        );
      });
    });
  }

  test("gives back what it did not decode, and is as new", () => {
    const following = fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.constant(Buffer.from("plain text\n")));
    const cases = fc.record({ from: streamsOf(codec), count: fc.nat(6), following, cuts: places });
    holds(cases, ({ from: { bound, sent, frames, stream }, count, following: tail, cuts }) => {
      const wanted = single ? 0 : Math.min(count, sent.length);
      const decoder = at(bound).codec.decoder();
      const chunks = cut(Buffer.concat([stream, tail]), cuts);
      const read: unknown[] = [];
      while (read.length < wanted) {
        const message = decoder.read();
        if (message === undefined) decoder.push(chunks.shift() as Buffer);
        else read.push(message);
      }
      expectSame(read, sent.slice(0, wanted));
      const held = decoder.bufferedBytes;
      const rest = decoder.rest();
      expect(rest).toHaveLength(held);
      expectSame(Buffer.concat([rest, ...chunks]), Buffer.concat([...frames.slice(wanted), tail]));
      expect(decoder.bufferedBytes).toBe(0);
      expectSame(decodeAll(decoder, [stream]).events, eventsOf(sent));
    });
  });
});

describe("unframedText()", () => {
  const anyText = fc.string({ unit: fc.constantFrom("a", "\r\n", "é", "€", "😀", "\ufffd", "\ufeff", "\0") });

  test("gives out all characters and cuts none, however the stream is cut", () => {
    holds(fc.tuple(anyText, places), ([text, cuts]) => {
      const stream = Buffer.from(text);
      for (const chunks of [cut(stream, cuts), byteByByte(stream)]) {
        const { events, mostBuffered } = decodeAll(unframedText().decoder(), chunks);
        const pieces = events.map((event) => ("message" in event ? (event.message as string) : event.code));
        expect(pieces.join("")).toBe(text);
        expect(pieces).not.toContain("");
        expect(mostBuffered).toBeLessThanOrEqual(3);
      }
    });
  });

  test("gives back what it holds of a character", () => {
    holds(fc.tuple(anyText, fc.nat()), ([text, place]) => {
      const stream = Buffer.from(text);
      const [first, second] = cut(stream, [place]) as [Buffer, Buffer];
      const decoder = unframedText().decoder();
      decoder.push(first);
      const begun = decoder.read() ?? "";
      expect(begun + Buffer.concat([decoder.rest(), second]).toString()).toBe(text);
    });
  });

  test("throws nothing but a ProtocolError, wherever bytes that are no text are cut", () => {
    holds(fc.tuple(fc.uint8Array({ maxLength: 20 }), places), ([bytes, cuts]) => {
      const stream = Buffer.from(bytes);
      const ends = [[stream], cut(stream, cuts), byteByByte(stream)].map((chunks) => {
        const last = decodeAll(unframedText().decoder(), chunks).events.at(-1);
        return last !== undefined && "code" in last ? last.code : "text";
      });
      expect(CODES.concat("text")).toContain(ends[0]);
      expect(new Set(ends).size).toBe(1);
    });
  });
});

/** What is thrown. */
function errorOf(step: () => unknown): unknown {
  try {
    step();
  } catch (error) {
    return error;
  }
  throw new Error("nothing is thrown");
}

/** The first error before the end of the stream. */
function firstError(decoder: Decoder<unknown>, chunks: readonly Buffer[]): ProtocolError | undefined {
  try {
    for (const chunk of chunks) {
      decoder.push(chunk);
      while (decoder.read() !== undefined);
    }
    return undefined;
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return error;
  }
}

/** What a datagram of these bytes is. */
function datagramEvent({ codec }: BoundedCodec, packet: Buffer): DecoderEvent {
  try {
    return { message: codec.decodeDatagram?.(packet) };
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    const { code, message: text, skippable } = error;
    return { code, text, skippable, partial: "" };
  }
}
