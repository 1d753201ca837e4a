import { describe, expect, test } from "vitest";

import { expectComplaint } from "../../../core/test/support/complaint.ts";
import { peerError } from "../../test/support/peer-error.ts";
import { readAll } from "../../test/support/read-all.ts";
import { byteByByte } from "../../test/support/streams.ts";
import { lines, type LinesOptions } from "./lines.ts";

const asText = (messages: readonly Buffer[]): string[] => messages.map((message) => message.toString());

describe("lines()", () => {
  test.each<["either" | "lf" | "crlf", string[]]>([
    ["either", ["a", "b", "c\r", "", "\rd", ""]],
    ["lf", ["a", "b\r", "c\r\r", "", "\rd", "\r"]],
    ["crlf", ["a\nb", "c\r", "\n\rd\n"]],
  ])("ends lines with %s", (ending, expected) => {
    const stream = "a\nb\r\nc\r\r\n\n\rd\n\r\n";
    expect(asText(readAll(lines({ ending }).decoder(), stream))).toEqual(expected);
    expect(readAll(lines({ ending }).text().decoder(), stream)).toEqual(expected);
    expect(asText(readAll(lines({ ending }).decoder(), ...byteByByte(Buffer.from(stream))))).toEqual(expected);
    expect(readAll(lines({ ending }).text().decoder(), ...byteByByte(Buffer.from(stream)))).toEqual(expected);
  });

  test.each([
    [{}, "a\n"],
    [{ ending: "either" }, "a\n"],
    [{ ending: "lf" }, "a\n"],
    [{ ending: "crlf" }, "a\r\n"],
  ] as const)("with %j sends %j", (options, sent) => {
    expect(Buffer.from(lines(options).encode(Buffer.from("a"))).toString()).toBe(sent);
    expect(Buffer.from(lines(options).text().encode("a")).toString()).toBe(sent);
  });

  test.each([
    [{}, ["\n", "a\nb", "\r", "a\r"], ["\ra", ""]],
    [{ ending: "lf" }, ["\n", "a\nb"], ["\r", "a\r", ""]],
    [{ ending: "crlf" }, ["\r\n", "a\r\nb"], ["\n", "\r", "a\r", "\n\r", ""]],
  ] as const)("with %j refuses to send %j, but not %j", (options, untellable, tellable) => {
    const ends = "ending" in options ? [] : ["LF, or end with CR"];
    for (const message of untellable) {
      const complaint = {
        type: TypeError,
        code: "ERR_SOCKETSERVER_INVALID_MESSAGE",
        says: ["message", "must not contain", "lengthPrefixed()", ...ends],
      };
      expectComplaint(() => lines(options).encode(Buffer.from(message)), complaint);
      expectComplaint(() => lines(options).text().encode(message), complaint);
    }
    for (const message of tellable) {
      expect(readAll(lines(options).text().decoder(), lines(options).text().encode(message))).toEqual([message]);
    }
  });

  test("gives out a line in one chunk without a copy", () => {
    const chunk = Buffer.from("one\ntwo\n");
    for (const line of readAll(lines().decoder(), chunk)) expect(line.buffer).toBe(chunk.buffer);
  });

  test("counts neither ending as part of a line", () => {
    const decoder = lines({ maxLength: 3 }).decoder();
    expect(asText(readAll(decoder, "abc\nabc\r\n", "abc\r", "\n"))).toEqual(["abc", "abc", "abc"]);
    const tooBig = peerError({ code: "TOO_BIG", message: "Cannot decode message: it is longer than 3 bytes" });
    expect(() => readAll(decoder, "abcd\n")).toThrow(tooBig);
    expect(() => readAll(lines({ maxLength: 3 }).decoder(), "abc\rd")).toThrow(tooBig);
  });

  test("says what came of a line without an end", () => {
    const decoder = lines().text().decoder();
    expect(readAll(decoder, "one\ntw")).toEqual(["one"]);
    expect(() => decoder.end()).toThrow(
      peerError({
        code: "INCOMPLETE_READ",
        message: "Cannot decode message: the stream ended in the middle of it, after 2 bytes",
        partial: "tw",
      }),
    );
  });

  test("ends a line with the stream if asked to, and leaves it as it is", () => {
    const decoder = lines({ unterminated: "message" }).text().decoder();
    expect(readAll(decoder, "one\ntwo\r")).toEqual(["one"]);
    decoder.end();
    expect([decoder.read(), decoder.read()]).toEqual(["two\r", undefined]);
  });

  test("has no message for the end of a stream that ended with a line", () => {
    for (const unterminated of ["error", "message"] as const) {
      const decoder = lines({ unterminated }).text().decoder();
      expect(readAll(decoder, "one\n")).toEqual(["one"]);
      decoder.end();
      expect(decoder.read()).toBeUndefined();
    }
  });

  test.each([
    [{ ending: "cr" }, RangeError, ["ending", '"cr"', '"lf", "crlf", "either"']],
    [{ ending: null }, RangeError, ["ending", "null"]],
    [{ maxLength: 0 }, RangeError, ["maxLength", "0", "an integer >= 1 or Infinity"]],
    [{ maxLength: 1.5 }, RangeError, ["maxLength", "1.5"]],
    [{ maxLength: NaN }, RangeError, ["maxLength", "NaN"]],
    [{ maxLength: "8" }, TypeError, ["maxLength", '"8"']],
    [{ unterminated: true }, RangeError, ["unterminated", "true", '"error", "message"']],
    [{ maxLenght: 8 }, TypeError, ["maxLenght", "ending, maxLength, unterminated"]],
    [null, TypeError, ["options must be an object", "null"]],
    ["lf", TypeError, ["options must be an object", '"lf"']],
  ] as const)("does not take the options %j", (options, type, says) => {
    expectComplaint(() => lines(options as LinesOptions), {
      type,
      code: "ERR_SOCKETSERVER_INVALID_OPTION",
      says: ["Cannot create codec", ...says],
    });
  });
});

