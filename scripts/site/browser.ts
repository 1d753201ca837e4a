import { existsSync } from "node:fs";

import { chromium, type Browser, type BrowserContext, type Page } from "playwright-core";

/** Where systems keep the browser; `CHROMIUM` names another. */
const PLACES = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

/** What lets the browser run as root, and keeps it from asking somebody else and from beginning each page in a process of its own. */
const ARGUMENTS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-features=BackForwardCache,PaintHolding",
  "--disable-site-isolation-trials",
  "--renderer-process-limit=1",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--no-first-run",
  "--no-default-browser-check",
];

/** Nothing moves while it is looked at. */
const STILL =
  "*, ::before, ::after { animation-duration: 0s !important; transition: none !important; scroll-behavior: auto !important; }";

/** Starts the browser, in a profile of its own that is gone afterwards. */
export async function openBrowser(): Promise<Browser> {
  const executablePath = [process.env["CHROMIUM"] ?? "", ...PLACES].find((path) => path !== "" && existsSync(path));
  if (executablePath === undefined) {
    throw new Error(
      "Cannot check the site: there is no Chromium. Install it (Debian: apt-get install chromium), name it in CHROMIUM, or set SKIP_SITE=1 to leave this check out",
    );
  }
  return chromium.launch({ executablePath, args: ARGUMENTS });
}

/** Opens a tab that remembers in `problems` what goes wrong in it: messages of errors, failed requests, and requests to elsewhere. */
export async function openPage(context: BrowserContext, site: string, problems: string[]): Promise<Page> {
  const page = await context.newPage();
  const path = () => page.url().slice(site.length);
  const report = (problem: string) => problems.push(`${path()}: ${problem}`);
  await page.addInitScript((css) => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    document.adoptedStyleSheets.push(sheet);
  }, STILL);
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") report(`the console says: ${message.text()}`);
  });
  page.on("pageerror", (error) => report(`throws ${error.message}`));
  page.on("requestfailed", (request) => {
    const reason = request.failure()?.errorText ?? "";
    // Whoever goes on before everything has come stops the rest.
    if (reason !== "net::ERR_ABORTED") report(`cannot load ${request.url()}: ${reason}`);
  });
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(site) && !url.startsWith("data:")) report(`asks elsewhere: ${url}`);
  });
  page.on("response", (response) => {
    if (response.status() >= 400) report(`${response.url()} is answered with ${response.status()}`);
  });
  return page;
}

/** Waits until typedoc shows the page, with its navigation. */
export async function visit(page: Page, url: string): Promise<void> {
  await page.goto(url, { waitUntil: "load" });
  await page.waitForFunction(() => document.body.style.display !== "none");
}
