import { existsSync, globSync, readFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";

import { DocumentReflection, type NormalizedPath, type ProjectReflection } from "typedoc";

import { GUIDE_FOLDERS, GUIDE_GROUPS } from "./guides.ts";

const ROOT = resolve(import.meta.dirname, "../..");

/** Linked files that are shown as a page instead of being offered for download. */
const SOURCE = /\.(?:ts|js)$/;

const FIRST_HEADING = /^#\s+(.+)$/m;

/** The absolute paths of all documents. */
export function documentFiles(): string[] {
  const listed = GUIDE_GROUPS.flatMap(({ guides }) => guides.map(({ file }) => file));
  const found = GUIDE_FOLDERS.flatMap((folder) => globSync(`${folder}/*.md`, { cwd: ROOT }));
  const unlisted = found.map((file) => file.replaceAll("\\", "/")).filter((file) => !listed.includes(file));
  if (unlisted.length > 0)
    throw new Error(`Cannot build the site: ${unlisted.join(", ")} is not in docs/theme/guides.ts`);
  const missing = listed.filter((file) => !existsSync(join(ROOT, file)));
  if (missing.length > 0) throw new Error(`Cannot build the site: there is no ${missing.join(", ")}`);
  return listed.map((file) => join(ROOT, file));
}

/** Where a document comes from, from the root of the repository. */
export function fileOf(document: DocumentReflection): string {
  const path = document.project.files.getReflectionPath(document);
  return path === undefined ? document.name : relative(ROOT, path).replaceAll("\\", "/");
}

/** The document of a file that is named from the root of the repository, if there is one. */
export function documentOf(project: ProjectReflection, file: string): DocumentReflection | undefined {
  return project.documents?.find((document) => fileOf(document) === file);
}

/** Calls each document what its first heading says. */
export function nameDocuments(project: ProjectReflection): void {
  for (const document of project.documents ?? []) {
    const text = document.content.map((part) => part.text).join("");
    document.name = FIRST_HEADING.exec(text)?.[1]?.replaceAll("`", "") ?? document.name;
  }
  // The front page is made of it.
  project.files.registerReflectionPath(join(ROOT, "README.md") as NormalizedPath, project);
}

/** Makes a page of each source file that a document links to. */
export function addLinkedSources(project: ProjectReflection): void {
  for (const path of [...project.files.getMediaPaths()].filter((file) => SOURCE.test(file))) {
    const name = relative(ROOT, path).replaceAll("\\", "/");
    const language = name.slice(name.lastIndexOf(".") + 1);
    const text = `# ${name}\n\n~~~${language}\n${readFileSync(path, "utf8").trimEnd()}\n~~~\n`;
    const source = new DocumentReflection(name, project, [{ kind: "text", text }], {});
    project.addChild(source);
    project.registerReflection(source, undefined, path);
  }
}
