import { describe, expect, test } from "vitest";

import { listenError } from "./listen-error.ts";

describe("listenError()", () => {
  test.each([
    ["EADDRINUSE", "choose another"],
    ["EADDRNOTAVAIL", "no such address"],
    ["EACCES", "1024"],
    ["ENOENT", "directory"],
    ["ENOTFOUND", "host name"],
    ["ENOTDIR", "not a directory"],
  ])("keeps the system's code %s, and says what to do", (code, remedy) => {
    const cause = Object.assign(new Error("raw"), { code });
    const error = listenError(cause, "127.0.0.1:80");
    expect(error).toMatchObject({ name: "SocketServerError", code, cause });
    expect(error.message).toMatch(`Cannot listen on 127.0.0.1:80: ${code}: `);
    expect(error.message).toContain(remedy);
  });

  test("shows the system's message for every other code", () => {
    const error = listenError(Object.assign(new Error("raw words"), { code: "EODD" }), "/run/app.sock");
    expect(error.message).toBe("Cannot listen on /run/app.sock: EODD: raw words");
  });
});
