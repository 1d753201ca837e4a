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

  /** Arrays and objects in turns, inside of each other. */
  function nested(depth: number, inmost = ""): string {
    const open = Array.from({ length: depth }, (_, index) => (index % 2 === 0 ? "[" : '{"a":'));
    const close = open.map((bracket) => (bracket === "[" ? "]" : "}")).toReversed();
    return open.join("") + (inmost || (depth % 2 === 0 ? "0" : "")) + close.join("");
  }

  const TOO_DEEP = peerError({
    code: "PROTOCOL",
    message: "Cannot decode message: as JSON it is nested more than 512 deep",
    skippable: true,
  });

  test("takes what is nested 512 deep, and nothing deeper", () => {
    for (const decode of [
      (encoded: string) => json().decodeText(encoded),
      (encoded: string) => json().decode(Buffer.from(encoded)),
    ]) {
      expect(JSON.stringify(decode(nested(512)))).toBe(nested(512));
      expect(() => decode(nested(513))).toThrow(TOO_DEEP);
      expect(() => decode("[".repeat(100_000))).toThrow(TOO_DEEP);
    }
  });

  test("goes on behind what is nested too deep", () => {
    const decoder = lines().json().decoder();
    decoder.push(Buffer.from(`1\n${nested(513)}\n2\n`));
    expect(decoder.read()).toBe(1);
    expect(() => decoder.read()).toThrow(TOO_DEEP);
    expect(decoder.skip()).toBe(true);
    expect(decoder.read()).toBe(2);
  });

  test.each([
    ["as many brackets side by side", `[${Array.from({ length: 2_000 }, () => '[{"a":[]}]').join(",")}]`],
    ["brackets in text", JSON.stringify(["[{".repeat(1_000), { "[[[": "{" }])],
    ["brackets behind an escaped quote", JSON.stringify(`"${"[".repeat(2_000)}`)],
    ["brackets behind an escaped backslash and an escaped quote", JSON.stringify(`\\"${"[".repeat(2_000)}`)],
    ["brackets behind other escapes", `"\\u0022\\n\\/${"[".repeat(2_000)}"`],
    ["512 deep around text with brackets", nested(512, JSON.stringify(`]}"\\${"[".repeat(2_000)}`))],
  ])("does not take %s for depth", (_what, encoded) => {
    expect(json().decodeText(encoded)).toEqual(JSON.parse(encoded));
  });

  test.each([
    ["text that ends with an escaped backslash", `["${"]".repeat(1_000)}\\\\",${nested(512)}]`],
    ["text with closing brackets behind an escaped quote", `["\\"${"]".repeat(1_000)}",${nested(512)}]`],
  ])("counts the depth behind %s", (_what, encoded) => {
    expect(() => JSON.parse(encoded) as unknown).not.toThrow();
    expect(() => json().decodeText(encoded)).toThrow(TOO_DEEP);
  });

  test("keeps a schema that goes as deep as the message from running out of stack", () => {
    // Takes a few kilobytes of stack for each level.
    const depthOf = (value: unknown, ...locals: readonly number[]): number =>
      typeof value === "object" && value !== null
        ? Math.max(...Object.values(value).map((inner) => depthOf(inner, ...locals)), 0) + 1
        : 0;
    const locals = Array.from({ length: 50 }, (_, index) => index);
    const recursive = schemaOf((value) => ({ value: depthOf(value, ...locals) }));
    expect(json(recursive).decodeText(nested(512))).toBe(512);
    expect(() => json(recursive).decodeText(nested(20_000))).toThrow(TOO_DEEP);
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
