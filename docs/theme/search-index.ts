import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { deflateSync } from "node:zlib";

import { rolldown } from "rolldown";
import { DeclarationReflection, DocumentReflection, IndexEvent, PageEvent, type Renderer } from "typedoc";

import { documentEntries } from "./search-documents.ts";
import type { SearchEntry } from "./search-entry.ts";
import { reflectionEntries } from "./search-reflections.ts";

/** Where the search in the browser looks for its data: the file that typedoc's pages load for typedoc's own search. */
const DATA = "assets/search.js";

/**
 * Writes the index of our own search instead of typedoc's, and the program that asks it.
 *
 * typedoc's index has whole documents but no headings, and every member again for each class that inherits it; and what is found it ranks by how
 * rare a word is. Its dialog stays, and its keys. Called before each rendering.
 */
export function writeSearch(renderer: Renderer): void {
  const entries: SearchEntry[] = [];
  renderer.on(IndexEvent.PREPARE_INDEX, (event: IndexEvent) => {
    event.searchResults = [];
  });
  renderer.on(PageEvent.END, ({ model, url, contents = "" }) => {
    if (model instanceof DocumentReflection) entries.push(...documentEntries(model, url, contents));
    else if (model instanceof DeclarationReflection && renderer.router !== undefined)
      entries.push(...reflectionEntries(model, renderer.router));
  });
  renderer.postRenderAsyncJobs.push(async ({ outputDirectory }) => {
    const sorted = entries.toSorted((a, b) => (a.url < b.url ? -1 : 1));
    const data = deflateSync(JSON.stringify(sorted)).toString("base64");
    await mkdir(join(outputDirectory, "assets"), { recursive: true });
    await writeFile(join(outputDirectory, DATA), `window.searchEntries = "${data}";\n`);
    await bundleScript(outputDirectory);
  });
}

/** Makes the one script of the site. */
async function bundleScript(outputDirectory: string): Promise<void> {
  await using build = await rolldown({ input: join(import.meta.dirname, "browser/site.ts"), platform: "browser" });
  await build.write({ file: join(outputDirectory, "assets/site.js"), format: "iife", minify: true });
}
