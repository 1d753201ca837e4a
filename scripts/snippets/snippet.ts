import type { Block, SnippetError } from "./blocks.ts";

/** A block that is a program: it is compiled, and run if it says so. */
export interface Snippet {
  readonly block: Block;
  /** A folder of its own, in which it stands beside those that it may import. */
  readonly folder: string;
  /** Its file: the folder, a slash, and its name there. */
  readonly path: string;
  /** What stands in the files of that folder, by their names there. A block keeps the line numbers of its document. */
  readonly files: ReadonlyMap<string, string>;
  readonly typed: boolean;
  /** The block that says what this one prints; undefined if it is not run. */
  readonly printed?: Block;
}

/** The languages that are programs, and how their files end. */
const EXTENSIONS: Readonly<Record<string, string>> = {
  ts: "ts",
  typescript: "ts",
  js: "js",
  javascript: "js",
};

/** The programs among the blocks of documents, and what is wrong with how they are marked. */
export function snippetsOf(blocks: readonly Block[]): (Snippet | SnippetError)[] {
  const found: (Snippet | SnippetError)[] = [];
  const named = new Map<string, Map<string, string>>();
  for (const block of blocks) {
    const { file, line, language, words, name: given, next } = block;
    const extension = EXTENSIONS[language];
    if (extension === undefined) continue;
    const code = "\n".repeat(line) + block.code;
    const siblings = named.get(file) ?? new Map<string, string>();
    named.set(file, siblings);
    const name = given ?? `block.${extension}`;
    const files = new Map(siblings).set(name, code);
    if (given !== undefined) siblings.set(given, code);
    const folder = String(found.length);
    const snippet = { block, folder, path: `${folder}/${name}`, files, typed: name.endsWith("ts") };
    if (!words.includes("run")) found.push(snippet);
    else if (next?.language === "text") found.push({ ...snippet, printed: next });
    else found.push({ file, line, message: "runs, so a text block with what it prints must follow directly" });
  }
  return found;
}
