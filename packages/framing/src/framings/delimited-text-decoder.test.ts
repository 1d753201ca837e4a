import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { peerError } from "../../test/support/peer-error.ts";
import { readAll } from "../../test/support/read-all.ts";
import type { Format } from "../format.ts";
import { text } from "../formats/text.ts";
import { delimited } from "./delimited.ts";
import type { Framing } from "./framing.ts";
import { lines } from "./lines.ts";

/** More than is decoded at once. */
const PIECE = 8_192;

/** The same as `text()`, of which the framing does not know that it is text: so bytes are searched. */
const OPAQUE: Format<string> = {
  encode: (message) => text().encode(message),
  decode: (bytes) => text().decode(bytes),
};

/** Messages and errors; wrong messages are passed over. */
function said(framing: Framing, format: Format<string>, chunks: readonly Buffer[]): unknown[] {
  const decoder = framing.with(format).decoder();
  const events: unknown[] = [];
  for (const step of [...chunks.map((chunk) => () => decoder.push(chunk)), () => decoder.end()]) {
    try {
      step();
    } catch (error) {
      return [...events, String(error)];
    }
    for (let more = true; more;) {
      try {
        const message = decoder.read();
        more = message !== undefined;
        if (more) events.push(message);
      } catch (error) {
        events.push(String(error));
        if (!decoder.skip()) return events;
      }
    }
  }
  return events;
}

