import type { DocumentReflection } from "typedoc";

import { fileOf } from "./documents.ts";
import { GUIDE_GROUPS } from "./guides.ts";
import type { SearchEntry } from "./search-entry.ts";

/** In a rendered document: a heading with its address, or the first cell of a row that is code alone. */
const HEADING = /<h([1-4]) id="([^"]*)" class="tsd-anchor-link">(.*?)<\/h\1>/gs;

const CODE_ROW = /<tr>\s*<td[^>]*>((?:\s*<a [^>]*>)?<code>[^<]*<\/code>(?:.*?))<\/td>(.*?)<\/tr>/gs;

const CODE = /<code>([^<]*)<\/code>/g;

const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', nbsp: " " };

/** How much a document is likely to be meant; that of any other is 1. */
const WEIGHTS: Readonly<Record<string, number>> = {
  "docs/architecture.md": 0.6,
  "docs/performance.md": 0.8,
  "CONTRIBUTING.md": 0.5,
  "CHANGELOG.md": 0.3,
};

/** A linked source, or a document that is only about the project. */
const SOURCE_WEIGHT = 0.3;

/** A heading of a document, and what stands under it. */
interface Section {
  readonly level: number;
  readonly anchor: string;
  readonly title: string;
  readonly html: string;
}

/** What a document gives to find: itself, its headings, and what its tables explain. */
export function documentEntries(document: DocumentReflection, url: string, page: string): SearchEntry[] {
  const file = fileOf(document);
  const guide = GUIDE_GROUPS.flatMap(({ guides }) => guides).find((one) => one.file === file);
  const weight = guide === undefined ? SOURCE_WEIGHT : (WEIGHTS[file] ?? 1);
  const kind = guide === undefined ? "source" : "guide";
  return sectionsOf(page).flatMap(({ level, anchor, title, html }) => {
    const isWhole = level === 1;
    const address = isWhole ? url : `${url}#${anchor}`;
    const section: SearchEntry = {
      name: isWhole ? document.name : title,
      within: isWhole ? "" : document.name,
      kind: isWhole ? kind : "section",
      url: address,
      about: isWhole ? (guide?.about ?? "") : "",
      text: textOf(html),
      keywords: isWhole ? (guide?.keywords ?? []) : [],
      weight: isWhole ? weight * 1.2 : weight,
    };
    return [section, ...rowEntries(html, document.name, address, weight)];
  });
}

function sectionsOf(page: string): Section[] {
  const end = page.indexOf('<div class="col-sidebar">');
  const content = end < 0 ? page : page.slice(0, end);
  const headings = [...content.matchAll(HEADING)];
  return headings.map((match, index) => ({
    level: Number(match[1]),
    anchor: match[2] ?? "",
    title: textOf(match[3] ?? ""),
    html: content.slice(match.index + match[0].length, headings[index + 1]?.index),
  }));
}

/** Whoever looks for a name finds the row of the table that explains it. */
function rowEntries(html: string, within: string, url: string, weight: number): SearchEntry[] {
  return [...html.matchAll(CODE_ROW)].flatMap(([, cell = "", rest = ""]) =>
    [...cell.matchAll(CODE)].map(([, name = ""]) => ({
      name: textOf(name),
      within,
      kind: "row",
      url,
      text: textOf(rest),
      keywords: [],
      about: "",
      weight: weight * 0.8,
    })),
  );
}

/** The text of a piece of HTML. */
function textOf(html: string): string {
  return html
    .replaceAll(/<button[^>]*>.*?<\/button>|<svg.*?<\/svg>/gs, "")
    .replaceAll(/<[^>]+>/g, " ")
    .replaceAll(/&(\w+);/g, (entity, name: string) => ENTITIES[name] ?? entity)
    .replaceAll(/&#(?:39|x27);/g, "'")
    .replaceAll(/\s+/g, " ")
    .trim();
}
