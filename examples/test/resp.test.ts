import { ProtocolError } from "@socketserver/framing";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { decodeAll } from "../../packages/framing/test/support/decode-all.ts";
import { byteByByte, cut, places } from "../../packages/framing/test/support/streams.ts";
import { MAX, OK, RespError, resp, type Command, type RespValue } from "../resp.ts";

const bytes = (text: string): Buffer => Buffer.from(text, "latin1");

/** What the decoder says of a stream; the same for every way to cut it. */
function decode(stream: string | Buffer): unknown[] {
  const input = typeof stream === "string" ? bytes(stream) : stream;
  const { events } = decodeAll(resp.decoder(), [input]);
  if (input.length < 2_000) expect(decodeAll(resp.decoder(), byteByByte(input)).events).toEqual(events);
  return events.map((event) => ("message" in event ? event.message : event));
}

/** A command as clients send it. */
function encoded(command: Command): string {
  return `*${command.length}\r\n${command.map((word) => `$${word.length}\r\n${word}\r\n`).join("")}`;
}

/** Any bytes at all, one character for each. */
const word = fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array).toString("latin1"));
const command = fc.array(word, { minLength: 1, maxLength: 5 });
const line = fc.array(fc.stringMatching(/^[!-),-~\x80-\xff][!-~\x80-\xff]{0,9}$/), { minLength: 1, maxLength: 4 });

/** Commands, and the streams that they are. */
const sent = fc.array(
  fc.oneof(
    command.map((words) => ({ words, text: encoded(words) })),
    line.map((words) => ({ words, text: `${words.join(" ")}\r\n` })),
    fc.constantFrom("\r\n", "\n", " \t\r\n", "*0\r\n").map((text) => ({ words: [], text })),
  ),
  { maxLength: 6 },
);

