/** Puts what is generated into a template, each part in place of `<!-- insert: name -->`; every part has one place, and every place a part. */
export function fillTemplate(template: string, parts: Readonly<Record<string, string>>): string {
  const left = new Set(Object.keys(parts));
  const page = template.replaceAll(/<!-- insert: ([\w ]+) -->/g, (_, name: string) => {
    const part = parts[name];
    if (part === undefined || !left.delete(name))
      throw new Error(`Cannot fill template: there is no part "${name}", or it is there twice`);
    return part;
  });
  if (left.size > 0) throw new Error(`Cannot fill template: it has no place for ${[...left].join(", ")}`);
  return page;
}

/** A link that typedoc follows and checks. */
export function linkTo(target: string, text: string): string {
  return `{@link ${target} | \`${text}\`}`;
}

/** Text for a cell of a table. */
export function cell(text: string): string {
  return text.replaceAll("|", String.raw`\|`).replaceAll(/\s*\n\s*/g, " ");
}
