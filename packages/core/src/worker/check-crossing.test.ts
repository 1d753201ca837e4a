import { BlockList } from "node:net";

import { describe, expect, test } from "vitest";

import { checkCrossing, type WorkerKind } from "./check-crossing.ts";

class Settings {
  readonly level = 1;
}

class Names extends Array<string> {}

const KINDS: readonly WorkerKind[] = ["thread", "process"];

function refusal(kind: WorkerKind, message: string): Error {
  return expect.objectContaining({
    name: "TypeError",
    code: "ERR_SOCKETSERVER_OPTION_NOT_CLONEABLE",
    message: `Cannot copy options into a ${kind}: ${message}; make it a method of the server to override`,
  }) as Error;
}

describe.each(KINDS)("checkCrossing() to a %s", (kind) => {
  test.each([
    ["nothing", {}],
    ["numbers", { zero: -0, not: NaN, endless: Infinity, large: 2n ** 80n }],
    ["text, flags and nothings", { text: "x", flag: false, none: null, missing: undefined }],
    ["what is nested", { a: { b: [1, { c: ["x", null] }] }, [Symbol.iterator.toString()]: [] }],
    ["objects without a prototype", { table: Object.assign(Object.create(null) as object, { a: 1 }) }],
    ["maps and sets", { map: new Map([["a", new Set([1])]]) }],
    ["dates and expressions", { date: new Date(0), expression: /a+/giu }],
    ["bytes", { bytes: new Uint8Array([1]), floats: new Float64Array(2), view: new DataView(new ArrayBuffer(3)) }],
    ["buffers", { buffer: Buffer.from("key"), raw: new ArrayBuffer(4) }],
    ["errors of the language", { error: new RangeError("x") }],
  ])("accepts %s", (_what, options) => {
    expect(() => checkCrossing(options, kind)).not.toThrow();
  });

  test.each([
    ["a method", { hook() {} }, "hook must be plain data, received hook()"],
    ["an arrow", { tls: { choose: () => {} } }, "tls.choose must be plain data, received choose()"],
    ["one in a list", { list: [1, () => {}] }, "list.1 must be plain data, received a function"],
    ["a symbol", { a: { b: { c: Symbol("s") } } }, "a.b.c must be plain data, received Symbol(s)"],
    ["a promise", { later: Promise.resolve() }, "later must be plain data, received an instance of Promise"],
    ["a weak map", { cache: new WeakMap() }, "cache must be plain data, received an instance of WeakMap"],
    ["an instance", { settings: new Settings() }, "settings must be plain data, received an instance of Settings"],
    [
      "an instance in a list",
      { deep: { list: [new Settings()] } },
      "deep.list.0 must be plain data, received an instance of Settings",
    ],
    ["a URL", { target: new URL("http://localhost/") }, "target must be plain data, received an instance of URL"],
    [
      "an instance of a class without a name",
      {
        settings: new (class {
          readonly level = 1;
        })(),
      },
      "settings must be plain data, received an instance of a class without a name",
    ],
  ])("refuses %s by its name", (_what, options, message) => {
    expect(() => checkCrossing(options, kind)).toThrow(refusal(kind, message));
  });

  test.each([
    ["in a map", { map: new Map([["a", new Settings()]]) }, "map"],
    ["in a set", { set: new Set([new Settings()]) }, "set"],
    ["that is a list", { names: new Names("a", "b") }, "names"],
  ])("refuses an instance %s, which would lose its class, too", (_where, options, name) => {
    expect(() => checkCrossing(options, kind)).toThrow(new RegExp(`: ${name}.* must be plain data`));
  });

  test("accepts an object that holds itself", () => {
    const options: Record<string, unknown> = { a: 1 };
    options["self"] = options;
    options["list"] = [options];
    expect(() => checkCrossing(options, kind)).not.toThrow();
  });

  test("says why something cannot be copied", () => {
    expect(() => checkCrossing({ later: Promise.resolve() }, kind)).toThrow(
      expect.objectContaining({ cause: expect.any(Error) as Error }) as Error,
    );
  });
});

describe("checkCrossing()", () => {
  test.each([
    ["BlockList", { blocked: new BlockList() }, "blocked"],
    ["SharedArrayBuffer", { a: { shared: new SharedArrayBuffer(8) } }, "a.shared"],
  ])("lets a %s cross to threads, but not to processes", (className, options, name) => {
    expect(() => checkCrossing(options, "thread")).not.toThrow();
    expect(() => checkCrossing(options, "process")).toThrow(
      refusal("process", `${name} must be plain data, received an instance of ${className}`),
    );
  });

  test("lets a view of shared memory cross to threads, but not to processes, which would get a copy", () => {
    const options = { counters: new Int32Array(new SharedArrayBuffer(8)) };
    expect(() => checkCrossing(options, "thread")).not.toThrow();
    expect(() => checkCrossing(options, "process")).toThrow(
      refusal("process", "counters must be plain data, received an instance of Int32Array"),
    );
  });
});
