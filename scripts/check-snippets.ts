/**
 * The code in the documents, type-checked.
 *
 * Every `ts` block of a document, and of a doc comment in the sources, is a module of its own: it imports what it uses,
 * and is compiled against the built packages as a reader's file would be. Nothing is declared behind its back, so that
 * whoever copies a block has all of it. Blocks are compiled, not run: the programs that run are in `examples/`.
 *
 * A block keeps the line numbers of its document: it is written to its file below as many empty lines as stand above it.
 *
 * @module
 */
import { spawnSync } from "node:child_process";
import { glob, mkdir, mkdtempDisposable, readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";

/** One error of the compiler, or of a document, at one line of the document. */
export interface SnippetError {
  readonly file: string;
  readonly line: number;
  readonly message: string;
}

/** A block that stands in a document. */
interface Snippet {
  readonly file: string;
  /** Of its opening fence. */
  readonly line: number;
  /** With an empty line for each that stands above it. */
  readonly code: string;
}

/** Each must name at least one file. */
const DOCUMENTS = ["README.md", "packages/*/README.md", "docs/**/*.md", "examples/README.md", "packages/*/src/**/*.ts"];

const NOT_OURS = ["**/node_modules/**", "docs/site/**", "**/*.test.ts"];

/** Where a program of the examples would find its packages; inside of a folder that git, lint and format pass over. */
const CACHE = "examples/node_modules/.cache";

const COMPILER_OPTIONS = {
  composite: false,
  declaration: false,
  declarationMap: false,
  noEmit: true,
  // A block without imports is a module, too: it shares no name with others, and may await.
  moduleDetection: "force",
  // A block may show a thing without using it.
  noUnusedLocals: false,
  noUnusedParameters: false,
};

const LANGUAGES: ReadonlySet<string> = new Set(["ts", "typescript"]);

const FENCE = /^[ \t]*(`{3,}|~{3,})[ \t]*([\w-]*)/;

const COMMENT_LINE = /^[ \t]*\* ?(?!\/)/;

/** What the compiler prints of an error; further lines of the same one are indented. */
const COMPLAINT = /^(?:(.+)\((\d+),\d+\): )?(error TS\d+: .*(?:\n[ \t].*)*)/gm;

/**
 * Compiles the `ts` blocks of `files`, a map from path (relative to the repository, with slashes) to text.
 *
 * Answers every error, in the order of the files. The packages are built already, and the working directory is the root of
 * the repository.
 */
export async function checkSnippets(files: ReadonlyMap<string, string>): Promise<SnippetError[]> {
  const errors: SnippetError[] = [];
  const snippets: Snippet[] = [];
  for (const [file, text] of files) {
    for (const found of blocksOf(file, text)) {
      if ("code" in found) snippets.push(found);
      else errors.push(found);
    }
  }
  return [...errors, ...(await compile(snippets))];
}

/** Finds the `ts` blocks of a document or source; one without an end is an error. */
function blocksOf(file: string, text: string): (Snippet | SnippetError)[] {
  const found: (Snippet | SnippetError)[] = [];
  let open: { readonly fence: string; readonly language: string; readonly line: number; code: string } | undefined;
  for (const [index, content] of contentsOf(file, text).entries()) {
    const line = index + 1;
    const [, fence = "", language = ""] = FENCE.exec(content ?? "") ?? [];
    if (open === undefined) {
      if (fence !== "") open = { fence, language, line, code: "\n".repeat(line) };
    } else if (content === undefined) {
      found.push({ file, line: open.line, message: "opens a block that does not end" });
      open = undefined;
    } else if (fence.startsWith(open.fence) && language === "") {
      if (LANGUAGES.has(open.language)) found.push({ file, line: open.line, code: open.code });
      open = undefined;
    } else {
      open.code += `${content}\n`;
    }
  }
  return found;
}

/** The lines of a document, or of a source's comments: what is outside of these is undefined, as is the line after the last. */
function contentsOf(file: string, text: string): (string | undefined)[] {
  const lines = text.split("\n");
  if (!file.endsWith(".ts")) return [...lines, undefined];
  return [...lines.map((line) => (COMMENT_LINE.test(line) ? line.replace(COMMENT_LINE, "") : undefined)), undefined];
}

/** Compiles all blocks in one go, in a folder that is gone afterwards. */
async function compile(snippets: readonly Snippet[]): Promise<SnippetError[]> {
  if (snippets.length === 0) return [];
  await mkdir(CACHE, { recursive: true });
  await using folder = await mkdtempDisposable(join(CACHE, "snippets-"));
  const names = snippets.map((_, index) => `${index}.ts`);
  for (const [index, { code }] of snippets.entries()) await writeFile(join(folder.path, `${index}.ts`), code);
  const config = { extends: resolve("tsconfig.base.json"), compilerOptions: COMPILER_OPTIONS, files: names };
  await writeFile(join(folder.path, "tsconfig.json"), JSON.stringify(config));
  await writeFile(join(folder.path, "package.json"), JSON.stringify({ private: true, type: "module" }));
  const { status, error, stdout } = spawnSync("tsc", ["-p", ".", "--pretty", "false"], {
    cwd: folder.path,
    encoding: "utf8",
  });
  if (error !== undefined) throw error;
  const errors = [...stdout.matchAll(COMPLAINT)].map(([, name, line, message = ""]) => {
    const snippet = snippets[Number.parseInt(name ?? "", 10)];
    return { file: snippet?.file ?? "tsconfig.base.json", line: Number(line ?? 1), message };
  });
  // A compiler that failed in a way that is not understood here must not pass.
  if (status !== 0 && errors.length === 0)
    throw new Error(`Cannot check snippets: tsc ended with ${status}: ${stdout}`);
  return errors;
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
