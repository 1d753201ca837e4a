import type { Browser, Page } from "playwright-core";

import { openPage, visit } from "./browser.ts";
import { QUERIES, QUESTIONS, type Question } from "./expectations.ts";
import { checkContrast } from "./pages.ts";
import { checkDiagrams } from "./theme-switch.ts";

/** Among so many results, the one that answers a question is seen at once. */
const SEEN = 3;

const RESULTS = "#tsd-search-results a";

/** What a search has to say. */
const SHOWN = `${RESULTS}, #tsd-search-status div`;

/** What a reader tried. */
export interface WalkReport {
  readonly queries: number;
  readonly questions: number;
  readonly problems: readonly string[];
}

/** Goes through the site as a reader does: searches, follows, comes back; and asks what people ask. */
export async function walk(browser: Browser, site: string): Promise<WalkReport> {
  const problems: string[] = [];
  await using context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  const page = await openPage(context, site, problems);
  await visit(page, site);
  await stroll(page, site, problems);
  await checkDiagrams(page, site, problems);
  for (const { words, first } of QUERIES) {
    const [found = "nothing"] = await resultsFor(page, site, words);
    const expected = first.includes("#") ? found === first : found.split("#")[0] === first;
    if (!expected) problems.push(`search for "${words}": ${found} comes first, not ${first}`);
  }
  for (const question of QUESTIONS) problems.push(...(await search(page, site, question)));
  for (const question of QUESTIONS) problems.push(...(await click(page, site, question)));
  return { queries: QUERIES.length, questions: QUESTIONS.length, problems };
}

/** Home, search, a result, its page, a guide, and back. */
async function stroll(page: Page, site: string, problems: string[]): Promise<void> {
  await page.keyboard.press("/");
  await typeQuery(page, "recv");
  await page.keyboard.press("ArrowDown");
  await checkContrast(page, "the results of a search", problems);
  await page.keyboard.press("Enter");
  await page.waitForURL(/Connection\.html#recv$/);
  await page.locator(".site-menu").getByRole("link", { name: "Limits", exact: true }).click();
  await page.waitForURL(/guides\/limits\.html$/);
  await page.goBack();
  await page.waitForURL(/Connection\.html#recv$/);
  await page.locator(".tsd-page-toolbar .title").click();
  await page.waitForURL(`${site}index.html`);
}

/** The addresses that a search on this page finds, the first first. */
async function resultsFor(page: Page, site: string, words: string): Promise<string[]> {
  if (!(await page.locator("#tsd-search").isVisible())) await page.keyboard.press("Control+k");
  await typeQuery(page, words);
  const links = await page
    .locator(RESULTS)
    .evaluateAll((found) => found.map((link) => (link as HTMLAnchorElement).href));
  return links.map((link) => link.slice(site.length));
}

async function typeQuery(page: Page, words: string): Promise<void> {
  const input = page.locator("#tsd-search-input");
  await input.fill("");
  await page.waitForFunction((shown) => document.querySelector(shown) === null, SHOWN);
  await input.fill(words);
  await page.waitForSelector(SHOWN);
}

/** Looks for the answer to a question by a search for its words. */
async function search(page: Page, site: string, { question, page: path }: Question): Promise<string[]> {
  const found = (await resultsFor(page, site, question)).slice(0, SEEN);
  if (found.some((link) => link.split("#")[0] === path)) return [];
  return [`"${question}": a search finds ${found.join(", ") || "nothing"}, not ${path}`];
}

/** Looks for the answer to a question by two clicks: on a guide, and on one of its headings. */
async function click(page: Page, site: string, { question, page: path, heading }: Question): Promise<string[]> {
  await visit(page, site);
  const card = page.locator(`.cards a[href="${path}"]`);
  if ((await card.count()) === 0) return [`"${question}": the home page does not link to ${path}`];
  await card.click();
  await page.waitForURL(site + path);
  if (heading === undefined) return [];
  const link = page.locator(".page-menu a").filter({ hasText: heading }).first();
  if ((await link.count()) === 0) return [`"${question}": ${path} has no heading ${String(heading)}`];
  await link.click();
  return page.url().includes("#") ? [] : [`"${question}": the heading ${String(heading)} of ${path} leads nowhere`];
}
