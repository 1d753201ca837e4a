import { dirname } from "node:path";

import type { Browser, Page } from "playwright-core";

import { openPage, visit } from "./browser.ts";
import { lowContrast } from "./low-contrast.ts";

/** What a text needs to be read by people with weak eyes (WCAG 2.2, 1.4.3). */
export const LEAST_CONTRAST = 4.5;

const DESK = { width: 1280, height: 900 };
const PHONE = { width: 375, height: 740 };

/** As many tabs look at pages at once. */
const TABS = 2;

const SCHEMES = ["light", "dark"] as const;

/** What was looked at. */
export interface PagesReport {
  readonly pages: number;
  /** Pairs of colours that were compared, over all pages and both schemes. */
  readonly pairs: number;
  readonly problems: readonly string[];
}

/** Opens every page on a phone, and one of each kind on a desk: no error, no text that is hard to read, nothing wider than the screen. */
export async function checkPages(browser: Browser, site: string, pages: readonly string[]): Promise<PagesReport> {
  const problems: string[] = [];
  const waiting = [
    ...pages.map((path) => ({ path, viewport: PHONE })),
    ...kindsOf(pages).map((path) => ({ path, viewport: DESK })),
  ].values();
  let pairs = 0;
  const tab = async () => {
    await using context = await browser.newContext({ viewport: PHONE });
    const page = await openPage(context, site, problems);
    for (const { path, viewport } of waiting) {
      await page.setViewportSize(viewport);
      await visit(page, site + path);
      problems.push(...(await wideElements(page)).map((wide) => `${path}: at ${viewport.width} px, ${wide}`));
      pairs += await checkContrast(page, path, problems);
    }
  };
  await Promise.all(Array.from({ length: TABS }, tab));
  return { pages: pages.length, pairs, problems };
}

/** One page of each folder: only there is the navigation seen, which is the same on all of them. */
function kindsOf(pages: readonly string[]): string[] {
  return [...new Map(pages.map((path) => [dirname(path), path])).values()];
}

/** Compares the colours of a page in both schemes; answers how many pairs. */
export async function checkContrast(page: Page, path: string, problems: string[]): Promise<number> {
  let pairs = 0;
  for (const colorScheme of SCHEMES) {
    await page.emulateMedia({ colorScheme });
    const report = await page.evaluate(lowContrast, LEAST_CONTRAST);
    pairs += report.pairs;
    if (report.pairs === 0) problems.push(`${path}: no text was found in ${colorScheme}`);
    for (const { element, text, colours, ratio } of report.low)
      problems.push(`${path}: contrast ${ratio} in ${colorScheme} (${colours}): "${text}" in ${element}`);
  }
  return pairs;
}

/** If the page can be scrolled sideways, what is to blame for it. */
async function wideElements(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    if (scrollWidth <= clientWidth) return [];
    // What is inside of a box that is scrolled by itself makes nothing wider.
    const blamed = [...document.querySelectorAll(".col-content *")].filter(
      (element) =>
        element.getBoundingClientRect().right > clientWidth &&
        element.parentElement?.closest("pre, table, .tsd-signature") === null,
    );
    return [
      `the page is ${scrollWidth} px wide: ${blamed
        .slice(0, 3)
        .map((one) => one.outerHTML.slice(0, 80))
        .join(" ")}`,
    ];
  });
}
