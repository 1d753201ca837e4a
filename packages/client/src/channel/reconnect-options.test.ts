import { resolveOptions } from "@socketserver/core";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";

import { documentedDefaults } from "../../test/support/documented-defaults.ts";
import { CONNECT_OPTION_RULES } from "../transport/connect-options.ts";
import { CHANNEL_OPTION_RULES } from "./channel-options.ts";
import { RECONNECT_OPTION_RULES } from "./reconnect-options.ts";

const defaults = resolveOptions(RECONNECT_OPTION_RULES, {});

describe("ReconnectOptions", () => {
  const documented = documentedDefaults(new URL("reconnect-options.ts", import.meta.url), "ReconnectOptions");

  test("are all documented with a default", () => {
    expect([...documented.keys()].toSorted()).toEqual(Object.keys(RECONNECT_OPTION_RULES).toSorted());
  });

  test.each(Object.entries(defaults))("has the default for %s that it documents: %o", (name, value) => {
    const written = (documented.get(name) ?? "").replaceAll("`", "").replaceAll(/(\w+):/g, '"$1":');
    expect(written === "Infinity" ? Infinity : JSON.parse(written)).toEqual(value);
  });
});

describe("The guide to clients", () => {
  const guide = readFileSync(new URL("../../../../docs/guides/clients.md", import.meta.url), "utf8");
  const rules = { ...CONNECT_OPTION_RULES, ...CHANNEL_OPTION_RULES, ...RECONNECT_OPTION_RULES };
  const figures = [...guide.matchAll(/`(?<name>\w+)` = (?<figure>\d[\d ]*\d|\d)/g)].map(({ groups = {} }) => {
    return [groups["name"] as keyof typeof rules, Number(groups["figure"]?.replaceAll(" ", ""))] as const;
  });

  test("tells figures", () => {
    expect(figures.length).toBeGreaterThanOrEqual(9);
  });

  test.each(figures)("tells the real default of %s, %d", (name, figure) => {
    expect(rules[name]).toMatchObject({ defaultValue: figure });
  });
});
