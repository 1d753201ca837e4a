import { describe, expect, test } from "vitest";

import { checkErrors } from "./check-errors.ts";
import { readErrorCodes } from "./error-codes.ts";
import { parseSource } from "./source-file.ts";

/** Checks sources of core beside a test that names these codes, and answers the errors. */
function check(sources: Readonly<Record<string, string>>, tested: string): string[] {
  const table = `export const ClientErrorCode = {} as const;\n`;
  const files = { ...sources, "client.ts": table };
  const parsed = Object.entries(files).map(([name, text]) => parseSource(`packages/core/src/${name}`, text));
  const { codes, throws } = readErrorCodes(parsed);
  return checkErrors(codes, throws, [tested]);
}

/** A table of one code, with this comment. */
function tableOf(comment: string): string {
  return `export const ErrorCode = {\n  ${comment}\n  tooBig: "ERR_SOCKETSERVER_TOO_BIG",\n} as const;\n`;
}

const DOCUMENTED = tableOf("/** It is too big. */");
const USED = `throw new PeerError(ErrorCode.tooBig, "Cannot read");\n`;

describe("checkErrors()", () => {
  test("accepts a code with a meaning, a use and a test, by either name", () => {
    const thrown = `/** @throws {@link PeerError} \`ERR_SOCKETSERVER_TOO_BIG\`. */\nexport function read() {\n${USED}}\n`;
    const sources = { "errors.ts": DOCUMENTED, "read.ts": thrown };
    expect(check(sources, `{ code: "ERR_SOCKETSERVER_TOO_BIG" }`)).toEqual([]);
    expect(check(sources, "{ code: ErrorCode.tooBig }")).toEqual([]);
  });

  test("reports a @throws with a code that does not exist, at its line", () => {
    const text = `${USED}/**\n * Reads.\n *\n * @throws {@link PeerError} \`ERR_SOCKETSERVER_TOO_LARGE\`\n */\nfunction read() {}\n`;
    expect(check({ "errors.ts": DOCUMENTED, "read.ts": text }, "ErrorCode.tooBig")).toEqual([
      "packages/core/src/read.ts:5 @throws ERR_SOCKETSERVER_TOO_LARGE: there is no such code",
    ]);
  });

  test("reports a code without a meaning, a use, a class or a test", () => {
    const code = "packages/core/src/errors.ts:3 ERR_SOCKETSERVER_TOO_BIG";
    expect(check({ "errors.ts": tableOf("") }, "ErrorCode.tooBigger")).toEqual([
      `${code} has no doc`,
      `${code} is never thrown`,
      `${code} has no test that provokes it`,
    ]);
    const compared = `if (error.code === ErrorCode.tooBig) ignore();\n`;
    expect(check({ "errors.ts": DOCUMENTED, "read.ts": compared }, "ErrorCode.tooBig")).toEqual([
      `${code} is never thrown`,
    ]);
    expect(check({ "errors.ts": DOCUMENTED, "read.ts": "fail(ErrorCode.tooBig);\n" }, "ErrorCode.tooBig")).toEqual([
      `${code} is carried by no class that can be found: say it in a @throws`,
    ]);
  });
});
