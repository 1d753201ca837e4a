import fc from "fast-check";
import { Packr } from "msgpackr";
import { describe, expect, test } from "vitest";

import { messagePackFault } from "./message-pack-shape.ts";

const ENDS = "it ends in the middle of a value";
const EXTENSION = "it has an extension other than the timestamp";
const KEY = "a key is neither a string nor an integer";

const faultOf = (hex: string): string | undefined => messagePackFault(Buffer.from(hex, "hex"));

/** One thing of every kind, with nothing in it. */
const VALUES: Readonly<Record<string, string>> = {
  "positive fixint": "7f",
  fixmap: "80",
  "fixmap with a string": "81a16101",
  "fixmap with an integer": "81cc6101",
  "fixmap with a negative integer": "81ff01",
  fixarray: "90",
  fixstr: "a3e282ac",
  nil: "c0",
  false: "c2",
  true: "c3",
  "bin 8": "c402ffff",
  "bin 16": "c50002ffff",
  "bin 32": "c600000002ffff",
  "ext 8, a timestamp": "c70cff000000000000000000000000",
  "float 32": "ca00000000",
  "float 64": "cb0000000000000000",
  "uint 8": "cc00",
  "uint 16": "cd0000",
  "uint 32": "ce00000000",
  "uint 64": "cf0000000000000000",
  "int 8": "d080",
  "int 16": "d18000",
  "int 32": "d280000000",
  "int 64": "d38000000000000000",
  "fixext 4, a timestamp": "d6ff00000000",
  "fixext 8, a timestamp": "d7ff0000000000000000",
  "str 8": "d90161",
  "str 16": "da000161",
  "str 32": "db0000000161",
  "array 16": "dc0002c0c0",
  "array 32": "dd00000002c0c0",
  "map 16": "de0001a16101",
  "map 32": "df00000001a16101",
  "negative fixint": "e0",
};

describe("messagePackFault()", () => {
  test.each(Object.entries(VALUES))("finds none in a %s", (_, hex) => {
    expect(faultOf(hex)).toBeUndefined();
    expect(faultOf(`92${hex}${hex}`)).toBeUndefined();
    expect(faultOf(`82a161${hex}a162${hex}`)).toBeUndefined();
  });

  test.each(Object.entries(VALUES))("finds the end of a %s", (_, hex) => {
    for (let digits = 0; digits < hex.length; digits += 2) {
      const fault = faultOf(hex.slice(0, digits));
      // A string that is cut may be no text, and an extension of which nothing came may be any.
      expect([ENDS, EXTENSION, "a string is no UTF-8"]).toContain(fault);
    }
    expect(faultOf(`${hex}c0`)).toBe("something follows the value");
    expect(faultOf(`92${hex}`)).toBe(ENDS);
  });

  test.each([
    ["", ENDS],
    ["c1", "it has a byte that MessagePack does not use"],
    ["92c0c1", "it has a byte that MessagePack does not use"],
    ["c0c0", "something follows the value"],
    ["a1ff", "a string is no UTF-8"],
    ["a2c328", "a string is no UTF-8"],
    ["a3eda080", "a string is no UTF-8"],
    ["d901ff", "a string is no UTF-8"],
    ["81a1ff01", "a string is no UTF-8"],
    ["81c001", KEY],
    ["81c301", KEY],
    ["81c4016101", KEY],
    ["819001", KEY],
    ["818001", KEY],
    ["81ca0000000001", KEY],
    ["82a161ff90ff", KEY],
    ["81d6ff0000000001", KEY],
  ])("finds in %s: %s", (hex, fault) => {
    expect(faultOf(hex)).toBe(fault);
  });

  test.each([
    // Every other type, and a timestamp of a size that it cannot have.
    ...[0, 1, 0x62, 0x65, 0x69, 0x70, 0x72, 0x73, 0x74, 0x78, 0x7f, 0x80, 0xfe].map((type) => `d4${hexOf(type)}00`),
    "d4ff00",
    "d5ff0000",
    "d8ff00000000000000000000000000000000",
    "c700ff",
    "c701ff00",
    "c80005ff0000000000",
    "c900000001ff00",
    "c70c00000000000000000000000000",
  ])("refuses the extension %s", (hex) => {
    expect(faultOf(hex)).toBe(EXTENSION);
    expect(faultOf(`91${hex}`)).toBe(EXTENSION);
  });

  test.each(["dd", "df", "c6", "db", "c9"])("believes no length of 32 bits behind %s", (first) => {
    for (const size of ["ffffffff", "7fffffff", "00000010"]) {
      expect(faultOf(`${first}${size}61`)).toMatch(/^it (ends in the middle of a value|has an extension)/);
    }
    expect(faultOf(`91${first}ffffffff`)).toMatch(/^it (ends in the middle of a value|has an extension)/);
  });

  test.each([
    ["91", "c0"],
    ["91", ""],
    ["81a161", "c0"],
    ["dc0001", "c0"],
    ["df0000000101", "90"],
  ])("counts what is opened with %s", (open, inner) => {
    // The innermost may open another one itself.
    const own = inner === "90" ? 1 : 0;
    expect(faultOf(open.repeat(512 - own) + inner)).toBe(inner === "" ? ENDS : undefined);
    expect(faultOf(open.repeat(513 - own) + inner)).toBe(inner === "" ? ENDS : "it is nested more than 512 deep");
  });

  test("counts what is open, and not what was", () => {
    expect(faultOf(`dc03e8${"9191c0".repeat(1_000)}`)).toBeUndefined();
  });

  test("finds none in what is packed, and one in every part of it", () => {
    const packer = new Packr({ useRecords: false, variableMapSize: true });
    // That key is packed, and refused.
    const values = fc.jsonValue().filter((value) => !JSON.stringify(value).includes("__proto__"));
    fc.assert(
      fc.property(values, fc.nat(), (value, place) => {
        const bytes = packer.pack(value);
        expect(messagePackFault(bytes)).toBeUndefined();
        expect(messagePackFault(bytes.subarray(0, place % bytes.length))).toBeDefined();
      }),
      { numRuns: 300 },
    );
  });

  test("says something of any bytes", () => {
    const first = fc.constantFrom(
      0x81,
      0x92,
      0xa2,
      0xc1,
      0xc4,
      0xc7,
      0xd4,
      0xd6,
      0xd9,
      0xdc,
      0xdd,
      0xde,
      0xdf,
      0xff,
      0x00,
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(first, fc.nat(0xff)), { maxLength: 20 }), (bytes) => {
        expect(["string", "undefined"]).toContain(typeof messagePackFault(Buffer.from(bytes)));
      }),
      { numRuns: 1_000 },
    );
  });
});

function hexOf(byte: number): string {
  return byte.toString(16).padStart(2, "0");
}
