import { describe, expect, test } from "vitest";

import { plot } from "../src/report/plot.ts";
import { EXAMPLE_ANSWER } from "./support/example-report.ts";

const rendered = plot(EXAMPLE_ANSWER) ?? "";

const numbers = (expression: RegExp): number[] => [...rendered.matchAll(expression)].map(([, found]) => Number(found));

describe("plot()", () => {
  test("draws each contestant as a multiple of ours", () => {
    const [ours = 0, half = 0, double = 0] = numbers(/<rect class="\w+" x="0" y="\d+" width="([\d.]+)"/g);
    expect(half / ours).toBeCloseTo(0.5, 2);
    expect(double / ours).toBeCloseTo(2, 2);
    expect(numbers(/class="number"[^>]*>([\d.]+)</g)).toEqual([1, 0.5, 2]);
  });

  test("draws the least and the greatest round, which change places in the reciprocal", () => {
    const [ours = 0] = numbers(/<rect class="ours" x="0" y="\d+" width="([\d.]+)"/g);
    const [least = 0] = numbers(/class="whisker" d="M([\d.]+)/g);
    const [greatest = 0] = numbers(/class="whisker" d="M[^H]*H([\d.]+)/g);
    expect(least / ours).toBeCloseTo(1 / 2.5, 2);
    expect(greatest / ours).toBeCloseTo(1 / 1.8, 2);
  });

  test("is no wider than a telephone", () => {
    const [width = Infinity] = numbers(/viewBox="0 0 (\d+)/g);
    expect(width).toBeLessThanOrEqual(375);
    expect(numbers(/<text x="([\d.]+)"/g).every((left) => left === 0)).toBe(true);
    for (const end of numbers(/H([\d.]+)/g)) expect(end).toBeLessThanOrEqual(width);
  });

  test("is readable in the dark, and by those who do not see it", () => {
    expect(rendered).toContain("@media (prefers-color-scheme: dark)");
    expect(rendered).toContain('role="img" aria-labelledby="title description"');
    expect(rendered).toContain('<title id="title">Nothing there &amp; back</title>');
    expect(rendered).toMatch(/<desc id="description">.*ours 1\.00, a &lt; b &amp; c \| d 0\.50, slow 2\.00\.<\/desc>/);
  });

  test("is well-formed: what opens closes, and no name of a contestant is markup", () => {
    const tags = [...rendered.matchAll(/<(\/?)(\w+)[^<>]*?(\/?)>/g)];
    const open: string[] = [];
    for (const [, closing, name = "", single] of tags) {
      if (closing) expect(open.pop()).toBe(name);
      else if (!single) open.push(name);
    }
    expect(open).toEqual([]);
    expect(rendered.replaceAll(/<[^<>]+>/g, "")).not.toMatch(/[<>]|&(?!amp;|lt;|gt;|quot;)/);
  });

  test("is nothing where ours was compared with nobody", () => {
    expect(plot({ ...EXAMPLE_ANSWER, comparison: { ...EXAMPLE_ANSWER.comparison, ratios: [] } })).toBeUndefined();
  });
});
