import { describe, expect, test } from "vitest";

import { checkThreats, threatsIn } from "./check-threats.ts";

const HEAD = "| # | who | what they do | defence | proved by |\n| --- | --- | --- | --- | --- |\n";

function row(number: number, defence: string, tests: string): string {
  return `| ${number} | a client | attacks | ${defence} | ${tests} |\n`;
}

describe("checkThreats()", () => {
  test("accepts a table whose titles and defaults are real", () => {
    const table = `${HEAD}${row(1, "`idleTimeoutMs` = 300 000", "`a silent client`")}${row(2, "the loop", "`one`, `two`")}`;
    expect(checkThreats(table, ["a silent client", "two", "one"])).toEqual([]);
  });

  test("reports a title that no test has, and a test that no row has", () => {
    expect(checkThreats(HEAD + row(1, "none", "`gone`"), ["new"])).toEqual([
      'row 1: no test attacks with "gone"',
      '"new" stands in no row',
    ]);
  });

  test("reports a title that stands twice, in the table or in the tests", () => {
    const table = HEAD + row(1, "none", "`same`") + row(2, "none", "`same`");
    expect(checkThreats(table, ["same", "same"])).toEqual([
      'row 2: "same" stands in another row, too',
      'two tests attack with "same"',
    ]);
  });

  test("reports a default that is another, and an option that does not exist", () => {
    const defence = "`idleTimeoutMs` = 5 000 and `patience` = 1 and `maxAgeMs` = Infinity";
    expect(checkThreats(HEAD + row(1, defence, "`same`"), ["same"])).toEqual([
      "row 1: the default of idleTimeoutMs is 300000, not 5 000",
      "row 1: there is no option patience",
    ]);
  });

  test("reports rows without a test or in a wrong order, and a table without rows", () => {
    expect(checkThreats(HEAD + row(2, "none", "none"), [])).toEqual(["row 2 is number 1", "row 2 names no test"]);
    expect(checkThreats(HEAD, [])).toEqual(["the table has no row"]);
  });
});

describe("threatsIn()", () => {
  test("finds the titles of attacks, however they are written", () => {
    const source =
      'threat("one", {});\nthreat<Client>(\n  "two, and more",\n  {});\nthreat(`three`, {});\ntest("four", () => {});';
    expect(threatsIn(source)).toEqual(["one", "two, and more", "three"]);
  });
});
