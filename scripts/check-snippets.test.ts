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
    expect(await check({ "a.md": block("nobody();", "py") + `\`\`\`\`md\n${block("nobody();")}\`\`\`\`\n` })).toEqual(
      [],
    );
  });

  test("reports a block that does not end", async () => {
    expect(await check({ "a.md": "```ts\nnobody();\n", "a.ts": "/**\n * ```ts\n */\nnobody();\n" })).toEqual([
      "a.md:1 opens a block that does not end",
      "a.ts:2 opens a block that does not end",
    ]);
  });

  test("reports an error in a file that a later block imports, though that was right as it stood", async () => {
    const files = [
      block("export const one = 1;", "ts file=b.ts"),
      block('import { one } from "./b.ts";\nexport const two = one + 1;', "ts file=a.ts"),
      block("export const entirely = 0;", "ts file=b.ts"),
      block('import { two } from "./a.ts";\nconsole.log(two);'),
    ];
    expect(await check({ "a.md": files.join("") })).toEqual([
      `a.md:5 error TS2305: Module '"./b.ts"' has no exported member 'one'. (in a.ts)`,
    ]);
  });

  test("checks JavaScript for names and imports, and asks for no types", async () => {
    const code = `import { TCPServer } from "@socketserver/core";\nexport const twice = (value) => value * 2;\nnobody(TCPServer);`;
    expect(await check({ "a.md": block(code, "js") })).toEqual(["a.md:4 error TS2304: Cannot find name 'nobody'."]);
  });

  test("lets a block import earlier ones of its document by the names of their files", async () => {
    const one = block("export const one = 1;", "ts file=one.ts");
    const two = block(`import { one } from "./one.ts";\nexport const two: string = one;`, "ts file=test/two.ts");
    expect(await check({ "a.md": one + two, "b.md": two.replace("./", "../") })).toEqual([
      "a.md:5 error TS2307: Cannot find module './one.ts' or its corresponding type declarations.",
      "b.md:2 error TS2307: Cannot find module '../one.ts' or its corresponding type declarations.",
    ]);
    expect(await check({ "a.md": one + two.replace("./", "../") })).toEqual([
      "a.md:6 error TS2322: Type 'number' is not assignable to type 'string'.",
    ]);
  });
});

/** A program, and what its document says that it prints. */
function program(code: string, printed: string, language = "ts"): string {
  return `${block(code, `${language} run`)}\n${block(printed, "text")}`;
}

describe("checkSnippets() of blocks that are to be run", () => {
  test("accepts those that print what the next block says: stdout, then stderr", async () => {
    const code = `console.error("two");\nconst one: string = "one";\nconsole.log(one);`;
    expect(await check({ "a.md": program(code, "one\ntwo"), "b.md": program("", "", "js") })).toEqual([]);
  });

  test("runs examples in doc comments", async () => {
    const source = `/**\n * \`\`\`ts run\n * console.log("one");\n * \`\`\`\n *\n * \`\`\`text\n * two\n * \`\`\`\n */\n`;
    expect(await check({ "a.ts": source })).toEqual(["a.ts:7 says: two\n  but it prints: one"]);
  });

  test("shows each line that differs, at its line of the document", async () => {
    const code = `console.log("same\\nis\\nsame");`;
    expect(await check({ "a.md": program(code, "same\nwas\nsame\nlost") })).toEqual([
      "a.md:7 says: was\n  but it prints: is",
      "a.md:9 does not print: lost",
    ]);
    expect(await check({ "a.md": program(code, "same\nis") })).toEqual(["a.md:8 prints one more line: same"]);
  });

  test("reports one that says nowhere what it prints", async () => {
    const message = "a.md:1 runs, so a text block with what it prints must follow directly";
    expect(await check({ "a.md": block("", "ts run") })).toEqual([message]);
    expect(await check({ "a.md": `${block("", "ts run")}Words.\n${block("", "text")}` })).toEqual([message]);
    expect(await check({ "a.md": block("", "ts run") + block("", "sh") })).toEqual([message]);
  });

  test("reports one that fails, with what it printed, at lines of the document", async () => {
    const [error = ""] = await check({ "a.md": `# Title\n\n${program('throw new Error("no");', "")}` });
    expect(error).toMatch(/^a\.md:3 ended with 1, and printed:\n[^]*block\.ts:4[^]*Error: no/);
  });

  test("gives each an empty folder, and a main module", async () => {
    const code = `import { readdirSync, writeFileSync } from "node:fs";
writeFileSync("file", "");
console.log(readdirSync("."), import.meta.main);`;
    expect(await check({ "a.md": program(code, "[ 'file' ] true").repeat(2) })).toEqual([]);
  });
});