describe("lines().decodeDatagram()", () => {
  test.each([
    ["", ""],
    ["a", "a"],
    ["a\n", "a"],
    ["a\r\n", "a"],
    ["\n", ""],
    ["a\r", "a\r"],
  ])("says that %j is %j", (packet, message) => {
    expect(lines().decodeDatagram(Buffer.from(packet)).toString()).toBe(message);
    expect(lines().text().decodeDatagram?.(Buffer.from(packet))).toBe(message);
  });

  test.each(["a\nb", "a\n\n", "\na"])("refuses %j, which is more than one message", (packet) => {
    expect(() => lines().decodeDatagram(Buffer.from(packet))).toThrow(
      peerError({ code: "PROTOCOL", message: "Cannot decode datagram: it is more than one message" }),
    );
  });

  test("refuses one that is too long", () => {
    const codec = lines({ maxLength: 3 });
    expect(codec.decodeDatagram(Buffer.from("abc\r\n")).toString()).toBe("abc");
    for (const packet of ["abcd", "abcd\n"]) {
      expect(() => codec.decodeDatagram(Buffer.from(packet))).toThrow(
        peerError({ code: "TOO_BIG", message: "Cannot decode message: it is longer than 3 bytes" }),
      );
    }
  });
});

describe("lines().encodeDatagram()", () => {
  test("sends the line without its ending, and nothing that would be another one", () => {
    expect(Buffer.from(lines().encodeDatagram(Buffer.from("a"))).toString()).toBe("a");
    for (const message of ["a\nb", "a\r"]) {
      expectComplaint(() => lines().encodeDatagram(Buffer.from(message)), {
        type: TypeError,
        code: "ERR_SOCKETSERVER_INVALID_MESSAGE",
        says: ["LF, or end with CR"],
      });
    }
  });
});
