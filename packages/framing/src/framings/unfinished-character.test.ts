import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { unfinishedCharacter } from "./unfinished-character.ts";

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

describe("unfinishedCharacter()", () => {
  test.each([
    ["", 0],
    ["61", 0],
    ["c3", 1],
    ["c3a9", 0],
    ["e2", 1],
    ["e282", 2],
    ["e282ac", 0],
    ["f0", 1],
    ["f09f", 2],
    ["f09f98", 3],
    ["f09f9880", 0],
    ["61c3", 1],
    // No beginning of anything.
    ["80", 0],
    ["80808080", 0],
    ["c3a9a9", 0],
  ])("of %s says %i", (hex, count) => {
    const bytes = Buffer.from(hex, "hex");
    expect(unfinishedCharacter(bytes, 0, bytes.length)).toBe(count);
  });

  test("looks at nothing before the start or behind the end", () => {
    const bytes = Buffer.from("f09f9880c3a9", "hex");
    expect(unfinishedCharacter(bytes, 0, 3)).toBe(3);
    expect(unfinishedCharacter(bytes, 1, 3)).toBe(0);
    expect(unfinishedCharacter(bytes, 0, 5)).toBe(1);
    expect(unfinishedCharacter(bytes, 5, 5)).toBe(0);
  });

  test("leaves whole characters of every text, wherever it is cut", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", minLength: 1 }), fc.nat(), (text, place) => {
        const bytes = Buffer.from(text);
        const end = place % (bytes.length + 1);
        const whole = end - unfinishedCharacter(bytes, 0, end);
        const decoded = UTF8.decode(bytes.subarray(0, whole));
        expect(text.startsWith(decoded)).toBe(true);
        expect(end - whole).toBeLessThan(4);
        // No character ends in what is held back.
        const next = text.codePointAt(decoded.length);
        if (next !== undefined) expect(end - whole).toBeLessThan(Buffer.byteLength(String.fromCodePoint(next)));
      }),
      { numRuns: 300 },
    );
  });
});
