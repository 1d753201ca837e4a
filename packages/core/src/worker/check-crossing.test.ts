import { describe, expect, test } from "vitest";

import { checkCloneable } from "./check-cloneable.ts";

describe("checkCloneable()", () => {
  test("accepts plain data", () => {
    expect(() =>
      checkCloneable({ a: 1, b: Infinity, c: { d: [1, "x", null, undefined] }, e: new Map([[1, 2]]) }),
    ).not.toThrow();
    expect(() => checkCloneable({})).not.toThrow();
  });

  test.each([
    [{ hook: () => {} }, "hook must be plain data, received hook()"],
    [{ tls: { cert: "x", choose: () => {} } }, "tls.choose must be plain data, received choose()"],
    [{ a: { b: { c: Symbol("s") } } }, "a.b.c must be plain data, received Symbol(s)"],
    [{ list: [1, () => {}] }, "list.1 must be plain data, received a function"],
    [{ later: Promise.resolve() }, "later must be plain data, received {}"],
  ])("names the option that cannot be copied: %o", (options, message) => {
    expect(() => checkCloneable(options)).toThrow(
      expect.objectContaining({
        name: "TypeError",
        code: "ERR_SOCKETSERVER_OPTION_NOT_CLONEABLE",
        message: `Cannot copy options into a worker: ${message}; make it a method of the server to override`,
        cause: expect.any(DOMException) as DOMException,
      }) as Error,
    );
  });
});
