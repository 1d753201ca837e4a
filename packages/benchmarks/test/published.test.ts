import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";

import { files } from "../src/report/files.ts";
import type { Report } from "../src/report/report.ts";

const DOCS = join(import.meta.dirname, "../../../docs");

const read = (path: string): Promise<string> => readFile(join(DOCS, path), "utf8");

describe("What is published", async () => {
  const report = JSON.parse(await read("performance.json")) as Report;
  const rendered = files(report);

  test.each([...rendered.keys()])("%s is what performance.json renders to", async (path) => {
    expect(await read(path)).toBe(rendered.get(path));
  });

  test("has no plots of questions that are not asked any more", async () => {
    const plots = [...rendered.keys()].filter((path) => path.startsWith("performance/"));
    const there = await readdir(join(DOCS, "performance"));
    expect(there.map((name) => `performance/${name}`).toSorted()).toEqual(plots.toSorted());
  });
});
