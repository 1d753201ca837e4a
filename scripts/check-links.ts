/**
 * The links between Markdown files, followed.
 *
 * Every relative link of every Markdown file in the repository points at a file that is there, and its `#fragment` at a heading of it, as GitHub names
 * headings. Pages that the build of the docs makes are not there yet, and are left to that build; so is everything that begins with a scheme.
 *
 * @module
 */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { posix } from "node:path";

/** One link that leads nowhere. */
export interface LinkError {
  readonly file: string;
  readonly line: number;
  readonly message: string;
}

/** Made when the docs are built. */
const GENERATED = "docs/generated/";

/** `](target)`, `](target "title")`, `[name]: target`, `href="target"`, `src="target"`. */
const LINK = /\]\(\s*<?([^)\s>]+)[^)]*\)|^\s*\[[^\]]+\]:\s+(\S+)|\b(?:href|src)="([^"]*)"/gm;

const SCHEME = /^[a-z][a-z0-9+.-]*:|^\/\//i;

const FENCE = /^[ \t]*(`{3,}|~{3,})[^`]*$/;

const HEADING = /^#{1,6}\s+(.*?)\s*#*$/;

const ANCHOR = /<a\s+(?:id|name)="([^"]+)"/g;

/** Finds the links of documents that lead nowhere. `exists` is asked about files and folders, relative to the repository. */
export function checkLinks(files: ReadonlyMap<string, string>, exists: (path: string) => boolean): LinkError[] {
  const errors: LinkError[] = [];
  for (const [file, text] of files) {
    for (const [index, line] of proseOf(text).entries()) {
      for (const [, inline, reference, attribute] of line.matchAll(LINK)) {
        const target = inline ?? reference ?? attribute ?? "";
        const message = SCHEME.test(target) ? undefined : wrongWith(target, file, files, exists);
        if (message !== undefined) errors.push({ file, line: index + 1, message });
      }
    }
  }
  return errors;
}

/** What is wrong with a relative link, if anything is. */
function wrongWith(
  target: string,
  file: string,
  files: ReadonlyMap<string, string>,
  exists: (path: string) => boolean,
): string | undefined {
  const [path = "", fragment] = decoded(target).split("#");
  const found = path === "" ? file : posix.join(posix.dirname(file), path);
  if (found.startsWith(GENERATED)) return undefined;
  if (found.startsWith("../")) return `links to ${target}, which is outside of the repository`;
  if (!exists(found)) return `links to ${target}: there is no ${found}`;
  if (fragment === undefined) return undefined;
  const text = files.get(found);
  if (text === undefined) return `links to ${target}: only Markdown has headings to link to`;
  return anchorsOf(text).has(fragment) ? undefined : `links to ${target}: ${found} has no heading #${fragment}`;
}

/** A `%` that encodes nothing stands for itself. */
function decoded(target: string): string {
  try {
    return decodeURI(target);
  } catch {
    return target;
  }
}

/** The lines of a document, with nothing where there is code. */
function proseOf(text: string): string[] {
  let open: string | undefined;
  return text.split("\n").map((line) => {
    const fence = FENCE.exec(line)?.[1];
    if (open === undefined && fence === undefined) return line.replaceAll(/(`+)(?!`).*?[^`]\1(?!`)/g, "``");
    if (open === undefined) open = fence;
    else if (fence !== undefined && line.trim() === fence && fence.startsWith(open)) open = undefined;
    return "";
  });
}

/** What can stand behind the `#` of a link to a document. */
function anchorsOf(text: string): Set<string> {
  const anchors = new Set<string>();
  const lines = text.split("\n");
  for (const [index, line] of proseOf(text).entries()) {
    for (const [, name = ""] of line.matchAll(ANCHOR)) anchors.add(name);
    // The whole line: what is code in a heading is part of its name.
    const heading = HEADING.test(line) ? HEADING.exec(lines[index] ?? "")?.[1] : undefined;
    if (heading === undefined) continue;
    const slug = slugOf(heading);
    let unique = slug;
    for (let count = 1; anchors.has(unique); count++) unique = `${slug}-${count}`;
    anchors.add(unique);
  }
  return anchors;
}

/** As GitHub makes one of a heading. */
function slugOf(heading: string): string {
  return heading
    .replaceAll(/!?\[([^\]]*)\]\([^)]*\)/g, "$1")
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{M}\p{N}\p{Pc} -]/gu, "")
    .replaceAll(" ", "-");
}

if (import.meta.main) {
  const names = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", "*.md"], {
    encoding: "utf8",
  });
  const files = new Map<string, string>();
  for (const name of names.split("\n")) if (existsSync(name)) files.set(name, await readFile(name, "utf8"));
  if (!files.has("README.md")) throw new Error("Cannot check links: run from the root of the repository");
  const errors = checkLinks(files, existsSync);
  for (const { file, line, message } of errors) process.stderr.write(`${file}:${line} ${message}\n`);
  process.exitCode = errors.length > 0 ? 1 : 0;
}
