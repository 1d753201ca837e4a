/** Something wrong at one line of a document. */
export interface SnippetError {
  readonly file: string;
  readonly line: number;
  readonly message: string;
}

/** What stands between two fences. */
export interface Block {
  readonly file: string;
  /** Of its opening fence. */
  readonly line: number;
  readonly language: string;
  /** What stands behind the language, as `run`. */
  readonly words: readonly string[];
  /** With `file=server.ts` among these: the name by which a reader saves it, and later blocks of its document import it. */
  readonly name: string | undefined;
  readonly code: string;
  /** The block that follows directly, if one does. */
  readonly next?: Block;
}

/** A fence that is open. */
interface Open {
  readonly fence: string;
  readonly language: string;
  readonly words: readonly string[];
  readonly index: number;
}

const FENCE = /^[ \t]*(`{3,}|~{3,})[ \t]*([^`]*)$/;

const COMMENT_LINE = /^[ \t]*\* ?(?!\/)/;

const NAME = "file=";

function nameIn(words: readonly string[]): string | undefined {
  return words.find((word) => word.startsWith(NAME))?.slice(NAME.length);
}

/** Finds the blocks of a document, or of the doc comments of a source; one without an end is an error. */
export function blocksOf(file: string, text: string): (Block | SnippetError)[] {
  const contents = contentsOf(file, text);
  const found: (Block | SnippetError)[] = [];
  // From the end, so that each knows the next one.
  let next: Block | undefined;
  for (const { open, end } of fencesOf(contents).toReversed()) {
    const { index, language, words } = open;
    const line = index + 1;
    if (end === undefined) {
      found.unshift({ file, line, message: "opens a block that does not end" });
      continue;
    }
    const code = contents.slice(index + 1, end).join("\n");
    const follows = next !== undefined && contents.slice(end + 1, next.line - 1).every((each) => each?.trim() === "");
    next = {
      file,
      line,
      language,
      words,
      name: nameIn(words),
      code,
      ...(follows && next !== undefined ? { next } : {}),
    };
    found.unshift(next);
  }
  return found;
}

/** Where blocks begin, and where they end if they do. */
function fencesOf(contents: readonly (string | undefined)[]): { readonly open: Open; readonly end?: number }[] {
  const found: { readonly open: Open; readonly end?: number }[] = [];
  let open: Open | undefined;
  for (const [index, content] of contents.entries()) {
    const [, fence = "", info = ""] = FENCE.exec(content ?? "") ?? [];
    const [language = "", ...words] = info.trim().split(/\s+/);
    if (open === undefined) {
      if (fence !== "") open = { fence, language, words, index };
    } else if (content === undefined) {
      found.push({ open });
      open = undefined;
    } else if (fence.startsWith(open.fence) && language === "") {
      found.push({ open, end: index });
      open = undefined;
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
