/**
 * The code in the documents, type-checked and run.
 *
 * Every `ts` block of a document, and of a doc comment in the sources, is a module of its own: it imports what it uses, and is compiled against
 * the built packages as a reader's file would be. So is a `js` block, without the rules for types that nobody writes there. Nothing is declared
 * behind its back, so that whoever copies a block has all of it; only a block with `file=server.ts` behind its language is there for later ones
 * of its document that import `./server.ts`.
 *
 * A block with `run` behind its language is run as well, in an empty folder, and has to print what the `text` block that follows directly says:
 * stdout first, then stderr.
 *
 * A block keeps the line numbers of its document: it is written to its file below as many empty lines as stand above it.
 *
 * @module
 */
import { glob, mkdir, mkdtempDisposable, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

import { blocksOf, type Block, type SnippetError } from "./snippets/blocks.ts";
import { compile } from "./snippets/compile.ts";
import { run } from "./snippets/run.ts";
import { snippetsOf, type Snippet } from "./snippets/snippet.ts";

/** Each must name at least one file. */
const DOCUMENTS = ["README.md", "packages/*/README.md", "docs/**/*.md", "examples/README.md", "packages/*/src/**/*.ts"];

const NOT_OURS = ["**/node_modules/**", "docs/site/**", "docs/generated/**", "**/*.test.ts"];

/** Where a program of the examples would find its packages; git, lint and format pass over it. */
const SNIPPETS = "examples/.snippets";

/**
 * Compiles the programs in `files`, a map from path (relative to the repository, with slashes) to text, and runs those that are to be run.
 *
 * Answers every error: those of the documents, then the compiler's, then those of the runs, each in the order of the files. The packages are built already, and the working directory is the root of
 * the repository.
 */
export async function checkSnippets(files: ReadonlyMap<string, string>): Promise<SnippetError[]> {
  const blocks: Block[] = [];
  const snippets: Snippet[] = [];
  const errors: SnippetError[] = [];
  for (const found of [...files].flatMap(([file, text]) => blocksOf(file, text))) {
    if ("code" in found) blocks.push(found);
    else errors.push(found);
  }
  for (const found of snippetsOf(blocks)) {
    if ("block" in found) snippets.push(found);
    else errors.push(found);
  }
  if (snippets.length === 0) return errors;
  await mkdir(SNIPPETS, { recursive: true });
  await using folder = await mkdtempDisposable(join(SNIPPETS, "run-"));
  await writeFiles(folder.path, snippets);
  return [...errors, ...(await compile(folder.path, snippets)), ...(await run(folder.path, snippets))];
}

async function writeFiles(folder: string, snippets: readonly Snippet[]): Promise<void> {
  await writeFile(join(folder, "package.json"), JSON.stringify({ private: true, type: "module" }));
  for (const { folder: own, files } of snippets) {
    for (const [name, code] of files) {
      const file = join(folder, own, name);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, code);
    }
  }
}

if (import.meta.main) {
  const files = new Map<string, string>();
  for (const pattern of DOCUMENTS) {
    const names: string[] = [];
    for await (const name of glob(pattern, { exclude: NOT_OURS })) names.push(name.replaceAll("\\", "/"));
    for (const name of names.toSorted()) files.set(name, await readFile(name, "utf8"));
    if (names.length > 0) continue;
    // Nothing is without errors: a moved folder must not silence them.
    process.stderr.write(`${pattern}:1 names no file: run from the root of the repository\n`);
    process.exitCode = 1;
  }
  const errors = await checkSnippets(files);
  for (const { file, line, message } of errors) process.stderr.write(`${file}:${line} ${message}\n`);
  if (errors.length > 0) process.exitCode = 1;
}
