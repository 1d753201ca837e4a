import { readFileSync } from "node:fs";

import { describe, expect, test } from "vitest";

import { CloseReason } from "./close-reason.ts";
import {
  ErrorCode,
  PeerError,
  SocketServerError,
  closeReasonOf,
  codeOf,
  isDisconnect,
  rangeError,
  show,
  toError,
  typeError,
} from "./errors.ts";

const source = readFileSync(new URL("./errors.ts", import.meta.url), "utf8");

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

describe("ErrorCode", () => {
  test("has one line of documentation for each code", () => {
    const table = /export const ErrorCode = \{(.*?)\} as const;/s.exec(source)?.[1] ?? "";
    const documented = [...table.matchAll(/\/\*\* (?<doc>[^\n]+\.) \*\/\n +(?<name>\w+): "(?<code>[^"]+)",/g)];
    expect(documented.map(({ groups }) => groups?.["name"])).toEqual(Object.keys(ErrorCode));
    expect(documented.map(({ groups }) => groups?.["code"])).toEqual(Object.values(ErrorCode));
  });

  test("names its codes after their keys, each only once", () => {
    for (const [key, code] of Object.entries(ErrorCode)) {
      expect(code).toBe(`ERR_SOCKETSERVER_${key.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`);
    }
    expect(new Set(Object.values(ErrorCode)).size).toBe(Object.keys(ErrorCode).length);
  });
});

describe("SocketServerError", () => {
  test("has its class's name, a code, and a cause only if there is one", () => {
    const error = new SocketServerError("EADDRINUSE", "Cannot listen");
    expect(error).toMatchObject({ name: "SocketServerError", code: "EADDRINUSE", message: "Cannot listen" });
    expect(error).toBeInstanceOf(Error);
    expect(Object.hasOwn(error, "cause")).toBe(false);
    const cause = new Error("why");
    expect(new SocketServerError("X", "Y", { cause }).cause).toBe(cause);
  });

  test("is the parent of PeerError, which holds what had come", () => {
    const error = new PeerError("ECONNRESET", "Cannot read");
    expect(error).toBeInstanceOf(SocketServerError);
    expect(error).toMatchObject({ name: "PeerError", code: "ECONNRESET", partial: new Uint8Array(0) });
    expect(new PeerError("X", "Y", { partial: Buffer.from("a") }).partial).toEqual(Buffer.from("a"));
  });

  test("is named after a subclass", () => {
    class MyError extends SocketServerError {}
    expect(new MyError("X", "Y").name).toBe("MyError");
  });
});

describe("typeError() and rangeError()", () => {
  test("are errors of the language with a code of ours", () => {
    expect(typeError(ErrorCode.invalidOption, "m")).toBeInstanceOf(TypeError);
    expect(rangeError(ErrorCode.invalidOption, "m")).toBeInstanceOf(RangeError);
    expect(rangeError(ErrorCode.invalidOption, "m")).toMatchObject({ code: ErrorCode.invalidOption, message: "m" });
  });
});

describe("codeOf()", () => {
  test.each([
    [Object.assign(new Error("x"), { code: "EPIPE" }), "EPIPE"],
    [{ code: 5 }, undefined],
    [new Error("x"), undefined],
    ["EPIPE", undefined],
    [null, undefined],
    [undefined, undefined],
  ])("of %j is %j", (error, code) => {
    expect(codeOf(error)).toBe(code);
  });
});

describe("show()", () => {
  const refuse = (): never => {
    throw new Error("refuses");
  };
  const cycle: Record<string, unknown> = {};
  cycle["self"] = cycle;
  class Named {
    field = 1;
  }

  test.each([
    ["text", '"text"'],
    [5, "5"],
    [NaN, "NaN"],
    [-0, "0"],
    [5n, "5"],
    [true, "true"],
    [null, "null"],
    [undefined, "undefined"],
    [Symbol("s"), "Symbol(s)"],
    [{ a: [1] }, '{"a":[1]}'],
    [cycle, "[object Object]"],
    [{ a: 5n }, "[object Object]"],
    [Named, "Named()"],
    [new Named(), "an instance of Named"],
    [Buffer.from("peer data"), "an instance of Buffer"],
    [Object.create(null), "{}"],
    [(() => () => {})(), "a function"],
    [{ toString: null }, '{"toString":null}'],
    [Object.defineProperty({}, "constructor", { get: refuse }), "a value of type object"],
    [Object.defineProperty(() => {}, "name", { get: refuse }), "a value of type function"],
  ])("writes a value as people read it: %#", (value, text) => {
    expect(show(value)).toBe(text);
  });

  test("writes of what type a value is that refuses everything", () => {
    expect(show(revoked())).toBe("a value of type object");
  });
});

describe("toError()", () => {
  test("leaves an error as it is", () => {
    const error = new RangeError("m");
    expect(toError(error)).toBe(error);
  });

  test.each([
    ["text", "text"],
    [undefined, "undefined"],
    [Symbol("s"), "Symbol(s)"],
    [{ toString: null }, '{"toString":null}'],
  ])("makes one of whatever else was thrown: %#", (thrown, message) => {
    expect(toError(thrown)).toEqual(new Error(message));
  });

  test("makes one of a proxy that was revoked", () => {
    expect(toError(revoked())).toEqual(new Error("a value of type object"));
  });
});

const peer = (code: string, partial?: string): PeerError =>
  new PeerError(code, "m", partial === undefined ? {} : { partial: Buffer.from(partial) });
const ours = (code: string): SocketServerError => new SocketServerError(code, "m");

describe("closeReasonOf() and isDisconnect()", () => {
  test.each<[string, unknown, CloseReason, boolean]>([
    ["a reset", peer("ECONNRESET"), "peer-reset", true],
    ["a broken pipe", peer("EPIPE"), "peer-reset", true],
    ["a stream that ended before anything came", peer(ErrorCode.incompleteRead), "peer-end", true],
    ["a stream that ended in the middle", peer(ErrorCode.incompleteRead, "half"), "protocol", false],
    ["an idle peer", peer(ErrorCode.idleTimeout), "idle", true],
    ["a slow reader", peer(ErrorCode.slowReader), "slow-reader", true],
    ["too much", peer(ErrorCode.tooBig), "too-big", false],
    ["a deadline", ours(ErrorCode.deadline), "deadline", true],
    ["a drain", ours(ErrorCode.drained), "drain", true],
    ["our own abort", ours(ErrorCode.connectionClosed), "aborted", false],
    ["a concurrent read", ours(ErrorCode.concurrentRead), "handler-error", false],
    ["a write after the end", ours(ErrorCode.writeAfterEnd), "handler-error", false],
    ["a system error of the handler", Object.assign(new Error("m"), { code: "ECONNRESET" }), "handler-error", false],
    ["any other error", new Error("m"), "handler-error", false],
    ["a string", "thrown", "handler-error", false],
    ["undefined", undefined, "handler-error", false],
  ])("%s", (_name, error, reason, disconnect) => {
    expect(closeReasonOf(error)).toBe(reason);
    expect(isDisconnect(error)).toBe(disconnect);
  });
});

describe("CloseReason", () => {
  test("names its reasons after their keys", () => {
    for (const [key, reason] of Object.entries(CloseReason)) {
      expect(reason).toBe(key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`));
    }
  });
});
