import { describe, expect, test } from "vitest";

import { expectComplaint } from "../../../core/test/support/complaint.ts";
import { messagePack } from "./message-pack.ts";

const encoded = (message: unknown): string => Buffer.from(messagePack().encode(message)).toString("hex");

const decoded = (hex: string): unknown => messagePack().decode(Buffer.from(hex, "hex"));

class Embedding {
  toJSON(): Float64Array {
    return new Float64Array(64);
  }
}

class Point {
  x = 1;
  get y(): number {
    return this.x;
  }
}

const hiding = Object.assign([new Float64Array(64)], { [Symbol.iterator]: () => [].values() });

describe("packable()", () => {
  test.each<[string, unknown]>([
    ["an object", { toJSON: () => new Float64Array(64) }],
    ["an array", Object.assign([1], { toJSON: () => new Float64Array(64) })],
    ["an object of a class", new Embedding()],
    ["a URL", new URL("http://localhost")],
  ])("does not ask toJSON() of %s for what to send, and says so", (_, message) => {
    for (const value of [message, [message]]) {
      expectComplaint(() => messagePack().encode(value), {
        type: TypeError,
        code: "ERR_SOCKETSERVER_INVALID_MESSAGE",
        says: ["Cannot encode message: it has a toJSON(), which MessagePack does not call: send what that answers"],
      });
    }
  });

  test.each<[string, unknown, unknown]>([
    ["an array of a class", new (class Row extends Array<number> {})(1, 2, 3), [1, 2, 3]],
    ["bytes of a class", new (class Digest extends Uint8Array {})([1, 2]), Buffer.of(1, 2)],
    ["a date of a class", new (class Day extends Date {})(5), new Date(5)],
    ["an object of a class", new Point(), { x: 1 }],
    ["an object without a prototype", Object.assign(Object.create(null) as object, { a: 1 }), { a: 1 }],
    ["an object whose prototype is an array", Object.assign(Object.create([]) as object, { a: 1 }), { a: 1 }],
    ["a constructor that is a value", { constructor: "Renault", toJSON: 5 }, { constructor: "Renault", toJSON: 5 }],
    ["the holes of an array as nil", Object.assign(Array(2), { 1: 1 }), [null, 1]],
    ["-0 as 0", [-0], [0]],
    [
      "keys of 32 bits",
      new Map([
        [2 ** 32 - 1, 1],
        [-(2 ** 31), 2],
      ]),
      { "4294967295": 1, "-2147483648": 2 },
    ],
    ["a key that is a bigint", new Map([[2n ** 32n, 1]]), { "4294967296": 1 }],
  ])("sends %s", (_, message, received) => {
    expect(decoded(encoded(message))).toStrictEqual(received);
  });

  test("looks at what an array has, whatever it iterates over", () => {
    expect(() => messagePack().encode(hiding)).toThrow("MessagePack cannot tell what is [object Float64Array]");
  });

  test("sends what it has looked at, whatever a getter answers next", () => {
    const answers = [1, new Float64Array(64)];
    const message = {
      get a(): unknown {
        return answers.shift();
      },
    };
    expect(encoded(message)).toBe("81a16101");
  });
});
