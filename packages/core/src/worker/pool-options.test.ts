import { readFileSync } from "node:fs";
import { inspect } from "node:util";

import { describe, expect, test } from "vitest";

import { POOL_OPTION_RULES } from "./pool-options.ts";

const source = readFileSync(new URL("./pool-options.ts", import.meta.url), "utf8");
const fields = /export interface WorkerPoolOptions \{(.*?)\n\}/s.exec(source)?.[1] ?? "";

/** What the documentation says of the default of each option. */
const documented = new Map(
  [...fields.matchAll(/@defaultValue (?<text>[^\n]+)\n\s+\*\/\s+readonly (?<name>\w+)\?:/g)].map(({ groups }) => [
    groups?.["name"],
    groups?.["text"],
  ]),
);

describe("WorkerPoolOptions", () => {
  test("documents the default of every option, and of no other", () => {
    expect([...documented.keys()]).toEqual(Object.keys(POOL_OPTION_RULES));
  });

  test.each(Object.entries(POOL_OPTION_RULES))("documents the real default of %s", (name, { defaultValue }) => {
    const text = documented.get(name) ?? "";
    // Where the server or the runtime decides, there is no single value.
    if (defaultValue === undefined) expect(["requestsPerWorker", "maxHeapSize"]).toContain(name);
    else expect(text).toBe(inspect(defaultValue));
  });
});
