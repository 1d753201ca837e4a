import { readFileSync } from "node:fs";

/**
 * What the documentation of each field of an interface says that its default is.
 *
 * @param file - The source that declares it.
 */
export function documentedDefaults(file: URL, name: string): Map<string, string> {
  const source = readFileSync(file, "utf8");
  const fields = new RegExp(`export interface ${name}\\b.*? \\{\\n(.*?)\\n\\}`, "s").exec(source)?.[1] ?? "";
  const defaults = fields.matchAll(
    /@defaultValue (?<text>[^\n]+?)\s*(?:\*\/)?\n?\s*(?:\*\/)?\s+readonly (?<option>\w+)\?:/g,
  );
  return new Map([...defaults].map(({ groups = {} }) => [groups["option"] as string, groups["text"] as string]));
}
