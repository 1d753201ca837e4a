import { describe, expect, test } from "vitest";

import { documentedDefaults } from "../../test/support/documented-defaults.ts";
import { CHANNEL_OPTION_RULES } from "./channel-options.ts";

const DOCUMENTED = [...documentedDefaults(new URL("channel-options.ts", import.meta.url), "ChannelOptions")];

describe("ChannelOptions", () => {
  test("are all documented with a default", () => {
    expect(DOCUMENTED.map(([name]) => name)).toEqual(Object.keys(CHANNEL_OPTION_RULES));
  });

  test.each(DOCUMENTED)("has the default for %s that it documents: %s", (name, documented) => {
    const { defaultValue } = CHANNEL_OPTION_RULES[name as keyof typeof CHANNEL_OPTION_RULES];
    expect(documented.startsWith("none") ? undefined : Number(documented)).toBe(defaultValue);
  });
});
