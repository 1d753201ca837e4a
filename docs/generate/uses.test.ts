import { describe, expect, test } from "vitest";

import { parseSource } from "./source-file.ts";
import { readUses } from "./uses.ts";

/** The uses in a source, each with the class that is made. */
function usesIn(text: string): string[] {
  const source = parseSource("packages/core/src/some.ts", text);
  return readUses([source], ["ErrorCode"]).map(({ name, madeClass = "?" }) => `${name} ${madeClass}`);
}

describe("readUses()", () => {
  test("finds codes that are given to something, and the class that is made with them", () => {
    expect(
      usesIn(`
new PeerError(ErrorCode.one, "Cannot read");
throw typeError(ErrorCode.two, "Cannot send");
this.fail(ErrorCode.three);
const code = given ?? ErrorCode.four;
Other.five;`),
    ).toEqual(["ErrorCode.one PeerError", "ErrorCode.two TypeError", "ErrorCode.three ?", "ErrorCode.four ?"]);
  });

  test("passes over those that are only looked for", () => {
    expect(
      usesIn(`
if (code === ErrorCode.one) return;
switch (code) { case ErrorCode.two: break; }
const SILENT = [ErrorCode.three];
const REASONS = { [ErrorCode.four]: "drain" };
hasCode(error, ErrorCode.five);
codes.isOneOf(ErrorCode.six);`),
    ).toEqual([]);
  });
});
