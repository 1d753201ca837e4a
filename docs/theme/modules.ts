import { readFileSync } from "node:fs";
import { resolve } from "node:path";

import {
  ReflectionCategory,
  ReflectionKind,
  type DeclarationReflection,
  type NormalizedPath,
  type ProjectReflection,
} from "typedoc";

const PACKAGES = resolve(import.meta.dirname, "../../packages");

/** In the index of a package: a comment that begins a section, or the names of an export. */
const SECTION_OR_EXPORT = /^\/\/ (?<section>.+?)\.?$|^export (?:type )?\{(?<names>[^}]*)\}/gm;

/** The name of an exported thing, as it is seen from outside. */
const EXPORTED_NAME = /(?:^|,)\s*(?:type\s+)?(?:\w+\s+as\s+)?(\w+)/g;

const FIRST_HEADING = /^#\s+.+$/m;

/** The packages, in the order in which somebody needs them. */
const ORDER = ["core", "framing", "client", "testing"];

/** All modules, one for each name that a program can import. */
export function modulesOf(project: ProjectReflection): DeclarationReflection[] {
  return (project.children ?? [])
    .filter((child) => child.kindOf(ReflectionKind.Module))
    .toSorted((a, b) => placeInOrder(a) - placeInOrder(b) || (a.name < b.name ? -1 : 1));
}

function placeInOrder(module: DeclarationReflection): number {
  return ORDER.indexOf(shortName(module).replace(/\/.*/, ""));
}

/** What a module is called where there is no room for the scope. */
export function shortName(module: DeclarationReflection): string {
  return module.name.replace(/^@[^/]+\//, "");
}

/**
 * Makes the modules what a program imports: a package with several entry points has no page beside theirs, its README is the page of the first,
 * and the exports stand under the sections of the index file.
 */
export function arrangeModules(project: ProjectReflection): void {
  for (const module of modulesOf(project)) flatten(project, module);
  for (const module of modulesOf(project)) {
    useReadme(module);
    section(module);
  }
}

function flatten(project: ProjectReflection, outer: DeclarationReflection): void {
  const inner = (outer.children ?? []).filter((child) => child.kindOf(ReflectionKind.Module));
  if (inner.length === 0) return;
  for (const module of inner) {
    const isIndex = module.name === "index";
    module.name = isIndex ? outer.name : `${outer.name}/${module.name}`;
    module.parent = project;
    project.addChild(module);
    if (!isIndex) continue;
    if (outer.readme !== undefined) module.readme = outer.readme;
    project.files.registerReflectionPath(resolve(PACKAGES, shortName(module), "README.md") as NormalizedPath, module);
  }
  delete outer.children;
  project.removeReflection(outer);
}

/** The page has its title already, and the README says what it is. */
function useReadme(module: DeclarationReflection): void {
  const [title] = module.readme ?? [];
  if (title === undefined) return;
  title.text = title.text.replace(FIRST_HEADING, "");
  delete module.comment;
}

function section(module: DeclarationReflection): void {
  const [name = "", entry = "index"] = shortName(module).split("/");
  const sections = sectionsOf(readFileSync(resolve(PACKAGES, name, "src", `${entry}.ts`), "utf8"));
  if (sections.size === 0) return;
  const children = module.children ?? [];
  module.categories = [...new Set(sections.values())].map((title) => {
    const category = new ReflectionCategory(title);
    category.children = children.filter((child) => sections.get(child.name) === title);
    return category;
  });
  const missing = children.filter((child) => !sections.has(child.name)).map((child) => child.name);
  if (missing.length > 0) throw new Error(`Cannot section ${module.name}: no section has ${missing.join(", ")}`);
}

/** From each exported name to its section; empty without sections. */
function sectionsOf(index: string): Map<string, string> {
  const sections = new Map<string, string>();
  let current: string | undefined;
  for (const { groups = {} } of index.matchAll(SECTION_OR_EXPORT)) {
    current = groups["section"] ?? current;
    if (current === undefined) continue;
    for (const [, name = ""] of (groups["names"] ?? "").matchAll(EXPORTED_NAME)) sections.set(name, current);
  }
  return sections;
}
