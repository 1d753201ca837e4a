import { glob, readFile } from "node:fs/promises";
import ts from "typescript";

/** A package, and the name that typedoc has for the module that exports what is documented. */
interface DocumentedPackage {
  readonly folder: string;
  readonly module: string;
}

/** What is documented. The module of a package with several entries is one of them. */
const PACKAGES: readonly DocumentedPackage[] = [
  { folder: "packages/core", module: "@socketserver/core!" },
  { folder: "packages/framing", module: "@socketserver/framing!index." },
  { folder: "packages/client", module: "@socketserver/client!" },
  { folder: "packages/testing", module: "@socketserver/testing!" },
];

/** One source file. */
export interface SourceFile {
  /** Relative to the repository, with slashes. */
  readonly path: string;
  readonly text: string;
  readonly tree: ts.SourceFile;
}

/** Reads and parses the sources of the packages, without their tests. Run from the root of the repository. */
export async function readSources(): Promise<SourceFile[]> {
  const sources: SourceFile[] = [];
  for (const { folder } of PACKAGES) {
    for await (const name of glob(`${folder}/src/**/*.ts`, { exclude: ["**/*.test.ts"] })) {
      const path = name.replaceAll("\\", "/");
      sources.push(parseSource(path, await readFile(path, "utf8")));
    }
  }
  if (sources.length === 0) throw new Error("Cannot read sources: run from the root of the repository");
  return sources.toSorted((one, other) => (one.path < other.path ? -1 : 1));
}

/** Parses one. */
export function parseSource(path: string, text: string): SourceFile {
  return { path, text, tree: ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true) };
}

/** What a package exports by its entry, as the links of its reference name it. */
export function exportsOf(sources: readonly SourceFile[]): Map<string, string> {
  const links = new Map<string, string>();
  for (const { folder, module } of PACKAGES) {
    const entry = sources.find(({ path }) => path === `${folder}/src/index.ts`);
    for (const statement of entry?.tree.statements ?? []) {
      if (!ts.isExportDeclaration(statement) || statement.exportClause === undefined) continue;
      if (!ts.isNamedExports(statement.exportClause)) continue;
      for (const { name } of statement.exportClause.elements) links.set(`${folder} ${name.text}`, module + name.text);
    }
  }
  return links;
}

/** The package that a source belongs to. */
export function packageOf(path: string): string {
  return path.split("/", 2).join("/");
}

/** The comment of a declaration as one paragraph after the other, without its tags. */
export function docOf(node: ts.Node): string {
  const doc = ts.getJSDocCommentsAndTags(node).find(ts.isJSDoc);
  return doc === undefined ? "" : plain(doc.comment);
}

/** Text of a comment: what it links to inside of the sources is shown as code, and its lines are joined. */
function plain(comment: string | ts.NodeArray<ts.JSDocComment> | undefined): string {
  return (ts.getTextOfJSDocComment(comment) ?? "")
    .replaceAll(/\{@link (?:[^}|\s]+\s*\|\s*)?([^}]+)\}/g, (_, name: string) => `\`${name.trim()}\``)
    .split(/\n\s*\n/)
    .map((paragraph) => paragraph.replaceAll(/\s*\n\s*/g, " ").trim())
    .join("\n\n");
}
