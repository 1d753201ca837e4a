import { describe, expect, test } from "vitest";

import { blocksOf, type Block } from "../snippets/blocks.ts";
import { stepsOf } from "./steps.ts";

const FENCE = "```";

function blocks(...given: readonly (readonly [info: string, code: string])[]): Block[] {
  const text = given.map(([info, code]) => `${FENCE}${info}\n${code}\n${FENCE}\n`).join("\n");
  return blocksOf("guide.md", text).flatMap((block) => ("code" in block ? block : []));
}

describe("stepsOf()", () => {
  test("saves what has the name of a file, and runs what is for a shell", () => {
    const found = stepsOf(blocks(["ts file=a.ts", "one"], ["sh", "node a.ts"], ["text", "1"], ["ts", "shown"]), "ts");
    expect(found).toEqual([
      { line: 1, action: "save", file: "a.ts", text: "one\n" },
      { line: 5, action: "run", commands: "node a.ts", printed: "1" },
    ]);
  });

  test("keeps a server running until Ctrl-C", () => {
    const found = stepsOf(blocks(["sh server", "node a.ts"], ["text", "ready"], ["text ctrl-c", "gone"]), "ts");
    expect(found).toEqual([
      { line: 1, action: "serve", commands: "node a.ts", printed: "ready" },
      { line: 9, action: "interrupt", printed: "gone" },
    ]);
  });

  test("needs a command where the guide has another way, too", () => {
    expect(stepsOf(blocks(["sh nc", "nc localhost"]), "ts")).toMatchObject([{ action: "run", needs: "nc" }]);
  });

  test("writes .js for .ts, and leaves out what is about types, in JavaScript", () => {
    const given = blocks(["ts file=a.ts", 'import "./b.ts";'], ["sh", "node a.ts"], ["sh typed", "npx tsc"]);
    expect(stepsOf(given, "js")).toEqual([
      { line: 1, action: "save", file: "a.js", text: 'import "./b.js";\n' },
      { line: 5, action: "run", commands: "node a.js" },
    ]);
  });

  test("takes the guide's own file of a language, and a file for both in both", () => {
    const given = blocks(["ts file=a.ts", "typed"], ["js file=a.js", "untyped"], ["js file=both.js", "both"]);
    expect(stepsOf(given, "ts")).toMatchObject([{ text: "typed\n" }, { text: "both\n" }]);
    expect(stepsOf(given, "js")).toMatchObject([{ text: "untyped\n" }, { text: "both\n" }]);
  });
});
