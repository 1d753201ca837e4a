import { describe, expect, test } from "vitest";

import { expectComplaint } from "../../../core/test/support/complaint.ts";
import { peerError } from "../../test/support/peer-error.ts";
import { text, type TextOptions } from "./text.ts";

describe("text()", () => {
  test.each<["utf-8" | "ascii" | "latin1", string, string]>([
    ["utf-8", "", ""],
    ["utf-8", "aé€😀", "61c3a9e282acf09f9880"],
    ["utf-8", "\ufeff\ufffd\0", "efbbbfefbfbd00"],
    ["ascii", "a\0~\x7f", "61007e7f"],
    ["latin1", "aé\xa0\x80ÿ", "61e9a080ff"],
  ])("in %s tells %j as %s", (encoding, message, hex) => {
    expect(Buffer.from(text({ encoding }).encode(message)).toString("hex")).toBe(hex);
    expect(text({ encoding }).decode(Buffer.from(hex, "hex"))).toBe(message);
  });

  test("is UTF-8 unless told otherwise", () => {
    expect(text().decode(Buffer.from("c3a9", "hex"))).toBe("é");
    expect(text({}).decode(Buffer.from("c3a9", "hex"))).toBe("é");
  });

  test("knows every byte in latin1", () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    const message = text({ encoding: "latin1" }).decode(bytes);
    expect(message).toHaveLength(256);
    expect(Buffer.from(text({ encoding: "latin1" }).encode(message))).toEqual(bytes);
  });

  test.each([
    ["utf-8", "80"],
    ["utf-8", "c3"],
    ["utf-8", "c328"],
    ["utf-8", "c0af"],
    ["utf-8", "e0809f"],
    ["utf-8", "eda080"],
    ["utf-8", "f4908080"],
    ["utf-8", "f888808080"],
    // A replacement character that was sent does not excuse another one.
    ["utf-8", "efbfbdff"],
    ["ascii", "80"],
    ["ascii", "c3a9"],
  ] as const)("in %s refuses %s", (encoding, hex) => {
    const name = encoding === "ascii" ? "ASCII" : "UTF-8";
    expect(() => text({ encoding }).decode(Buffer.from(hex, "hex"))).toThrow(
      peerError({ code: "PROTOCOL", message: `Cannot decode message: it is no ${name}`, skippable: true }),
    );
  });

  test.each([
    ["utf-8", "\ud800", "half of a surrogate pair"],
    ["utf-8", "a\udc00b", "half of a surrogate pair"],
    ["utf-8", "\udc00\ud800", "half of a surrogate pair"],
    ["ascii", "aé", "character 1 is not in ascii; use UTF-8"],
    ["ascii", "\x80", "character 0 is not in ascii"],
    ["latin1", "a€", "character 1 is not in latin1"],
    ["latin1", "\u0100", "character 0 is not in latin1"],
    ["utf-8", undefined, "it must be a string, received undefined"],
    ["latin1", 5, "it must be a string, received 5"],
    ["ascii", Buffer.from("a"), "it must be a string, received"],
  ] as const)("in %s does not send %j", (encoding, message, says) => {
    expectComplaint(() => text({ encoding }).encode(message as string), {
      type: TypeError,
      code: "ERR_SOCKETSERVER_INVALID_MESSAGE",
      says: ["Cannot encode message", says],
    });
  });

  test.each([
    [{ encoding: "utf8" }, RangeError, ["encoding", '"utf8"', '"utf-8", "ascii", "latin1"']],
    [{ encoding: "utf-16le" }, RangeError, ["encoding", '"utf-16le"']],
    [{ fatal: true }, TypeError, ["fatal", "known are encoding"]],
    ["latin1", TypeError, ["options must be an object", '"latin1"']],
  ] as const)("does not take the options %j", (options, type, says) => {
    expectComplaint(() => text(options as TextOptions), {
      type,
      code: "ERR_SOCKETSERVER_INVALID_OPTION",
      says: ["Cannot create codec", ...says],
    });
  });
});