describe("resp.decoder()", () => {
  test("finds the same commands however the stream is cut", () => {
    const property = fc.property(sent, places, (commands, cuts) => {
      const stream = bytes(commands.map(({ text }) => text).join(""));
      const expected = commands.filter(({ words }) => words.length > 0).map(({ words }) => ({ message: words }));
      for (const chunks of [[stream], cut(stream, cuts), byteByByte(stream)]) {
        expect(decodeAll(resp.decoder(), chunks).events).toEqual(expected);
      }
    });
    fc.assert(property, { numRuns: 500 });
  });

  test("says the same of a broken stream however it is cut", () => {
    const noise = fc.array(
      fc.constantFrom("*", "$", "1", "0", "-", "9", "\r", "\n", "\r\n", "a", "*1\r\n", "$1\r\na\r\n"),
    );
    const property = fc.property(sent, fc.nat(), noise, places, (commands, place, inserted, cuts) => {
      const text = commands.map((each) => each.text).join("");
      const at = place % (text.length + 1);
      const stream = bytes(text.slice(0, at) + inserted.join("") + text.slice(at));
      const { events } = decodeAll(resp.decoder(), [stream]);
      for (const chunks of [cut(stream, cuts), byteByByte(stream)]) {
        expect(decodeAll(resp.decoder(), chunks).events).toEqual(events);
      }
    });
    fc.assert(property, { numRuns: 1_000 });
  });

  test("gives back what is in no command, and is as new", () => {
    const property = fc.property(command, command, fc.nat(), places, (first, second, place, cuts) => {
      const begun = encoded(second).slice(0, place % encoded(second).length);
      const decoder = resp.decoder();
      const read: unknown[] = [];
      for (const chunk of cut(bytes(encoded(first) + begun), cuts)) {
        decoder.push(chunk);
        for (let next = decoder.read(); next !== undefined; next = decoder.read()) read.push(next);
      }
      expect(read).toEqual([first]);
      expect(decoder.bufferedBytes).toBe(begun.length);
      expect(decoder.rest().toString("latin1")).toBe(begun);
      expect(decoder.bufferedBytes).toBe(0);
      expect(decodeAll(decoder, [bytes(encoded(second))]).events).toEqual([{ message: second }]);
    });
    fc.assert(property, { numRuns: 500 });
  });

  test("takes words of every byte unchanged", () => {
    const every = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)).toString("latin1");
    expect(decode(encoded(["SET", every, `${every}\r\n`]))).toEqual([["SET", every, `${every}\r\n`]]);
  });

  test("takes a plain line for a command, its words between blanks", () => {
    expect(decode("  SET  a\tb \r\nPING\nGET \xa0\n")).toEqual([["SET", "a", "b"], ["PING"], ["GET", "\xa0"]]);
  });

  test.each([
    ["*1025\r\n", "ERR_SOCKETSERVER_TOO_BIG", "invalid multibulk length"],
    ["*1\r\n$524289", "ERR_SOCKETSERVER_TOO_BIG", "invalid bulk length"],
    ["*99999999999999999999", "ERR_SOCKETSERVER_TOO_BIG", "invalid multibulk length"],
    ["*x\r\n", "ERR_SOCKETSERVER_PROTOCOL", "invalid multibulk length"],
    ["*\r\n", "ERR_SOCKETSERVER_PROTOCOL", "invalid multibulk length"],
    ["*-1\r\n", "ERR_SOCKETSERVER_PROTOCOL", "invalid multibulk length"],
    ["*01\r\n", "ERR_SOCKETSERVER_PROTOCOL", "invalid multibulk length"],
    ["*1\n\n", "ERR_SOCKETSERVER_PROTOCOL", "invalid multibulk length"],
    ["*1\r\n+1\r\n", "ERR_SOCKETSERVER_PROTOCOL", "invalid bulk length"],
    ["*1\r\n$-1\r\n", "ERR_SOCKETSERVER_PROTOCOL", "invalid bulk length"],
    ["*1\r\n$1\r\nab\r\n", "ERR_SOCKETSERVER_PROTOCOL", "invalid bulk length"],
    ["*1", "ERR_SOCKETSERVER_INCOMPLETE_READ", "the stream ended in the middle of it"],
    ["*2\r\n$4\r\nECHO\r\n$2\r\nh", "ERR_SOCKETSERVER_INCOMPLETE_READ", "the stream ended in the middle of it"],
    ["PING", "ERR_SOCKETSERVER_INCOMPLETE_READ", "the stream ended in the middle of it"],
  ])("refuses %j behind a command", (stream, code, reason) => {
    const partial = code === "ERR_SOCKETSERVER_INCOMPLETE_READ" ? bytes(stream).toString("hex") : "";
    const error = { code, text: `Cannot decode command: ${reason}`, skippable: false, partial };
    expect(decode(`PING\r\n${stream}`)).toEqual([["PING"], error]);
  });

  test("stays in error, and keeps nothing", () => {
    const decoder = resp.decoder();
    decoder.push(bytes("*1\r\n$x\r\n"));
    expect(() => decoder.read()).toThrow(ProtocolError);
    decoder.push(bytes("PING\r\n"));
    expect(() => decoder.read()).toThrow(ProtocolError);
    expect(() => decoder.end()).toThrow(ProtocolError);
    expect(decoder.bufferedBytes).toBe(0);
  });

  test("holds a command up to its bounds, and no more", () => {
    const longest = "x".repeat(MAX.word);
    expect(decode(encoded([longest]))).toEqual([[longest]]);
    const most = Array.from({ length: MAX.words }, () => "");
    expect(decode(encoded(most))).toEqual([most]);
    const fullLine = "x".repeat(MAX.line - 1);
    expect(decode(`${fullLine}\r\n`)).toEqual([[fullLine]]);
    expect(decode(`${fullLine}xx`)).toMatchObject([{ code: "ERR_SOCKETSERVER_TOO_BIG" }]);
    const decoder = resp.decoder();
    const chunk = bytes(encoded(["x".repeat(MAX.word), "x".repeat(MAX.word)]));
    let given = 0;
    const giveAll = (): void => {
      for (; given < chunk.length; given += 65_536) {
        decoder.push(chunk.subarray(given, given + 65_536));
        decoder.read();
      }
    };
    expect(giveAll).toThrow("Cannot decode command: too big request");
    // The second length says so already.
    expect(given).toBeLessThanOrEqual(MAX.word + 65_536);
  });
});

describe("resp.encode()", () => {
  test.each<[RespValue, string]>([
    ["", "$0\r\n\r\n"],
    ["a\r\n\xff", "$4\r\na\r\n\xff\r\n"],
    [0, ":0\r\n"],
    [99, ":99\r\n"],
    [-1_000, ":-1000\r\n"],
    [null, "$-1\r\n"],
    [OK, "+OK\r\n"],
    [Symbol("PONG"), "+PONG\r\n"],
    [new RespError("ERR what\r\n+was sent"), "-ERR what  +was sent\r\n"],
    [[], "*0\r\n"],
    [["a", [1, null]], "*2\r\n$1\r\na\r\n*2\r\n:1\r\n$-1\r\n"],
  ])("encodes %j", (value, text) => {
    expect(Buffer.from(resp.encode(value)).toString("latin1")).toBe(text);
  });
});
