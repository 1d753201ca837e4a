import { constants } from "node:os";
import { describe, expect, test } from "vitest";

import { describeError } from "./describe-error.ts";

describe("describeError()", () => {
  test("tells a system error in the system's words, with its code", () => {
    const error = Object.assign(new Error("send EMSGSIZE 192.0.2.1"), {
      code: "EMSGSIZE",
      errno: -constants.errno.EMSGSIZE,
      syscall: "send",
    });
    expect(describeError(error)).toBe("message too long (EMSGSIZE)");
  });

  test("tells any other error in its own words, with its code if it has one", () => {
    expect(describeError(Object.assign(new Error("it is closed"), { code: "ERR_CLOSED" }))).toBe(
      "it is closed (ERR_CLOSED)",
    );
    expect(describeError(new RangeError("has a bug"))).toBe("has a bug");
  });

  test.each([2, -3, -99_999])("takes the number %d of a library for none of the system's", (errno) => {
    expect(describeError(Object.assign(new Error("not packed"), { errno, code: "Z_ERROR" }))).toBe(
      "not packed (Z_ERROR)",
    );
  });

  test.each([null, undefined, "text", 5])("tells whatever else was thrown: %s", (thrown) => {
    expect(describeError(thrown)).toBe(String(thrown));
  });

  test("tells that something has no text", () => {
    expect(describeError(Object.create(null))).toBe("something that has no text");
  });
});
