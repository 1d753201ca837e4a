import { readFileSync } from "node:fs";
import { resolve } from "node:path";

import { ReflectionCategory, ReflectionKind, type DeclarationReflection, type ProjectReflection } from "typedoc";

const PACKAGES = resolve(import.meta.dirname, "../../packages");

/** In the index of a package: a comment that begins a section, or the names of an export. */
const SECTION_OR_EXPORT = /^\/\/ (?<section>.+?)\.?$|^export (?:type )?\{(?<names>[^}]*)\}/gm;

/** The name of an exported thing, as it is seen from outside. */
const EXPORTED_NAME = /(?:^|,)\s*(?:type\s+)?(?:\w+\s+as\s+)?(\w+)/g;

/** Gives the exports of each package the sections under which they stand in its index. */
export function sectionModules(project: ProjectReflection): void {
  for (const module of project.getReflectionsByKind(ReflectionKind.Module) as DeclarationReflection[]) {
    module.name = module
      .getFullName()
      .replace(/\.index$/, "")
      .replace(".", "/");
    if (module.children?.some((child) => child.kindOf(ReflectionKind.Module))) continue;
    const sections = sectionsOf(readFileSync(sourceOf(module), "utf8"));
    if (sections.size === 0) continue;
    module.categories = [...new Set(sections.values())].map((title) => {
      const category = new ReflectionCategory(title);
      category.children = (module.children ?? []).filter((child) => sections.get(child.name) === title);
      return category;
    });
    const missing = (module.children ?? []).filter((child) => !sections.has(child.name)).map(({ name }) => name);
    if (missing.length > 0) throw new Error(`Cannot section ${module.name}: no section has ${missing.join(", ")}`);
  }
}

/** The index file that a module is made of. */
function sourceOf(module: DeclarationReflection): string {
  const [, name = "", entry = "index"] = module.name.split("/");
  return resolve(PACKAGES, name, "src", `${entry}.ts`);
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
