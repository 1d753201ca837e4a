import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";

import { CHANNEL_OPTION_RULES } from "./channel-options.ts";

const SOURCE = readFileSync(new URL("channel-options.ts", import.meta.url), "utf8");

/** What the documentation of each option says that its default is. */
const DOCUMENTED = [...SOURCE.matchAll(/@defaultValue ([^\n]+)\n\s+\*\/\n\s+readonly (\w+)\?/g)].map(
  ([, value = "", name = ""]) => [name, value] as const,
);

describe("ChannelOptions", () => {
  test("are all documented with a default", () => {
    expect(DOCUMENTED.map(([name]) => name)).toEqual(Object.keys(CHANNEL_OPTION_RULES));
  });

  test.each(DOCUMENTED)("has the default for %s that it documents: %s", (name, documented) => {
    const { defaultValue } = CHANNEL_OPTION_RULES[name as keyof typeof CHANNEL_OPTION_RULES];
    expect(documented.startsWith("none") ? undefined : Number(documented)).toBe(defaultValue);
  });
});
