import { readFileSync } from "node:fs";

import { describe, expect, test } from "vitest";

import { resolveOptions } from "./option-rules.ts";
import { SERVER_OPTION_RULES } from "./options.ts";

const source = readFileSync(new URL("./options.ts", import.meta.url), "utf8");
const fields = /export interface ServerOptions \{(.*?)\n\}/s.exec(source)?.[1] ?? "";

/** What the documentation says of each option. */
const documented = new Map(
  [...fields.matchAll(/\/\*\*(?<doc>(?:(?!\*\/).)*)\*\/\s+readonly (?<name>\w+)\?: number;/gs)].map(({ groups }) => [
    groups?.["name"],
    groups?.["doc"] ?? "",
  ]),
);

describe("ServerOptions", () => {
  test("documents every option, and no other", () => {
    expect([...documented.keys()]).toEqual(Object.keys(SERVER_OPTION_RULES));
  });

  test.each(Object.entries(SERVER_OPTION_RULES))("documents the real default of %s", (name, rule) => {
    const defaultValue = /@defaultValue (\S+)/.exec(documented.get(name) ?? "")?.[1];
    expect(defaultValue).toBe(String(rule.defaultValue));
  });

  test.each(Object.entries(SERVER_OPTION_RULES))("allows its own default of %s", (name, rule) => {
    expect(() => rule.check(name, rule.defaultValue)).not.toThrow();
  });

  test.each(Object.keys(SERVER_OPTION_RULES).filter((name) => name.endsWith("Ms")))(
    "allows Infinity for %s",
    (name) => {
      expect(resolveOptions(SERVER_OPTION_RULES, { [name]: Infinity })[name]).toBe(Infinity);
    },
  );

  test.each(Object.keys(SERVER_OPTION_RULES).filter((name) => !name.endsWith("Ms")))(
    "documents whether %s may be Infinity, and is right",
    (name) => {
      const rule = SERVER_OPTION_RULES[name as keyof typeof SERVER_OPTION_RULES];
      const check = (): void => rule.check(name, Infinity);
      if (documented.get(name)?.includes("or `Infinity`") === true) expect(check).not.toThrow();
      else expect(check).toThrow(RangeError);
    },
  );
});

describe("ConnectionOptions", () => {
  const connection = readFileSync(new URL("./transport/connection.ts", import.meta.url), "utf8");
  const shared = ["highWaterMark", "idleTimeoutMs", "writeStallMs", "lingerMs"] as const;

  test.each(shared)("documents the default of %s that servers have", (name) => {
    const documentedDefault = new RegExp(`@defaultValue (\\S+) \\*/\\s+readonly ${name}\\?:`).exec(connection)?.[1];
    expect(documentedDefault).toBe(String(SERVER_OPTION_RULES[name].defaultValue));
  });
});
