import { describe, expect, expectTypeOf, test } from "vitest";

import { expectComplaint } from "../../../core/test/support/complaint.ts";
import { peerError } from "../../test/support/peer-error.ts";
import { readAll } from "../../test/support/read-all.ts";
import { schemaOf } from "../../test/support/schema-of.ts";
import type { TextFormat } from "../format.ts";
import { lines } from "../framings/lines.ts";
import { json, type JsonValue } from "./json.ts";

const cyclic: { self?: unknown } = {};
cyclic.self = cyclic;

describe("json()", () => {
  test.each<[unknown, string]>([
    [null, "null"],
    [-1.5, "-1.5"],
    ["é\n\u2028", '"é\\n\u2028"'],
    ["\ud800", '"\\ud800"'],
    [[1, [], {}], "[1,[],{}]"],
    [{ a: { b: true } }, '{"a":{"b":true}}'],
  ])("tells %j as %s", (message, encoded) => {
    expect(json().encodeText(message)).toBe(encoded);
    expect(Buffer.from(json().encode(message)).toString()).toBe(encoded);
    expect(json().decode(Buffer.from(encoded))).toEqual(message);
    expect(json().decodeText(` ${encoded}\r\n`)).toEqual(message);
  });

  test.each<[string, unknown, string]>([
    ["undefined", undefined, "undefined is nothing in JSON"],
    ["a function", JSON.parse, "parse() is nothing in JSON"],
    ["a symbol", Symbol("mark"), "Symbol(mark) is nothing in JSON"],
    ["what says that it is nothing", { toJSON: () => undefined }, "is nothing in JSON"],
    ["a bigint", { id: 5n }, "it is no JSON: TypeError"],
    ["a cycle", cyclic, "it is no JSON: TypeError"],
  ])("does not send %s", (_, message, says) => {
    for (const send of [() => json().encode(message), () => lines().json().encode(message)]) {
      expectComplaint(send, {
        type: TypeError,
        code: "ERR_SOCKETSERVER_INVALID_MESSAGE",
        says: ["Cannot encode message", says],
      });
    }
  });

  test("keeps the reason why a value is no JSON", () => {
    const reason = new Error("not ready");
    const message = {
      toJSON(): never {
        throw reason;
      },
    };
    expect(() => json().encode(message)).toThrow(expect.objectContaining({ cause: reason }) as Error);
  });

  test.each(["", " ", "x", "{", "[1,]", "{a:1}", "'a'", "01", "NaN", "1 2", '"a\nb"', "\ufeff1", "undefined"])(
    "refuses %j",
    (encoded) => {
      for (const decode of [() => json().decodeText(encoded), () => json().decode(Buffer.from(encoded))]) {
        expect(decode).toThrow(
          expect.objectContaining({
            name: "ProtocolError",
            code: "ERR_SOCKETSERVER_PROTOCOL",
            message: expect.stringMatching(/^Cannot decode message: it is no JSON( at position \d+)?$/) as string,
            skippable: true,
            issues: [],
          }) as Error,
        );
      }
    },
  );

  test("says where the text stops to be JSON, and not what stands there", () => {
    expect(() => json().decodeText('{"a":1,x}')).toThrow(
      peerError({ code: "PROTOCOL", message: "Cannot decode message: it is no JSON at position 7", skippable: true }),
    );
  });

  test.each(["at position 123456", '["", at position 123456]', "in JSON at position 123456 (line 1 column 1)"])(
    "does not take the place from the text %j",
    (encoded) => {
      expect(() => json().decodeText(encoded)).toThrow(
        expect.objectContaining({ message: expect.not.stringContaining("123456") as string }) as Error,
      );
    },
  );

  test("refuses bytes that are no UTF-8", () => {
    expect(() => json().decode(Buffer.from("22ff22", "hex"))).toThrow(
      peerError({ code: "PROTOCOL", message: "Cannot decode message: it is no UTF-8", skippable: true }),
    );
  });

  test("makes a key of an object of __proto__, and changes no other object", () => {
    const value = json().decodeText('{"__proto__":{"polluted":true}}') as Record<string, unknown>;
    expect(Object.keys(value)).toEqual(["__proto__"]);
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  });

  test("gives a message the type and the value that the schema makes", () => {
    const codec = lines().json(
      schemaOf<{ at: Date }>((value) => ({ value: { at: new Date((value as { at: string }).at) } })),
    );
    expectTypeOf(codec.decoder().read()).toEqualTypeOf<{ at: Date } | undefined>();
    expect(readAll(codec.decoder(), '{"at":"2026-01-02"}\n')).toEqual([{ at: new Date("2026-01-02") }]);
    expectTypeOf(json()).toEqualTypeOf<TextFormat<JsonValue, unknown>>();
    expectTypeOf(json(schemaOf<number>(() => ({ value: 1 })))).toEqualTypeOf<TextFormat<number, unknown>>();
    // @ts-expect-error -- It would not be checked.
    expect(() => json({ type: "object" })).toThrow(TypeError);
  });

  test("does not check what is sent", () => {
    const never = schemaOf<number>(() => ({ issues: [{ message: "never" }] }));
    expect(Buffer.from(lines().json(never).encode("anything")).toString()).toBe('"anything"\n');
  });

  test.each([
    undefined,
    null,
    {},
    "number",
    { "~standard": {} },
    { "~standard": { version: 2, validate: () => ({}) } },
  ])("does not take %j for a schema", (schema) => {
    for (const make of [() => json(schema as never), () => lines().json(schema as never)]) {
      expectComplaint(make, {
        type: TypeError,
        code: "ERR_SOCKETSERVER_INVALID_ARGUMENT",
        says: ["Cannot create codec: schema must be a Standard Schema", "received"],
      });
    }
  });
});
