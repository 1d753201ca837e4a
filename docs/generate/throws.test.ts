import { describe, expect, test } from "vitest";

import { exportsOf, parseSource } from "./source-file.ts";
import { readThrows } from "./throws.ts";

describe("readThrows()", () => {
  test("tells who throws, which codes, and of which classes", () => {
    const index = parseSource("packages/core/src/index.ts", `export { Reader, type Codec } from "./reader.ts";`);
    const reader = parseSource(
      "packages/core/src/reader.ts",
      `export class Reader {
  /** @throws \`TypeError\` or \`RangeError\` \`ERR_SOCKETSERVER_A\`, \`ERR_SOCKETSERVER_B\`; {@link PeerError} \`ERR_SOCKETSERVER_C\`. */
  constructor() {}
  /**
   * Reads.
   *
   * @throws the error that ended it, or
   * \`ERR_SOCKETSERVER_D\`.
   * @throws {@link PeerError | one} \`ERR_SOCKETSERVER_E\`
   * @see {@link https://example.org/ERR_SOCKETSERVER_F | elsewhere}
   */
  read() {}
}
/** @throws nothing. */
function hidden() {}
`,
    );
    const found = readThrows([index, reader], exportsOf([index, reader]));
    expect(found.map(({ member, link, line }) => [member, link, line])).toEqual([
      ["Reader.constructor", "@socketserver/core!Reader.constructor", 2],
      ["Reader.read", "@socketserver/core!Reader.read", 7],
      ["Reader.read", "@socketserver/core!Reader.read", 9],
      ["hidden", undefined, 14],
    ]);
    expect(found.map(({ codes }) => Object.fromEntries(codes))).toEqual([
      {
        ERR_SOCKETSERVER_A: ["TypeError", "RangeError"],
        ERR_SOCKETSERVER_B: ["TypeError", "RangeError"],
        ERR_SOCKETSERVER_C: ["PeerError"],
      },
      { ERR_SOCKETSERVER_D: [] },
      { ERR_SOCKETSERVER_E: ["PeerError"] },
      {},
    ]);
  });
});
