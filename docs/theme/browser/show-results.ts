import type { SearchResult } from "minisearch";

import type { SearchEntry } from "../search-entry.ts";

/** How much of a text is shown. */
const SNIPPET = 110;

let shown = 0;

/** Lists results where typedoc would list its own, so that its keys move among them. */
export function showResults(
  query: string,
  results: readonly SearchResult[],
  list: HTMLElement,
  status: HTMLElement,
): void {
  shown++;
  list.replaceChildren(
    ...results.map((result, place) => item(result as unknown as SearchEntry, `tsd-search:${shown}-${place}`, query)),
  );
  const nothing = query.trim() !== "" && results.length === 0;
  status.replaceChildren(...(nothing ? [element("div", "", `Nothing found for ${query.trim()}`)] : []));
}

function item(entry: SearchEntry, id: string, query: string): HTMLElement {
  const option = element("li", "");
  option.id = id;
  option.role = "option";
  option.ariaSelected = "false";
  const link = element("a", "result") as HTMLAnchorElement;
  link.tabIndex = -1;
  link.href = `${document.documentElement.dataset["base"] ?? "./"}${entry.url}`;
  const title = element("span", "result-title");
  title.append(element("b", "", entry.name));
  if (entry.within !== "") title.append(element("span", "result-within", ` in ${entry.within}`));
  link.append(
    title,
    element("span", "result-kind", entry.kind),
    element("span", "result-text", snippet(`${entry.about} ${entry.text}`.trim(), query)),
  );
  option.append(link);
  return option;
}

/** The part of a text where the query stands, or its beginning. */
function snippet(text: string, query: string): string {
  const at = text.toLowerCase().indexOf(query.trim().toLowerCase());
  const start = at > SNIPPET / 2 ? text.lastIndexOf(" ", at - SNIPPET / 3) + 1 : 0;
  const cut = text.slice(start, start + SNIPPET);
  return `${start > 0 ? "… " : ""}${cut}${start + SNIPPET < text.length ? " …" : ""}`;
}

function element(name: string, className: string, text = ""): HTMLElement {
  const made = document.createElement(name);
  if (className !== "") made.className = className;
  made.textContent = text;
  return made;
}
