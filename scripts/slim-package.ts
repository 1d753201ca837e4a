/**
 * Makes a built package smaller, and renames nothing: deletes the declarations that its entries do not reach, because nobody can import what they
 * declare; leaves out semicolons and spaces that say nothing, and indents the declarations with tabs, and the code not at all. Any formatter brings
 * that back.
 *
 * Run before packing, in the folder of the package; after packing the package is built again.
 *
 * @module
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join, normalize } from "node:path";

const DIST = "dist";

/** From the folder of a package. */
const FORMAT = "../../.oxfmtrc.pack.json";

/** The maps are not published. */
const NAME_OF_MAP = /^\/\/# sourceMappingURL=.*\n?/gm;

/** What a declaration imports, in either notation. */
const IMPORT = /\bfrom\s+"(\.[^"]+)"|\bimport\("(\.[^"]+)"\)/g;

/** Adds `file` and everything that it imports. */
function reach(file: string, reached: Set<string>): void {
  if (reached.has(file)) return;
  reached.add(file);
  for (const [, from, inline] of readFileSync(file, "utf8").matchAll(IMPORT)) {
    const target = normalize(join(dirname(file), from ?? inline ?? ""));
    reach(target.replace(/\.[jt]s$/, ".d.ts"), reached);
  }
}

/** The declarations that the package says it has. */
function entries(): string[] {
  const { exports } = JSON.parse(readFileSync("package.json", "utf8")) as {
    readonly exports: Readonly<Record<string, string | { readonly types: string }>>;
  };
  return Object.values(exports).flatMap((entry) => (typeof entry === "string" ? [] : normalize(entry.types)));
}

/** Each by its name: what git ignores is passed over otherwise. */
function format(files: readonly string[]): void {
  execFileSync("oxfmt", ["--config", FORMAT, ...files], { stdio: "inherit" });
}

/** @throws if the code is not the same without the tabs, because they stand in a string. */
async function unindent(file: string): Promise<void> {
  const indented = await readFile(file, "utf8");
  const code = indented.replaceAll(/^\t+/gm, "");
  await writeFile(file, code);
  format([file]);
  if ((await readFile(file, "utf8")) !== indented)
    throw new Error(`Cannot unindent ${file}: it would mean something else`);
  await writeFile(file, code);
}

const reached = new Set<string>();
for (const entry of entries()) reach(entry, reached);
const kept: string[] = [];
for (const name of await readdir(DIST, { recursive: true })) {
  const file = join(DIST, name);
  if (file.endsWith(".d.ts") && !reached.has(file)) await rm(file);
  else if (/\.(?:js|d\.ts)$/.test(file)) kept.push(file);
}
format(kept);
for (const file of kept) {
  if (file.endsWith(".js")) await unindent(file);
  else await writeFile(file, (await readFile(file, "utf8")).replace(NAME_OF_MAP, ""));
}
