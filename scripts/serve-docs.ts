/**
 * Shows the site: builds it if it is not there, serves it on 127.0.0.1, and prints the address. Ctrl-C ends it.
 *
 * The port is `PORT`, 4173 unless set, or the next one that is free.
 *
 * @module
 */
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, statSync } from "node:fs";

import { serveFiles } from "./site/static-server.ts";

const SITE = "docs/site";
const FRONT = `${SITE}/index.html`;

if (!existsSync(FRONT)) {
  const { status } = spawnSync("npm", ["run", "--silent", "docs"], { stdio: "inherit" });
  if (status !== 0) process.exit(1);
}

await using server = await serveFiles(SITE, Number(process.env["PORT"] ?? 4173));
process.stdout.write(
  `${server.url}\nbuilt ${statSync(FRONT).mtime.toISOString()}; npm run docs builds it again, Ctrl-C ends this\n`,
);
await Promise.race([once(process, "SIGINT"), once(process, "SIGTERM")]);
