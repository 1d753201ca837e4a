import { describe, expect, test } from "vitest";

import { PeerError, SocketServerError, rangeError } from "../errors.ts";
import { errorFromData, errorToData } from "./error-data.ts";

/** What arrives at the other side. */
function travel(error: unknown): unknown {
  return errorFromData(structuredClone(errorToData(error)));
}

describe("errorToData() and errorFromData()", () => {
  class CustomError extends Error {
    override readonly name = "CustomError";
  }

  test.each([
    [new Error("m"), Error],
    [new TypeError("m"), TypeError],
    [new RangeError("m"), RangeError],
    [new SyntaxError("m"), SyntaxError],
    [new ReferenceError("m"), ReferenceError],
    [new URIError("m"), URIError],
    [new EvalError("m"), EvalError],
    [new SocketServerError("EADDRINUSE", "m"), SocketServerError],
    [new PeerError("ECONNRESET", "m"), PeerError],
    [new CustomError("m"), Error],
    [new (class WrongMessage extends PeerError {})("ECONNRESET", "m"), PeerError],
    [new (class WrongNumber extends RangeError {})("m"), RangeError],
  ])("keep class, name, message and stack: %o", (error, Class) => {
    const arrived = travel(error) as Error;
    expect(arrived).toBeInstanceOf(Class);
    expect([arrived.name, arrived.message, arrived.stack]).toEqual([error.name, error.message, error.stack]);
    expect(String(arrived)).toBe(String(error));
  });

  test("keep the code and every own field that can be cloned", () => {
    const error = Object.assign(rangeError("ERR_SOCKETSERVER_INVALID_OPTION", "m"), {
      detail: { list: [1, 2] },
      callback: () => {},
    });
    const arrived = travel(error) as typeof error;
    expect(arrived).toMatchObject({ code: "ERR_SOCKETSERVER_INVALID_OPTION", detail: { list: [1, 2] } });
    expect("callback" in arrived).toBe(false);
  });

  test("keep a field that is called __proto__, and the class of the error", () => {
    const error = Object.defineProperty(new TypeError("m"), "__proto__", {
      value: { toString: null },
      enumerable: true,
    });
    const arrived = travel(error);
    expect(arrived).toBeInstanceOf(TypeError);
    expect(Object.getOwnPropertyDescriptor(arrived, "__proto__")?.value).toEqual({ toString: null });
  });

  test("keep what had come of an incomplete read", () => {
    const error = new PeerError("ERR_SOCKETSERVER_INCOMPLETE_READ", "m", { partial: new Uint8Array([1, 2]) });
    expect((travel(error) as PeerError).partial).toEqual(new Uint8Array([1, 2]));
  });

  test("keep a chain of causes, with their classes and codes", () => {
    const cause = new SocketServerError("EPIPE", "inner", { cause: "a string" });
    const arrived = travel(new TypeError("outer", { cause })) as { cause: SocketServerError };
    expect(arrived.cause).toBeInstanceOf(SocketServerError);
    expect(arrived.cause).toMatchObject({ code: "EPIPE", message: "inner", cause: "a string" });
  });

  test("keep a cause that was assigned, as runHandler() does, with its class and code", () => {
    const error = new Error("finish");
    error.cause = new SocketServerError("EPIPE", "handle");
    const arrived = travel(error) as { cause: SocketServerError };
    expect(arrived.cause).toBeInstanceOf(SocketServerError);
    expect(arrived.cause).toMatchObject({ code: "EPIPE", message: "handle" });
  });

  test("keep the errors of an AggregateError, with their classes and codes", () => {
    const errors = [new RangeError("one"), new SocketServerError("EPIPE", "two", { cause: "a string" }), "three"];
    const arrived = travel(new AggregateError(errors, "all of them")) as AggregateError;
    expect(arrived).toBeInstanceOf(AggregateError);
    expect(arrived.message).toBe("all of them");
    expect(arrived.errors).toHaveLength(3);
    expect(arrived.errors[0]).toBeInstanceOf(RangeError);
    expect(arrived.errors[1]).toBeInstanceOf(SocketServerError);
    expect(arrived.errors).toMatchObject([
      { message: "one" },
      { code: "EPIPE", message: "two", cause: "a string" },
      "three",
    ]);
    expect(Object.keys(arrived)).toEqual([]);
  });

  test("end a cycle of an AggregateError and its errors", () => {
    const error = new AggregateError([], "all of them");
    error.errors.push(error);
    expect(travel(error)).toMatchObject({ message: "all of them" });
  });

  test("end a cycle of causes", () => {
    const error = new Error("mine");
    error.cause = new Error("yours", { cause: error });
    expect(travel(error)).toMatchObject({ message: "mine", cause: { message: "yours" } });
  });

  test("leave no cause where there was none", () => {
    expect(Object.hasOwn(travel(new Error("m")) as object, "cause")).toBe(false);
  });

  test("make neither message nor stack enumerable", () => {
    expect(Object.keys(travel(new Error("m", { cause: new Error("c") })) as object)).toEqual([]);
  });

  test.each([["text"], [5], [undefined], [null], [{ plain: "object" }]])(
    "carry %j, which was thrown, as it is",
    (value) => {
      expect(travel(value)).toEqual(value);
    },
  );

  test.each([
    ["a function", () => 5, "() => 5"],
    ["a symbol", Symbol("s"), "Symbol(s)"],
    ["an object with a method", { method: () => {} }, "[object Object]"],
  ])("show %s, which cannot be cloned, as text", (_name, value, text) => {
    expect(travel(value)).toBe(text);
  });

  test("show whatever was thrown, even if it cannot be made text", () => {
    const value = Object.assign(Object.create(null) as object, { method: () => {} });
    expect(travel(value)).toBe("{}");
  });

  test("show a proxy that was revoked as text", () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    expect(travel(proxy)).toBe("a value of type object");
  });

  test("keep that there is no stack", () => {
    const error = new Error("m");
    Reflect.deleteProperty(error, "stack");
    Object.defineProperty(error, "stack", { value: undefined });
    expect((travel(error) as Error).stack).toBeUndefined();
  });

  test.each(["name", "message", "stack", "cause"])("survive a %s that throws when it is read", (key) => {
    const error = Object.defineProperty(new RangeError("m"), key, {
      get() {
        throw new Error("do not look");
      },
    });
    expect(travel(error)).toBeInstanceOf(Error);
  });

  test("survive errors of an AggregateError that are none", () => {
    const error = Object.assign(new AggregateError([], "m"), { errors: "spoiled" });
    expect(travel(error)).toMatchObject({ message: "m" });
  });

  test("survive a field that throws when it is read", () => {
    const error = new Error("m");
    Object.defineProperty(error, "broken", {
      enumerable: true,
      get() {
        throw new Error("do not look");
      },
    });
    expect(travel(error)).toMatchObject({ message: "m" });
  });
});
