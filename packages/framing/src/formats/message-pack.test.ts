import { describe, expect, expectTypeOf, test } from "vitest";

import { expectComplaint } from "../../../core/test/support/complaint.ts";
import { peerError } from "../../test/support/peer-error.ts";
import { readAll } from "../../test/support/read-all.ts";
import { schemaOf } from "../../test/support/schema-of.ts";
import type { Format } from "../format.ts";
import { lengthPrefixed } from "../framings/length-prefixed.ts";
import { messagePack } from "./message-pack.ts";

const encoded = (message: unknown): string => Buffer.from(messagePack().encode(message)).toString("hex");

const decoded = (hex: string): unknown => messagePack().decode(Buffer.from(hex, "hex"));

/** An array in an array, so many deep. */
const nested = (depth: number): unknown => Array.from({ length: depth }).reduce((inner) => [inner], 1);

class Registry extends Map<string, number> {}

const cyclic: { self?: unknown } = {};
cyclic.self = cyclic;

describe("messagePack()", () => {
  test.each<[unknown, string]>([
    // The example of msgpack.org.
    [{ compact: true, schema: 0 }, "82a7636f6d70616374c3a6736368656d6100"],
    [null, "c0"],
    [[], "90"],
    [{}, "80"],
    ["é", "a2c3a9"],
    [127, "7f"],
    [128, "cc80"],
    [-32, "e0"],
    [-33, "d0df"],
    [65_536, "ce00010000"],
    [1.5, "cb3ff8000000000000"],
    [2n ** 63n, "cf8000000000000000"],
    [2n ** 64n - 1n, "cfffffffffffffffff"],
    [-(2n ** 63n), "d38000000000000000"],
    [2n ** 53n + 1n, "d30020000000000001"],
    [Buffer.from("ab"), "c4026162"],
    [new Date(1_000), "d6ff00000001"],
    [new Date(-1), "c70cff3b8b87c0ffffffffffffffff"],
  ])("tells %o as %s", (message, hex) => {
    expect(encoded(message)).toBe(hex);
    expect(decoded(hex)).toStrictEqual(message);
  });

  test.each<[string, unknown]>([
    ["d3001fffffffffffff", 2 ** 53 - 1],
    ["d30020000000000001", 2n ** 53n + 1n],
    ["d3ffe0000000000001", 1 - 2 ** 53],
    ["d3ffdfffffffffffff", -(2n ** 53n) - 1n],
    ["cf001fffffffffffff", 2 ** 53 - 1],
    ["cf0020000000000001", 2n ** 53n + 1n],
    ["cf0000000000000005", 5],
  ])("reads the integer %s exactly", (hex, value) => {
    expect(decoded(hex)).toBe(value);
  });

  test("reads binary without a copy, as a Buffer", () => {
    const bytes = Buffer.from("c4026162", "hex");
    const message = messagePack().decode(bytes) as Buffer;
    expect(Buffer.isBuffer(message)).toBe(true);
    expect(message.buffer).toBe(bytes.buffer);
    expect(decoded(encoded(new Uint8Array([1, 2])))).toStrictEqual(Buffer.of(1, 2));
    expect(decoded(encoded(new Uint8Array([9, 1, 2]).subarray(1)))).toStrictEqual(Buffer.of(1, 2));
    expect(decoded(encoded(new Uint8Array([1, 2]).buffer))).toStrictEqual(Buffer.of(1, 2));
  });

  test("reads the keys of maps as keys of objects, and sends Maps", () => {
    expect(decoded("8401a161ffa162cf0020000000000001a163a164c0")).toStrictEqual({
      "1": "a",
      "-1": "b",
      "9007199254740993": "c",
      d: null,
    });
    expect(
      encoded(
        new Map<unknown, unknown>([
          [1, "a"],
          ["d", null],
        ]),
      ),
    ).toBe("8201a161a164c0");
  });

  test("sends undefined as nil, as there is nothing else for it", () => {
    expect([encoded(undefined), encoded([undefined]), encoded({ a: undefined })]).toEqual(["c0", "91c0", "81a161c0"]);
  });

  test("has no key __proto__, in neither direction", () => {
    expect(() => decoded("81a95f5f70726f746f5f5f81a8706f6c6c75746564c3")).toThrow("as MessagePack a key is __proto__");
    expectComplaint(() => messagePack().encode(JSON.parse('{"__proto__":1}')), {
      type: TypeError,
      code: "ERR_SOCKETSERVER_INVALID_MESSAGE",
      says: ["a key is __proto__"],
    });
    const inner = decoded("81ab636f6e7374727563746f7281a970726f746f7479706581a8706f6c6c75746564c3") as object;
    expect(Object.keys(inner)).toEqual(["constructor"]);
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  });

  test.each([
    ["c1", "it has a byte that MessagePack does not use"],
    ["", "it ends in the middle of a value"],
    ["c0c0", "something follows the value"],
    ["a1ff", "a string is no UTF-8"],
    ["81c0c0", "a key is neither a string nor an integer"],
    ["ddffffffff", "it ends in the middle of a value"],
    ["dfffffffff", "it ends in the middle of a value"],
    // What msgpackr itself would make of them: a record, a set, a typed array, a regular expression, an error, a bigint, many strings.
    ["d47240", "it has an extension other than the timestamp"],
    ["d473009101", "it has an extension other than the timestamp"],
    ["c705740101000200", "it has an extension other than the timestamp"],
    ["d4780092a178a0", "it has an extension other than the timestamp"],
    ["d4650093a54572726f72a178c0", "it has an extension other than the timestamp"],
    ["d44205", "it has an extension other than the timestamp"],
    ["d6620000000000", "it has an extension other than the timestamp"],
  ])("refuses %s", (hex, fault) => {
    expect(() => decoded(hex)).toThrow(
      peerError({ code: "PROTOCOL", message: `Cannot decode message: as MessagePack ${fault}`, skippable: true }),
    );
  });

  test.each(["d7ffffffffff00000000", "c70cff3b9aca000000000000000000", "c70cff000000007fffffffffffffff"])(
    "refuses the timestamp %s, which is no time",
    (hex) => {
      expect(() => decoded(hex)).toThrow(
        expect.objectContaining({ name: "ProtocolError", code: "ERR_SOCKETSERVER_PROTOCOL", skippable: true }) as Error,
      );
    },
  );

  test("takes a nesting of 512 and refuses one of 513, in both directions", () => {
    expect(decoded(encoded(nested(512)))).toStrictEqual(nested(512));
    expect(() => decoded(`${"91".repeat(513)}01`)).toThrow("as MessagePack it is nested more than 512 deep");
    expectComplaint(() => messagePack().encode(nested(513)), {
      type: TypeError,
      code: "ERR_SOCKETSERVER_INVALID_MESSAGE",
      says: ["it is nested more than 512 deep"],
    });
  });

  test("makes nothing of a length that is declared and does not come", () => {
    const declared = ["ddffffffff", "dfffffffff", "c6ffffffff", "dbffffffff", "dc", "dd00ffffff"];
    const before = process.memoryUsage();
    for (let count = 0; count < 1_000; count++) {
      for (const hex of declared) expect(() => decoded(hex)).toThrow("it ends in the middle of a value");
    }
    const after = process.memoryUsage();
    expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(50_000_000);
    expect(after.heapTotal - before.heapTotal).toBeLessThan(100_000_000);
  });

  test.each<[string, unknown, string]>([
    ["a symbol", Symbol("mark"), "MessagePack cannot tell Symbol(mark)"],
    ["a bigint of more than 64 bits", 2n ** 64n, "does not fit 64 bits"],
    ["a cycle", cyclic, "it is nested more than 512 deep"],
    ["half of a surrogate pair", "\ud800", "half of a surrogate pair"],
    ["half of a surrogate pair in a key", { "\udc00": 1 }, "half of a surrogate pair"],
    ["a date that is none", new Date(NaN), "it has a Date that is no time"],
    ["a map with a key that no object can have", new Map([[{}, 1]]), "a key is neither a string nor an integer"],
    ["a map with a key that is a fraction", new Map([[1.5, 1]]), "a key is neither a string nor an integer"],
    ["a map with the key __proto__", new Map([["__proto__", 1]]), "a key is __proto__"],
    ["a key of more than 32 bits", new Map([[2 ** 32, 1]]), "the key 4294967296 has more than 32 bits"],
    ["a key of less than -32 bits", new Map([[-(2 ** 31) - 1, 1]]), "it has to be a bigint"],
    ["a map of a class of its own", new Registry([["a", 1]]), "it has a Map of a class of its own: send a plain one"],
    ["a key that is a symbol", { [Symbol("mark")]: 1 }, "a key is a symbol"],
    ["what is nested too deep for anybody", nested(100_000), "it is nested more than 512 deep"],
  ])("does not send %s", (_, message, says) => {
    for (const value of [message, [message]]) {
      expectComplaint(() => messagePack().encode(value), {
        type: TypeError,
        code: "ERR_SOCKETSERVER_INVALID_MESSAGE",
        says: ["Cannot encode message", says],
      });
    }
    // And is not upset by it.
    expect(encoded({ a: 1 })).toBe("81a16101");
  });

  test.each<[string, unknown]>([
    ["a Float64Array", new Float64Array(4)],
    ["a Uint16Array", new Uint16Array([1, 2])],
    ["a BigInt64Array", new BigInt64Array(2)],
    ["a DataView", new DataView(new ArrayBuffer(4))],
  ])("does not send %s, nor what stood in memory before", (_, message) => {
    encoded("SECRET".repeat(1_000));
    for (const value of [message, [message], { a: message }]) {
      expectComplaint(() => messagePack().encode(value), {
        type: TypeError,
        code: "ERR_SOCKETSERVER_INVALID_MESSAGE",
        says: ["Cannot encode message"],
      });
    }
  });

  test.each<[string, unknown]>([
    ["a function", JSON.parse],
    ["a Set", new Set([1])],
    ["a regular expression", /a/],
    ["an error", new Error("a")],
  ])("does not send %s as something else", (_, message) => {
    for (const value of [message, [message]]) {
      expectComplaint(() => messagePack().encode(value), {
        type: TypeError,
        code: "ERR_SOCKETSERVER_INVALID_MESSAGE",
        says: ["Cannot encode message"],
      });
    }
  });

  test("gives out bytes that later messages do not change", () => {
    const first = messagePack().encode({ a: "first" });
    const copy = Buffer.from(first);
    for (let count = 0; count < 2_000; count++) messagePack().encode({ a: `message ${count}` });
    expect(Buffer.from(first)).toEqual(copy);
  });

  test("gives a message the type and the value that the schema makes", () => {
    const codec = lengthPrefixed({ lengthBytes: 1 }).with(
      messagePack(schemaOf<{ id: bigint }>((value) => ({ value: { id: BigInt(value as number) } }))),
    );
    expectTypeOf(codec.decoder().read()).toEqualTypeOf<{ id: bigint } | undefined>();
    expect(readAll(codec.decoder(), Buffer.of(1, 5))).toEqual([{ id: 5n }]);
    expectTypeOf(messagePack()).toEqualTypeOf<Format<unknown>>();
    expectTypeOf(messagePack(schemaOf<number>(() => ({ value: 1 })))).toEqualTypeOf<Format<number, unknown>>();
    const refusing = messagePack(schemaOf(() => ({ issues: [{ message: "is odd", path: ["a"] }] })));
    expect(() => refusing.decode(Buffer.of(1))).toThrow(
      expect.objectContaining({ skippable: true, issues: [{ message: "is odd", path: ["a"] }] }) as Error,
    );
    expect(Buffer.from(refusing.encode(1))).toEqual(Buffer.of(1));
  });

  test.each([undefined, null, {}, "number", { "~standard": { version: 2, validate: () => ({}) } }])(
    "does not take %j for a schema",
    (schema) => {
      expectComplaint(() => messagePack(schema as never), {
        type: TypeError,
        code: "ERR_SOCKETSERVER_INVALID_ARGUMENT",
        says: ["Cannot create codec: schema must be a Standard Schema", "received"],
      });
    },
  );
});
