/**
 * The packages as they are published: tarballs in `packed/`, for checks and for readers who try them before they are on npm.
 *
 * Made from a fresh build, so that no output of a deleted source is in them, and made again only when something has changed that they are made
 * from.
 *
 * @module
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { glob, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";

const FOLDER = "packed";

/** Those that depend on others come behind them. */
const PACKAGES = ["core", "framing", "client", "testing"];

/** What the tarballs are made from, and by. */
const SOURCES = [
  `packages/{${PACKAGES.join()}}/src/**/*.ts`,
  `packages/{${PACKAGES.join()}}/{package.json,README.md,tsconfig*.json}`,
  "scripts/{bundle-core,packed,slim-package}.ts",
  "{.oxfmtrc.pack.json,LICENSE,package.json,pnpm-lock.yaml,pnpm-workspace.yaml,tsconfig.base.json}",
];

/** Says what the tarballs that are there were made from. */
const MADE_FROM = join(FOLDER, "made-from");

/** Where the tarball of each package is, by the name of the package without its scope. The working directory is the root of the repository. */
export async function packed(): Promise<ReadonlyMap<string, string>> {
  const sources = await digestOfSources();
  const tarballs = new Map(PACKAGES.map((name) => [name, resolve(FOLDER, `${name}.tgz`)]));
  if ((await readFile(MADE_FROM, "utf8").catch(() => "")) === sources) return tarballs;
  await rm(FOLDER, { recursive: true, force: true });
  await mkdir(FOLDER);
  for (const name of PACKAGES) await rm(join("packages", name, "dist"), { recursive: true, force: true });
  npm("run", "--silent", "build");
  for (const [name, tarball] of tarballs) {
    npm("run", "--silent", "pnpm", "--", "-C", join("packages", name), "pack", "--out", tarball);
  }
  await writeFile(MADE_FROM, sources);
  return tarballs;
}

async function digestOfSources(): Promise<string> {
  const files: string[] = [];
  for (const pattern of SOURCES) {
    const before = files.length;
    for await (const file of glob(pattern, { exclude: ["**/*.test.ts"] })) files.push(file);
    if (files.length === before) throw new Error(`Cannot pack: ${pattern} names no file`);
  }
  const digest = createHash("sha256");
  for (const file of files.toSorted()) digest.update(`${file}\n`).update(await readFile(file));
  return digest.digest("hex");
}

function npm(...args: readonly string[]): void {
  execFileSync("npm", args, { stdio: ["ignore", "ignore", "inherit"] });
}

if (import.meta.main) {
  for (const tarball of (await packed()).values()) process.stdout.write(`${tarball}\n`);
}
