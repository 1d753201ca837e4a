import { describe, expect, test } from "vitest";

import { expectComplaint } from "../../../core/test/support/complaint.ts";
import { readAll } from "../../test/support/read-all.ts";
import { delimited, type DelimitedOptions } from "./delimited.ts";

const asText = (messages: readonly Buffer[]): string[] => messages.map((message) => message.toString("latin1"));

describe("delimited()", () => {
  test.each<[string | Uint8Array, string, string[]]>([
    [",", "a,,b,", ["a", "", "b"]],
    ["END", "aENENDENDbEND", ["aEN", "", "b"]],
    // The first place where the delimiter stands counts.
    ["aa", "aaaxaab", ["", "ax"]],
    ["aba", "xababayaba", ["x", "bay"]],
    ["aba", "ababxaba", ["", "bx"]],
    ["\0", "a\0\0", ["a", ""]],
    [Buffer.of(0xff, 0xfe), "a\xff\xff\xfeb\xff\xfe", ["a\xff", "b"]],
  ])("with %j takes %j apart into %j", (delimiter, stream, messages) => {
    const bytes = Buffer.from(stream, "latin1");
    expect(asText(readAll(delimited(delimiter).decoder(), bytes))).toEqual(messages);
    const each = [...bytes].map((byte) => Buffer.of(byte));
    expect(asText(readAll(delimited(delimiter).decoder(), ...each))).toEqual(messages);
  });

  test("takes text as a delimiter for its UTF-8", () => {
    const codec = delimited("é");
    expect(Buffer.from(codec.encode(Buffer.from("a"))).toString("hex")).toBe("61c3a9");
    expect(asText(readAll(codec.decoder(), Buffer.from("61c3a8c3a9", "hex")))).toEqual(["a\xc3\xa8"]);
    expect(readAll(codec.text().decoder(), "è€é", "é")).toEqual(["è€", ""]);
  });

  test("finds a byte that is part of a character, too", () => {
    // 0xa9 ends the character é: the text falls apart there, and what is left of it is none.
    const decoder = delimited(Buffer.of(0xa9)).text().decoder();
    expect(readAll(decoder, Buffer.from("61a9", "hex"))).toEqual(["a"]);
    expect(() => readAll(decoder, "é")).toThrow("it is no UTF-8");
  });

  test("does not see later changes of the bytes that it was given", () => {
    const delimiter = Buffer.from(",");
    const codec = delimited(delimiter);
    delimiter.write(";");
    expect(asText(readAll(codec.decoder(), "a;b,"))).toEqual(["a;b"]);
  });

  test("searches all of what comes when it has given back what came", () => {
    for (const delimiter of [",", "END"]) {
      const decoder = delimited(delimiter).decoder();
      expect(readAll(decoder, "abcdef")).toEqual([]);
      expect(decoder.rest().toString()).toBe("abcdef");
      expect(asText(readAll(decoder, `a${delimiter}b`))).toEqual(["a"]);
    }
  });

  test.each([
    [",", "a,b", '","'],
    ["END", "END", '"END"'],
    // The end of the message and the beginning of the delimiter would be a delimiter.
    ["aa", "xa", '"aa"'],
    ["aba", "xab", '"aba"'],
  ])("with %j refuses to send %j", (delimiter, message, shown) => {
    const complaint = {
      type: TypeError,
      code: "ERR_SOCKETSERVER_INVALID_MESSAGE",
      says: [`Cannot encode message: it must not contain ${shown}; use lengthPrefixed() for any content`],
    };
    const codec = delimited(delimiter);
    expectComplaint(() => codec.encode(Buffer.from(message)), complaint);
    expectComplaint(() => codec.text().encode(message), complaint);
    expectComplaint(() => codec.encodeDatagram(Buffer.from(message)), complaint);
  });

  test("bounds the bytes of text, not its characters", () => {
    const codec = delimited(",", { maxLength: 4 }).text();
    expect(readAll(codec.decoder(), codec.encode("éé"), codec.encode("😀"))).toEqual(["éé", "😀"]);
    expect(() => readAll(codec.decoder(), codec.encode("€€"))).toThrow("it is longer than 4 bytes");
  });

  test.each([
    ["", '""'],
    [Buffer.alloc(0), "Buffer"],
    [undefined, "undefined"],
    [44, "44"],
    [["a"], '["a"]'],
  ])("does not take the delimiter %j", (delimiter, shown) => {
    expectComplaint(() => delimited(delimiter as string), {
      type: TypeError,
      code: "ERR_SOCKETSERVER_INVALID_ARGUMENT",
      says: ["Cannot create codec: delimiter must be text or bytes, at least one", shown],
    });
  });

  test.each([
    [{ maxLength: -1 }, RangeError, ["maxLength", "-1"]],
    [{ maxLength: 5n }, TypeError, ["maxLength", "5"]],
    [{ unterminated: "ignore" }, RangeError, ["unterminated", '"ignore"']],
    [{ ending: "lf" }, TypeError, ["ending", "maxLength, unterminated"]],
  ] as const)("does not take the options %o", (options, type, says) => {
    expectComplaint(() => delimited(",", options as DelimitedOptions), {
      type,
      code: "ERR_SOCKETSERVER_INVALID_OPTION",
      says: ["Cannot create codec", ...says],
    });
  });
});
