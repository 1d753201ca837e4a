import type { ErrorCodeFacts } from "./error-codes.ts";
import type { Throws } from "./throws.ts";

/** What is wrong between codes, the comments that name them, and the tests, each with its place; empty if nothing is. */
export function checkErrors(
  codes: readonly ErrorCodeFacts[],
  throws: readonly Throws[],
  tests: readonly string[],
): string[] {
  const known = new Set(codes.map(({ value }) => value));
  return [
    ...throws.flatMap(({ codes: named, path, line }) =>
      [...named.keys()]
        .filter((code) => !known.has(code))
        .map((code) => `${path}:${line} @throws ${code}: there is no such code`),
    ),
    ...codes.flatMap((code) => {
      const at = `${code.path}:${code.line} ${code.value}`;
      return [
        ...(code.doc === "" ? [`${at} has no doc`] : []),
        ...(code.used ? [] : [`${at} is never thrown`]),
        ...(code.used && code.classes.length === 0
          ? [`${at} is carried by no class that can be found: say it in a @throws`]
          : []),
        ...(isTested(code, tests) ? [] : [`${at} has no test that provokes it`]),
      ];
    }),
  ];
}

function isTested({ value, table, key }: ErrorCodeFacts, tests: readonly string[]): boolean {
  const named = new RegExp(String.raw`["'\`]${value}\b|(?<!\w)${table}\.${key}\b`);
  return tests.some((text) => named.test(text));
}
