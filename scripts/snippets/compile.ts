import { spawnSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";

import type { SnippetError } from "./blocks.ts";
import type { Snippet } from "./snippet.ts";

const COMPILER_OPTIONS = {
  composite: false,
  declaration: false,
  declarationMap: false,
  noEmit: true,
  allowImportingTsExtensions: true,
  rewriteRelativeImportExtensions: false,
  // A block without imports is a module, too: it shares no name with others, and may await.
  moduleDetection: "force",
  // A block may show a thing without using it.
  noUnusedLocals: false,
  noUnusedParameters: false,
};

/** Nobody writes types in JavaScript, or `@override`; names, imports and arguments can be wrong all the same. */
const UNTYPED_OPTIONS = {
  ...COMPILER_OPTIONS,
  allowJs: true,
  checkJs: true,
  noImplicitAny: false,
  noImplicitOverride: false,
};

/** What the compiler prints of an error; further lines of the same one are indented. */
const COMPLAINT = /^(?:(.+)\((\d+),\d+\): )?(error TS\d+: .*(?:\n[ \t].*)*)/gm;

/** A file of a snippet, in its numbered folder. */
const IN_SNIPPET = /^\d+\//;

/** Compiles programs, whose files are in `folder` already, all in one go. */
export async function compile(folder: string, snippets: readonly Snippet[]): Promise<SnippetError[]> {
  return [
    ...(await compileWith(
      folder,
      snippets.filter(({ typed }) => typed),
      COMPILER_OPTIONS,
    )),
    ...(await compileWith(
      folder,
      snippets.filter(({ typed }) => !typed),
      UNTYPED_OPTIONS,
    )),
  ];
}

async function compileWith(folder: string, snippets: readonly Snippet[], options: object): Promise<SnippetError[]> {
  if (snippets.length === 0) return [];
  const config = {
    extends: resolve("tsconfig.base.json"),
    compilerOptions: options,
    files: snippets.map(({ path }) => path),
  };
  await writeFile(join(folder, "tsconfig.json"), JSON.stringify(config));
  const { status, error, stdout } = spawnSync("tsc", ["-p", ".", "--pretty", "false"], {
    cwd: folder,
    encoding: "utf8",
  });
  if (error !== undefined) throw error;
  const complaints = [...stdout.matchAll(COMPLAINT)];
  // A compiler that failed in a way that is not understood here must not pass.
  if (status !== 0 && complaints.length === 0)
    throw new Error(`Cannot check snippets: tsc ended with ${status}: ${stdout}`);
  const errors = new Map<string, SnippetError>();
  for (const [, path, line, message = ""] of complaints) {
    const complaint = errorIn(path, Number(line), message, snippets);
    // One of a file that several import is told once.
    errors.set(JSON.stringify(complaint), complaint);
  }
  return [...errors.values()];
}

function errorIn(path: string | undefined, line: number, message: string, snippets: readonly Snippet[]): SnippetError {
  const [folder, name] = path === undefined || !IN_SNIPPET.test(path) ? [] : path.split("/");
  const snippet = snippets.find((each) => each.folder === folder);
  if (snippet === undefined) return { file: "tsconfig.base.json", line: 1, message };
  // A file that it imports keeps the line numbers of the same document.
  return { file: snippet.block.file, line, message: `${message}${snippet.path === path ? "" : ` (in ${name})`}` };
}
