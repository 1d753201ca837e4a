import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";

import { PICTURES } from "./pictures.ts";

describe.each(Object.entries(PICTURES))("%s", (name, draw) => {
  test("is what is drawn: if not, run node docs/diagrams/draw-diagrams.ts", async () => {
    expect(await readFile(join(import.meta.dirname, name), "utf8")).toBe(draw());
  });

  test("can be read on a telephone, in the dark, and by whoever does not see it", () => {
    const picture = draw();
    expect(Number(/ width="(\d+)"/.exec(picture)?.[1])).toBeLessThanOrEqual(343);
    for (const [, size] of picture.matchAll(/(\d+)px/g)) expect(Number(size)).toBeGreaterThanOrEqual(12);
    expect(picture).toContain("@media (prefers-color-scheme: dark)");
    expect(picture).toMatch(
      /role="img" aria-labelledby="title description">\n<title id="title">.+<\/title>\n<desc id="description">.+<\/desc>/,
    );
  });
});
