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
});
