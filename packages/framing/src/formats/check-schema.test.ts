import type { StandardSchemaV1 } from "@standard-schema/spec";
import { describe, expect, test } from "vitest";

import { schemaOf } from "../../test/support/schema-of.ts";
import { lengthPrefixed } from "../framings/length-prefixed.ts";
import { lines } from "../framings/lines.ts";
import { assertSchema, checkSchema } from "./check-schema.ts";

const refusing = (...issues: StandardSchemaV1.Issue[]): StandardSchemaV1 => schemaOf(() => ({ issues }));

/** What is thrown for a value. */
function refusal(schema: StandardSchemaV1, value: unknown = 1): unknown {
  try {
    checkSchema(schema, value);
  } catch (error) {
    return error;
  }
  throw new Error("it is not refused");
}

describe("assertSchema()", () => {
  test("takes schemas that are objects and schemas that are functions", () => {
    const schema = schemaOf((value) => ({ value }));
    expect(() => assertSchema(schema)).not.toThrow();
    expect(() => assertSchema(Object.assign(() => true, schema))).not.toThrow();
  });
});

describe("checkSchema()", () => {
  test("answers what the schema makes of the value", () => {
    const trimmed = schemaOf((value) => ({ value: (value as string).trim() }));
    expect(checkSchema(trimmed, " a ")).toBe("a");
    for (const value of [null, 0, "", false])
      expect(
        checkSchema(
          schemaOf(() => ({ value })),
          "x",
        ),
      ).toBe(value);
    expect(
      checkSchema(
        schemaOf((value) => ({ value, issues: undefined })),
        5,
      ),
    ).toBe(5);
  });

  test("tells the issues, with their paths", () => {
    const schema = refusing(
      { message: "is missing" },
      { message: "is too small", path: ["items", 3, { key: "price" }, { key: 0 }, Symbol("inner")] },
      { message: "has no path", path: [] },
    );
    expect(refusal(schema)).toMatchObject({
      name: "ProtocolError",
      code: "ERR_SOCKETSERVER_PROTOCOL",
      message: "Cannot decode message: it does not fit the schema",
      skippable: true,
      issues: [
        { message: "is missing", path: [] },
        { message: "is too small", path: ["items", 3, "price", 0, "Symbol(inner)"] },
        { message: "has no path", path: [] },
      ],
    });
  });

  test("keeps nothing of an issue but its message and its path", () => {
    const issue = { message: "is wrong", path: ["a"], received: "something secret" };
    expect((refusal(refusing(issue)) as { issues: unknown }).issues).toStrictEqual([
      { message: "is wrong", path: ["a"] },
    ]);
  });

  test("tells the first 100 issues", () => {
    const issues = Array.from({ length: 10_000 }, (_, index) => ({ message: `is wrong ${index}` }));
    for (const count of [99, 100, 101, 10_000]) {
      const told = (refusal(refusing(...issues.slice(0, count))) as { issues: unknown }).issues;
      expect(told).toEqual(issues.slice(0, Math.min(count, 100)).map(({ message }) => ({ message, path: [] })));
    }
  });

  test("refuses a value for which there are issues, none of them told", () => {
    expect(refusal(refusing())).toMatchObject({ code: "ERR_SOCKETSERVER_PROTOCOL", issues: [] });
  });

  test("does not wait for an answer, whatever becomes of it", async () => {
    for (const answer of [() => Promise.resolve({ value: 1 }), () => Promise.reject(new Error("later"))]) {
      expect(refusal(schemaOf(answer))).toMatchObject({
        name: "TypeError",
        code: "ERR_SOCKETSERVER_INVALID_ARGUMENT",
        message: expect.stringMatching(
          /^Cannot decode message: the schema answers asynchronously, or throws; .*handleMessage\(\)$/,
        ) as string,
      });
    }
    // A rejection that nobody handles would end the process by now.
    await new Promise((resolve) => setImmediate(resolve));
  });

  test("does not take undefined for a message", () => {
    expect(refusal(schemaOf(() => ({ value: undefined })))).toMatchObject({
      name: "TypeError",
      code: "ERR_SOCKETSERVER_INVALID_ARGUMENT",
      message: "Cannot decode message: the schema made undefined of it, which is no message",
    });
  });

  test("lets out what the schema throws", () => {
    const error = new Error("a mistake in the schema");
    const schema = schemaOf(() => {
      throw error;
    });
    expect(refusal(schema)).toBe(error);
  });

  test.each([
    ["text", lines(), (message: string) => `${message}\n`],
    [
      "bytes",
      lengthPrefixed({ lengthBytes: 1 }),
      (message: string) => `${String.fromCharCode(message.length)}${message}`,
    ],
  ] as const)("leaves a decoder of %s on its feet", (_, framing, frame) => {
    const even = schemaOf<number>((value) => {
      if (value === "throw") throw new RangeError("a mistake in the schema");
      if (value === "wait") return Promise.resolve({ value: 0 });
      if (value === "nothing") return { value: undefined as never };
      return typeof value === "number" && value % 2 === 0 ? { value } : { issues: [{ message: "is odd" }] };
    });
    const decoder = framing.json(even).decoder();
    decoder.push(Buffer.from(["2", "3", '"throw"', '"wait"', '"nothing"', "4"].map(frame).join("")));
    expect(decoder.read()).toBe(2);
    const names: string[] = [];
    for (let count = 0; count < 4; count++) {
      try {
        decoder.read();
      } catch (error) {
        expect(() => decoder.read()).toThrow(error);
        names.push((error as Error).name);
        expect(decoder.skip()).toBe(true);
      }
    }
    expect(names).toEqual(["ProtocolError", "RangeError", "TypeError", "TypeError"]);
    expect(decoder.read()).toBe(4);
    decoder.end();
  });
});
