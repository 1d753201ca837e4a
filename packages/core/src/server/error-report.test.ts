import { inspect } from "node:util";

import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { printErrorReport } from "./error-report.ts";

let printed: string;

beforeEach(() => {
  printed = "";
  vi.spyOn(process.stderr, "write").mockImplementation((chunk) => {
    printed += String(chunk);
    return true;
  });
});

afterEach(() => {
  vi.restoreAllMocks();
});

describe("printErrorReport()", () => {
  const RULE = "-".repeat(40);

  test("names the client whose request failed, between two rules", () => {
    printErrorReport(new RangeError("no more"), { host: "127.0.0.1", port: 4711 });
    const [first, where, error, ...rest] = printed.trimEnd().split("\n");
    expect([first, rest.at(-1)]).toEqual([RULE, RULE]);
    expect(where).toBe("Error while processing request from 127.0.0.1:4711");
    expect(error).toBe("RangeError: no more");
  });

  test("says that it is an error of the server without a client", () => {
    printErrorReport(new RangeError("no more"), undefined);
    const [first, where, error] = printed.split("\n");
    expect([first, where, error]).toEqual([RULE, "Error in server", "RangeError: no more"]);
  });

  const refuse = (): never => {
    throw new Error("refuses");
  };

  test("shows an error without its own way to be shown if that throws", () => {
    printErrorReport(Object.assign(new RangeError("no more"), { [inspect.custom]: refuse }), undefined);
    expect(printed).toContain("RangeError: no more\n    at ");
  });

  test("says at least of what type it is if that throws, too", () => {
    const unnamed = Object.defineProperty(() => {}, "name", { get: refuse });
    printErrorReport(unnamed, undefined);
    expect(printed).toContain("\na value of type function\n");
  });
});
