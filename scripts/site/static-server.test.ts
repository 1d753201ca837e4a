import { mkdir, mkdtempDisposable, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import { serveFiles } from "./static-server.ts";

/** Asks for a path as it is: `fetch` would make it shorter first. */
async function statusOf(url: string, path: string): Promise<number | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<number | undefined>();
  request(url, { path }, (response) => {
    response.resume();
    resolve(response.statusCode);
  })
    .on("error", reject)
    .end();
  return promise;
}

describe("serveFiles()", () => {
  test("serves the files of its folder with their types, and nothing beside it", async () => {
    await using folder = await mkdtempDisposable(join(tmpdir(), "files-"));
    await mkdir(join(folder.path, "site"));
    await writeFile(join(folder.path, "secret.html"), "secret");
    await writeFile(join(folder.path, "site/index.html"), "home");
    await writeFile(join(folder.path, "site/a b.svg"), "<svg/>");
    await using server = await serveFiles(join(folder.path, "site"), 0);
    const home = await fetch(server.url);
    expect(await home.text()).toBe("home");
    expect(home.headers.get("content-type")).toBe("text/html; charset=utf-8");
    const picture = await fetch(`${server.url}a%20b.svg`);
    expect(picture.headers.get("content-type")).toBe("image/svg+xml");
    for (const path of [
      "/../secret.html",
      "/%2e%2e/secret.html",
      "/..%2fsecret.html",
      "/%00",
      "/%",
      "/gone.html",
      "//",
    ])
      expect(await statusOf(server.url, path), path).toBe(404);
  });

  test("takes the next port when its own is taken", async () => {
    await using folder = await mkdtempDisposable(join(tmpdir(), "files-"));
    await using first = await serveFiles(folder.path, 0);
    const port = Number(new URL(first.url).port);
    await using second = await serveFiles(folder.path, port);
    expect(Number(new URL(second.url).port)).toBeGreaterThan(port);
  });
});
