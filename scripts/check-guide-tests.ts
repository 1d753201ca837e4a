/**
 * The tests in the guides, run.
 *
 * A block with `file=name.test.ts` is a test of those that stand above it in its document. All of them run at once, each in a folder of its own
 * with the files that it may import, as a reader's would.
 *
 * @module
 */
import { spawnSync } from "node:child_process";
import { glob, mkdir, mkdtempDisposable, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { blocksOf } from "./snippets/blocks.ts";
import { snippetsOf } from "./snippets/snippet.ts";

const GUIDES = "docs/guides/*.md";

/** From where the packages are found; git, lint and format pass over it. */
const FOLDER = "examples/.snippets";

await mkdir(FOLDER, { recursive: true });
await using folder = await mkdtempDisposable(join(FOLDER, "tests-"));
await writeFile(join(folder.path, "package.json"), JSON.stringify({ private: true, type: "module" }));
for await (const guide of glob(GUIDES)) {
  const blocks = blocksOf(guide, await readFile(guide, "utf8")).flatMap((block) => ("code" in block ? block : []));
  for (const snippet of snippetsOf(blocks)) {
    if (!("block" in snippet) || !snippet.path.endsWith(".test.ts")) continue;
    const own = join(folder.path, `${guide.replaceAll(/\W/g, "-")}-${snippet.block.line}`);
    await mkdir(own);
    for (const [name, code] of snippet.files) {
      // Of those above, only what can be imported: other tests have a folder of their own.
      if (!name.endsWith(".test.ts") || snippet.path.endsWith(`/${name}`)) await writeFile(join(own, name), code);
    }
  }
}
// Without a test it fails, too.
const { status } = spawnSync("vitest", ["run", "--root", folder.path], { stdio: "inherit" });
process.exitCode = status ?? 1;
