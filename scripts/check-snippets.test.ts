import { describe, expect, test } from "vitest";

import { checkSnippets } from "./check-snippets.ts";

/** Checks documents, and answers the errors as they are printed. */
async function check(files: Readonly<Record<string, string>>): Promise<string[]> {
  const errors = await checkSnippets(new Map(Object.entries(files)));
  return errors.map(({ file, line, message }) => `${file}:${line} ${message}`);
}

/** A block of code between its fences. */
function block(code: string, language = "ts"): string {
  return `\`\`\`${language}\n${code}\n\`\`\`\n`;
}

describe("checkSnippets()", () => {
  test("accepts blocks that import what they use, await, and share names with others", async () => {
    const complete = `
import { BaseRequestHandler, TCPServer } from "@socketserver/core";

await using server = new TCPServer({ port: 0 }, BaseRequestHandler);
await server.listen();`;
    const files = { "README.md": block(complete) + block("const server = 1;"), "b.md": block("const server = 2;") };
    expect(await check(files)).toEqual([]);
  });

  test("reports an error of the compiler at its line of the document", async () => {
    const files = {
      "README.md": `# Title\n\n${block("const one = 1;")}\n${block("const two: string = 2;\nnobody();")}`,
      "packages/core/README.md": block(`import { Nothing } from "@socketserver/core";`),
    };
    expect(await check(files)).toEqual([
      "README.md:8 error TS2322: Type 'number' is not assignable to type 'string'.",
      "README.md:9 error TS2304: Cannot find name 'nobody'.",
      `packages/core/README.md:2 error TS2305: Module '"@socketserver/core"' has no exported member 'Nothing'.`,
    ]);
  });

  test("reads the doc comments of sources, and nothing else of them", async () => {
    const source = `export const a = 1;\n/**\n * Does.\n *\n * @example\n * \`\`\`ts\n * nobody();\n * \`\`\`\n */\nnobodyEither();\n`;
    expect(await check({ "packages/core/src/a.ts": source })).toEqual([
      "packages/core/src/a.ts:7 error TS2304: Cannot find name 'nobody'.",
    ]);
  });

  test("passes over blocks of other languages, also over a ts block inside of one", async () => {
    expect(await check({ "a.md": block("nobody();", "js") + `\`\`\`\`md\n${block("nobody();")}\`\`\`\`\n` })).toEqual(
      [],
    );
  });

  test("reports a block that does not end", async () => {
    expect(await check({ "a.md": "```ts\nnobody();\n", "a.ts": "/**\n * ```ts\n */\nnobody();\n" })).toEqual([
      "a.md:1 opens a block that does not end",
      "a.ts:2 opens a block that does not end",
    ]);
  });
});
