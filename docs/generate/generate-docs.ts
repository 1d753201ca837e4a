/**
 * Writes the pages that are made from the sources: `docs/generated/errors.md` and `docs/generated/events.md`.
 *
 * Their words are the doc comments of codes, reasons and events, their introductions the templates in `docs/templates`. Nothing is written if the
 * comments say something that the code does not: a `@throws` with a code that is none, a code without a meaning, a use or a test.
 *
 * @module
 */
import { glob, mkdir, readFile, writeFile } from "node:fs/promises";

import { checkErrors } from "./check-errors.ts";
import { readErrorCodes } from "./error-codes.ts";
import { errorsPage } from "./errors-page.ts";
import { readEvents } from "./events.ts";
import { eventsPage } from "./events-page.ts";
import { exportsOf, readSources } from "./source-file.ts";
import { readTable } from "./table.ts";

const TESTS = ["packages/*/src/**/*.test.ts", "packages/*/test/**/*.ts"];

async function readTests(): Promise<string[]> {
  const texts: string[] = [];
  for await (const name of glob(TESTS, { exclude: ["**/node_modules/**"] })) texts.push(await readFile(name, "utf8"));
  return texts;
}

async function template(name: string): Promise<string> {
  return readFile(`docs/templates/${name}.md`, "utf8");
}

const sources = await readSources();
const exported = exportsOf(sources);
const links = new Map([...exported].map(([key, link]) => [key.split(" ")[1] ?? "", link]));
const { codes, throws } = readErrorCodes(sources);
const wrong = checkErrors(codes, throws, await readTests());
for (const message of wrong) process.stderr.write(`${message}\n`);
if (wrong.length > 0) process.exit(1);

const closeReasons = readTable(sources, "CloseReason");
const dropReasons = readTable(sources, "DropReason");
const server = readEvents(sources, "ServerEvents");
const client = readEvents(sources, "ReconnectingChannelEvents");
await mkdir("docs/generated", { recursive: true });
await writeFile(
  "docs/generated/errors.md",
  errorsPage({ template: await template("errors"), codes, closeReasons, dropReasons, links }),
);
await writeFile("docs/generated/events.md", eventsPage({ template: await template("events"), server, client, links }));