describe("DelimitedTextDecoder", () => {
  test("says what the decoder of bytes says, of streams longer than it decodes at once", () => {
    const part = fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom("\n", "\r\n", "\r", "x", "é", "€", "😀", "\ufffd", "\ufeff") },
      { weight: 2, arbitrary: fc.nat(PIECE + 10).map((size) => "x".repeat(size)) },
      { weight: 1, arbitrary: fc.nat(PIECE / 2).map((count) => "😀".repeat(count)) },
    );
    const wrong = fc.constantFrom("ff", "c3", "f09f98", "eda080", "c0af").map((hex) => Buffer.from(hex, "hex"));
    const bytes = fc.oneof(
      { weight: 12, arbitrary: part.map((string) => Buffer.from(string)) },
      { weight: 1, arbitrary: wrong },
    );
    const stream = fc.array(bytes, { maxLength: 20 }).map((parts) => Buffer.concat(parts));
    const framings = [
      lines(),
      lines({ maxLength: 100 }),
      lines({ ending: "crlf", maxLength: PIECE }),
      lines({ ending: "lf", unterminated: "message" }),
      delimited("€", { maxLength: 3 * PIECE }),
    ];
    fc.assert(
      fc.property(fc.constantFrom(...framings), stream, fc.array(fc.nat(100_000)), (framing, sent, places) => {
        const cuts = [0, ...places.map((place) => place % (sent.length + 1)), sent.length];
        const ends = cuts.toSorted((one, other) => one - other);
        const chunks = ends.slice(1).map((end, index) => sent.subarray(ends[index], end));
        expect(said(framing, text(), chunks)).toEqual(said(framing, OPAQUE, chunks));
      }),
      { numRuns: 300 },
    );
  });

  test("keeps a replacement character and a byte order mark that were sent", () => {
    expect(readAll(lines().text().decoder(), "\ufeffa\ufffd\n")).toEqual(["\ufeffa\ufffd"]);
  });

  test.each(["ff", "c3", "c328", "c0af", "eda080", "f4908080", "80"])("refuses %s, and goes on behind it", (hex) => {
    const decoder = lines().text().decoder();
    decoder.push(Buffer.concat([Buffer.from("one\n"), Buffer.from(hex, "hex"), Buffer.from("\ntwo\n")]));
    expect(decoder.read()).toBe("one");
    expect(() => decoder.read()).toThrow(
      peerError({ code: "PROTOCOL", message: "Cannot decode message: it is no UTF-8", skippable: true }),
    );
    expect([decoder.skip(), decoder.skip()]).toEqual([true, false]);
    expect(readAll(decoder, "€\n")).toEqual(["two", "€"]);
    decoder.end();
  });

  test.each([
    ["crlf", "\n"],
    ["crlf", "a\n"],
    ["crlf", "\r"],
    ["lf", "\r"],
    ["either", "\ra"],
  ] as const)("bounds a message between %s that is %j without end", (ending, part) => {
    const decoder = lines({ ending, maxLength: 100 }).text().decoder();
    expect(() => {
      for (let chunks = 0; chunks < 100; chunks++) readAll(decoder, part.repeat(4));
    }).toThrow(peerError({ code: "TOO_BIG", message: "Cannot decode message: it is longer than 100 bytes" }));
    expect(decoder.bufferedBytes).toBe(0);
  });

  // Each took more than ten times as long when what had come was searched, or copied, for each chunk.
  test.each([
    ["200000 chunks of a part of the delimiter", "crlf", "\n", 200_000, 262_144],
    ["200000 chunks of the beginning of the delimiter", "crlf", "\r", 200_000, 262_144],
    ["chunks of 100 bytes up to a bound of 4 MiB", "crlf", `${"x".repeat(99)}\n`, 41_943, 4_194_304],
    [
      "chunks of 100 bytes with the beginning of the delimiter at their end",
      "crlf",
      `${"x".repeat(99)}\r`,
      41_943,
      4_194_304,
    ],
    [
      "chunks of 100 bytes up to a bound of 4 MiB, and lines of either kind",
      "either",
      "x".repeat(100),
      41_943,
      4_194_304,
    ],
  ] as const)("finds the end of a message in %s soon", (_what, ending, part, count, maxLength) => {
    const decoder = lines({ ending, maxLength }).text().decoder();
    const chunk = Buffer.from(part);
    const begin = performance.now();
    for (let index = 0; index < count; index++) {
      decoder.push(chunk);
      if (decoder.read() !== undefined) throw new Error("there is no end yet");
    }
    expect(decoder.bufferedBytes).toBe(count * chunk.length);
    expect(readAll(decoder, "\r\n")).toEqual([part.repeat(count)]);
    expect(performance.now() - begin).toBeLessThan(5_000);
  });

  test("refuses a message beyond its bound that comes in 42000 chunks, soon", () => {
    const decoder = lines({ ending: "crlf", maxLength: 4_194_304 }).text().decoder();
    const chunk = Buffer.from(`${"x".repeat(99)}\n`);
    const begin = performance.now();
    let chunks = 0;
    expect(() => {
      for (; chunks < 50_000; chunks++) readAll(decoder, chunk);
    }).toThrow(peerError({ code: "TOO_BIG", message: "Cannot decode message: it is longer than 4194304 bytes" }));
    // With the carriage return and the line feed, which might still be its end, it would be as long as this.
    expect(chunks).toBe(Math.ceil(4_194_306 / 100) - 1);
    expect(decoder.bufferedBytes).toBe(0);
    expect(performance.now() - begin).toBeLessThan(5_000);
  });

  test("bounds what follows a delimiter in the same chunk", () => {
    const decoder = lines({ maxLength: 100 }).text().decoder();
    expect(() => readAll(decoder, `ok\n${"x".repeat(1_000)}`)).toThrow("it is longer than 100 bytes");
  });

  test("holds the beginning of a character", () => {
    const decoder = lines().text().decoder();
    const bytes = Buffer.from("a😀\n");
    expect(readAll(decoder, bytes.subarray(0, 3))).toEqual([]);
    expect(decoder.bufferedBytes).toBe(3);
    expect(readAll(decoder, bytes.subarray(3))).toEqual(["a😀"]);
    expect(decoder.bufferedBytes).toBe(0);
  });

  test("gives back the bytes behind a message, and those of a wrong one only if it was not read", () => {
    const bytes = Buffer.concat([Buffer.from("one\n€"), Buffer.of(0xff), Buffer.from("\nthree")]);
    const decoder = lines().text().decoder();
    decoder.push(bytes);
    expect(decoder.read()).toBe("one");
    expect(decoder.bufferedBytes).toBe(bytes.length - 4);
    expect(decoder.rest()).toEqual(bytes.subarray(4));
    decoder.push(bytes);
    expect(decoder.read()).toBe("one");
    expect(() => decoder.read()).toThrow("it is no UTF-8");
    expect(decoder.rest().toString()).toBe("three");
    expect(readAll(decoder, "new\n")).toEqual(["new"]);
  });

  test("does not take what is no bytes, nor anything after the end", () => {
    const decoder = lines().text().decoder();
    const code = "ERR_SOCKETSERVER_INVALID_ARGUMENT";
    expect(() => decoder.push("text" as never)).toThrow(
      expect.objectContaining({
        name: "TypeError",
        code,
        message: expect.stringContaining('"text"') as string,
      }) as Error,
    );
    decoder.end();
    expect(() => decoder.push(Buffer.from("x"))).toThrow(
      expect.objectContaining({
        name: "TypeError",
        code,
        message: expect.stringContaining("after end()") as string,
      }) as Error,
    );
  });
});
