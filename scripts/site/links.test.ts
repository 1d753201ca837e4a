import { mkdir, mkdtempDisposable, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deflateSync } from "node:zlib";

import { describe, expect, test } from "vitest";

import { checkSiteLinks } from "./links.ts";

/** Follows the links of a site of these files; the search finds the addresses in `found`. */
async function check(files: Readonly<Record<string, string>>, found: readonly string[]): Promise<readonly string[]> {
  await using site = await mkdtempDisposable(join(tmpdir(), "links-"));
  for (const folder of ["assets", "guides"]) await mkdir(join(site.path, folder));
  const data = { "assets/search.js": packed(found), "assets/navigation.js": packed(["index.html"]) };
  for (const [name, text] of Object.entries({ ...data, ...files })) await writeFile(join(site.path, name), text);
  return (await checkSiteLinks(site.path)).problems;
}

/** A file of data as typedoc writes it. */
function packed(addresses: readonly string[]): string {
  const json = JSON.stringify(addresses.map((url) => ({ url })));
  return `window.it = "${deflateSync(json).toString("base64")}";`;
}

describe("checkSiteLinks()", () => {
  test("accepts links to files, to places, to folders, and to elsewhere", async () => {
    const problems = await check(
      {
        "index.html": `<a href="guides/limits.html#clocks">1</a> <a href="https://example.org/">2</a> <img src="picture.svg">`,
        "guides/limits.html": `<h2 id="clocks">Clocks</h2> <a class="up" href="../">3</a> <a href="#clocks">4</a> <a href="?cache=1#clocks">5</a>`,
        "picture.svg": `<svg/>`,
      },
      ["guides/limits.html#clocks"],
    );
    expect(problems).toEqual([]);
  });

  test("reports what is not there, each at its page", async () => {
    const problems = await check(
      {
        "index.html": `<a href="gone.html">1</a> <a href="guides/limits.html#gone">2</a> <a href="#gone">3</a>`,
        "guides/limits.html": `<img alt="" src="picture.svg">`,
      },
      ["guides/limits.html#gone"],
    );
    expect(problems.toSorted()).toEqual([
      "assets/search.js: links to ../guides/limits.html#gone, which has no such place",
      "guides/limits.html: links to picture.svg, which is not there",
      "index.html: links to #gone, which has no such place",
      "index.html: links to gone.html, which is not there",
      "index.html: links to guides/limits.html#gone, which has no such place",
    ]);
  });

  test("does not pass because it found no address to look at", async () => {
    await expect(check({ "index.html": "" }, [])).rejects.toThrow("there is no address in");
  });
});
