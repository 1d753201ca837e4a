import type { Page } from "playwright-core";

import { visit } from "./browser.ts";

/** A page with diagrams, which are files of their own. */
const PAGE = "guides/performance.html";

/** Half as bright as white. */
const MIDDLE = 128;

/** Looks whether a diagram is light or dark when the reader, and not the system, says so. */
export async function checkDiagrams(page: Page, site: string, problems: string[]): Promise<void> {
  await page.emulateMedia({ colorScheme: "light" });
  await visit(page, site + PAGE);
  await page.locator(".settings summary").click();
  for (const theme of ["light", "dark", "os"]) {
    await page.locator("#tsd-theme").selectOption(theme);
    const image = await page.locator('.tsd-typography img[src$=".svg"]').first().screenshot();
    const brightness = await page.evaluate(brightnessOf, image.toString("base64"));
    if (brightness > MIDDLE !== (theme !== "dark"))
      problems.push(`${PAGE}: a diagram is as bright as ${Math.round(brightness)} of 255 in the theme "${theme}"`);
  }
  await page.emulateMedia({ colorScheme: null });
}

/** How bright a picture is on average. Runs in the page: it can use nothing from outside. */
async function brightnessOf(png: string): Promise<number> {
  const image = new Image();
  image.src = `data:image/png;base64,${png}`;
  await image.decode();
  const context = new OffscreenCanvas(image.width, image.height).getContext("2d");
  if (context === null) throw new Error("Cannot draw: there is no canvas");
  context.drawImage(image, 0, 0);
  const { data } = context.getImageData(0, 0, image.width, image.height);
  let sum = 0;
  for (let index = 0; index < data.length; index += 4)
    sum += ((data[index] ?? 0) + (data[index + 1] ?? 0) + (data[index + 2] ?? 0)) / 3;
  return sum / (data.length / 4);
}
