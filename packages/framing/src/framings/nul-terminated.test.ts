import { describe, expect, test } from "vitest";

import { expectComplaint } from "../../../core/test/support/complaint.ts";
import { readAll } from "../../test/support/read-all.ts";
import { nulTerminated } from "./nul-terminated.ts";

describe("nulTerminated()", () => {
  test("ends messages with a zero byte", () => {
    expect(readAll(nulTerminated().text().decoder(), "a\nb\0\0c\0")).toEqual(["a\nb", "", "c"]);
    expect(Buffer.from(nulTerminated().text().encode("a")).toString("hex")).toBe("6100");
  });

  test("takes the options of delimited()", () => {
    const decoder = nulTerminated({ unterminated: "message", maxLength: 3 }).text().decoder();
    expect(readAll(decoder, "a\0b")).toEqual(["a"]);
    decoder.end();
    expect(decoder.read()).toBe("b");
    expect(() => readAll(nulTerminated({ maxLength: 3 }).decoder(), "abcd")).toThrow("it is longer than 3 bytes");
  });

  test("refuses to send a zero byte", () => {
    expectComplaint(() => nulTerminated().text().encode("a\0"), {
      type: TypeError,
      code: "ERR_SOCKETSERVER_INVALID_MESSAGE",
      says: ["it must not contain"],
    });
  });
});
