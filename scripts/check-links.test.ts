import { describe, expect, test } from "vitest";

import { checkLinks } from "./check-links.ts";

/** Checks documents beside a few files that are there, and answers the errors as they are printed. */
function check(documents: Readonly<Record<string, string>>, others: readonly string[] = []): string[] {
  const files = new Map(Object.entries(documents));
  const exists = (path: string): boolean => files.has(path) || others.includes(path);
  return checkLinks(files, exists).map(({ file, line, message }) => `${file}:${line} ${message}`);
}

describe("checkLinks()", () => {
  test("follows links of each kind, to files and to headings", () => {
    const guide = `# A \`code()\`, *and* [more](b.md)\n## Twice\n## Twice\n<a id="here"></a>\n`;
    const links = [
      "[a](docs/a.md) [b](docs/a.md#a-code-and-more) ![picture](docs/a.svg 'A title')",
      "[c](docs/a.md#twice-1) [d](#own) [e]",
      "[e]: docs/a.md#here",
      '<img src="docs/a.svg"> <a href="docs">folder</a>',
      "[f](https://example.org/nothing) [g](mailto:somebody@example.org)",
      "# Own",
    ];
    expect(
      check({ "README.md": links.join("\n"), "docs/a.md": guide, "docs/b.md": "" }, ["docs", "docs/a.svg"]),
    ).toEqual([]);
  });

  test("reports what leads nowhere, at its line", () => {
    const text = `[a](nobody.md)\n\n[b](b.md#nothing) [c](../../c.md)\n![d](d.svg)\n[e](e.ts#L1)\n`;
    expect(check({ "docs/a.md": text, "docs/b.md": "```md\n# Nothing\n```\n" }, ["docs/e.ts"])).toEqual([
      "docs/a.md:1 links to nobody.md: there is no docs/nobody.md",
      "docs/a.md:3 links to b.md#nothing: docs/b.md has no heading #nothing",
      "docs/a.md:3 links to ../../c.md, which is outside of the repository",
      "docs/a.md:4 links to d.svg: there is no docs/d.svg",
      "docs/a.md:5 links to e.ts#L1: only Markdown has headings to link to",
    ]);
  });

  test("passes over code, and over pages that are made later", () => {
    const text = "`[a](nobody.md)` ``[b](`nobody.md)``\n```md\n[c](nobody.md)\n```\n[d](../generated/errors.md#x)\n";
    expect(check({ "docs/guides/a.md": text })).toEqual([]);
  });
});
