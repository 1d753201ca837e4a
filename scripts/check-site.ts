/**
 * The built site, walked through by a browser.
 *
 * `npm run docs` comes first. Every link is followed in the files; every page is opened in light, dark and on a phone; and a reader searches, clicks and
 * asks what people ask. The browser is Chromium: see `scripts/site/browser.ts` for where it is looked for, and `SKIP_SITE=1` for doing without.
 *
 * @module
 */
import { existsSync } from "node:fs";

import { LEFT_OUT } from "./left-out.ts";
import { openBrowser } from "./site/browser.ts";
import { checkSiteLinks } from "./site/links.ts";
import { checkPages, LEAST_CONTRAST } from "./site/pages.ts";
import { serveFiles } from "./site/static-server.ts";
import { walk } from "./site/walk.ts";

const SITE = "docs/site";

if ((process.env["SKIP_SITE"] ?? "") !== "") {
  process.stdout.write("not checked: SKIP_SITE is set\n");
  process.exit(LEFT_OUT);
}

if (!existsSync(`${SITE}/index.html`)) {
  process.stderr.write(`Cannot check the site: there is no ${SITE}/index.html; npm run docs makes it\n`);
  process.exit(1);
}

const links = await checkSiteLinks(SITE);
await using server = await serveFiles(SITE, 0, 3_600);
await using browser = await openBrowser();
const [pages, walked] = [await checkPages(browser, server.url, links.pages), await walk(browser, server.url)];
const problems = [...links.problems, ...pages.problems, ...walked.problems];
process.stdout.write(
  [
    `${links.links} links of ${links.pages.length} pages, the search and the navigation`,
    `${pages.pages} pages opened, ${pages.pairs} pairs of colours with a contrast of at least ${LEAST_CONTRAST}, none wider than a phone`,
    `${walked.queries} queries and ${walked.questions} questions`,
    ...problems,
    `${problems.length} problems\n`,
  ].join("\n"),
);
process.exitCode = problems.length > 0 ? 1 : 0;
