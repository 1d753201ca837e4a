import { readFileSync } from "node:fs";

import { describe, expect, test } from "vitest";

import { resolveOptions, type OptionRule, type OptionRules } from "./option-rules.ts";
import { SERVER_OPTION_RULES } from "./options.ts";
import { ADMISSION_OPTION_RULES } from "./server/admission-options.ts";

/** What the documentation of an interface says of each option. */
function documentedIn(file: string, name: string): Map<string, string> {
  const source = readFileSync(new URL(file, import.meta.url), "utf8");
  const fields = new RegExp(`export interface ${name}[\\w ]* \\{(.*?)\\n\\}`, "s").exec(source)?.[1] ?? "";
  const options = fields.matchAll(/\/\*\*(?<doc>(?:(?!\*\/).)*)\*\/\s+readonly (?<name>\w+)\?: [^;]+;/gs);
  return new Map([...options].map(({ groups = {} }) => [groups["name"] as string, groups["doc"] as string]));
}

/** How the documentation writes a default that is no number. */
const WORDS: Readonly<Record<string, string>> = { allowAddresses: "everyone", denyAddresses: "nobody" };

describe.each([
  ["ServerOptions", "./options.ts", SERVER_OPTION_RULES],
  ["AdmissionOptions", "./server/admission-options.ts", ADMISSION_OPTION_RULES],
] as const)("%s", (name, file, rules: OptionRules) => {
  const documented = documentedIn(file, name);
  const all = Object.entries(rules as Readonly<Record<string, OptionRule>>);
  const times = all.filter(([option]) => option.endsWith("Ms"));
  const numbers = all.filter(([option]) => !option.endsWith("Ms") && WORDS[option] === undefined);

  test("documents every option, and no other", () => {
    expect([...documented.keys()].toSorted()).toEqual(Object.keys(rules).toSorted());
  });

  test.each(all)("documents the real default of %s", (option, rule) => {
    const defaultValue = /@defaultValue (\S+)/.exec(documented.get(option) ?? "")?.[1];
    expect(defaultValue).toBe(WORDS[option] ?? String(rule.defaultValue));
  });

  test.each(all)("allows its own default of %s", (option, rule) => {
    expect(resolveOptions(rules, { [option]: rule.defaultValue })[option]).toBe(rule.defaultValue);
  });

  test.each(times)("allows Infinity for %s", (option) => {
    expect(resolveOptions(rules, { [option]: Infinity })[option]).toBe(Infinity);
  });

  test.each(numbers)("documents whether %s may be Infinity, and is right", (option, rule) => {
    const check = (): void => rule.check(option, Infinity);
    const allowed = /or `Infinity`|The same for/.test(documented.get(option) ?? "");
    if (allowed) expect(check).not.toThrow();
    else expect(check).toThrow(RangeError);
  });
});

describe("ConnectionOptions", () => {
  const connection = readFileSync(new URL("./transport/connection-options.ts", import.meta.url), "utf8");
  const shared = [
    "highWaterMark",
    "idleTimeoutMs",
    "writeStallMs",
    "lingerMs",
    "firstByteTimeoutMs",
    "minReadRate",
    "minWriteRate",
    "rateGraceMs",
  ] as const;

  test.each(shared)("documents the default of %s that servers have", (name) => {
    const documentedDefault = new RegExp(`@defaultValue (\\S+) \\*/\\s+readonly ${name}\\?:`).exec(connection)?.[1];
    expect(documentedDefault).toBe(String(SERVER_OPTION_RULES[name].defaultValue));
  });
});
