/**
 * The table of threats, held to the tests that attack.
 *
 * Every row names its tests by the title that stands in `threat("...")`, and every such title stands in one row. Where a row names an option and its
 * default, that is the default.
 *
 * @module
 */
import { glob, readFile } from "node:fs/promises";

import { POOL_OPTION_RULES } from "../packages/core/src/worker/pool-options.ts";
import { SERVER_OPTION_RULES } from "../packages/core/src/options.ts";
import { ADMISSION_OPTION_RULES } from "../packages/core/src/server/admission-options.ts";

const DOCUMENT = "docs/guides/threats.md";
const TESTS = "packages/*/test/**/*.test.ts";

/** Tests attack with this function alone: it proves a defence by switching it off, too. */
const THREAT = /\bthreat(?:<[^>]*>)?\(\s*(["`])((?:(?!\1).)+)\1/g;

/** In a row: an option, and its default behind it. */
const DEFAULT = /`(\w+)` = ([\d ]+|Infinity)/g;

const CODE = /`([^`]+)`/g;

/** A row of the table: number, who, attack, defence, tests. */
const ROW = /^\| *(\d+) *\|([^|]*)\|([^|]*)\|([^|]*)\|([^|]*)\|$/gm;

const DEFAULTS: Readonly<Record<string, { readonly defaultValue: unknown }>> = {
  ...SERVER_OPTION_RULES,
  ...ADMISSION_OPTION_RULES,
  ...POOL_OPTION_RULES,
};

/** What is wrong between a table and the titles of tests; empty if nothing is. */
export function checkThreats(table: string, titles: readonly string[]): string[] {
  const rows = [...table.matchAll(ROW)];
  const named = rows.flatMap(([, number, , , , tests = ""]) =>
    [...tests.matchAll(CODE)].map(([, title = ""]) => ({ number: Number(number), title })),
  );
  return [
    ...(rows.length === 0 ? ["the table has no row"] : []),
    ...rows.flatMap(([, number], index) =>
      Number(number) === index + 1 ? [] : [`row ${number} is number ${index + 1}`],
    ),
    ...rows.flatMap(([, number, , , , tests = ""]) => (tests.includes("`") ? [] : [`row ${number} names no test`])),
    ...named
      .filter(({ title }) => !titles.includes(title))
      .map(({ number, title }) => `row ${number}: no test attacks with "${title}"`),
    ...named
      .filter(({ title }, index) => named.findIndex((one) => one.title === title) !== index)
      .map(({ number, title }) => `row ${number}: "${title}" stands in another row, too`),
    ...titles
      .filter((title) => !named.some((one) => one.title === title))
      .map((title) => `"${title}" stands in no row`),
    ...titles
      .filter((title, index) => titles.indexOf(title) !== index)
      .map((title) => `two tests attack with "${title}"`),
    ...rows.flatMap(([, number, , , defence = ""]) => wrongDefaults(defence).map((wrong) => `row ${number}: ${wrong}`)),
  ];
}

/** The titles of the attacks in a file of tests. */
export function threatsIn(source: string): string[] {
  return [...source.matchAll(THREAT)].map(([, , title = ""]) => title);
}

function wrongDefaults(defence: string): string[] {
  return [...defence.matchAll(DEFAULT)].flatMap(([, name = "", value = ""]) => {
    const rule = DEFAULTS[name];
    if (rule === undefined) return [`there is no option ${name}`];
    const said = Number(value.replaceAll(" ", ""));
    return rule.defaultValue === said
      ? []
      : [`the default of ${name} is ${String(rule.defaultValue)}, not ${value.trim()}`];
  });
}

if (import.meta.main) {
  const titles: string[] = [];
  for await (const file of glob(TESTS, { exclude: ["**/node_modules/**"] }))
    titles.push(...threatsIn(await readFile(file, "utf8")));
  const errors = checkThreats(await readFile(DOCUMENT, "utf8"), titles);
  for (const error of errors) process.stderr.write(`${DOCUMENT}: ${error}\n`);
  process.exitCode = errors.length > 0 ? 1 : 0;
}
