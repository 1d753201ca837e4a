import { describe, expect, test } from "vitest";

import { SERVER_OPTION_RULES } from "../options.ts";
import { boundsOf, type ConnectionOptions } from "./connection-options.ts";

/** None is a default. */
const BOUNDS: ConnectionOptions = {
  highWaterMark: 1,
  idleTimeoutMs: 2,
  writeStallMs: 3,
  lingerMs: 4,
  firstByteTimeoutMs: 5,
  minReadRate: 6,
  minWriteRate: 7,
  rateGraceMs: 8,
};

describe("boundsOf()", () => {
  test("takes every bound of a connection out of a server's options, and nothing else", () => {
    const options = { ...BOUNDS, backlog: 9, graceMs: 10, held: true, remoteAddress: { path: "" } };
    expect(boundsOf(options)).toEqual(BOUNDS);
  });

  test("takes all that server and connection have in common", () => {
    const defaults = Object.fromEntries(
      Object.entries(SERVER_OPTION_RULES).map(([name, rule]) => [name, rule.defaultValue]),
    );
    expect(Object.keys(BOUNDS).filter((name) => !(name in defaults))).toEqual([]);
    expect(boundsOf(defaults)).toEqual(Object.fromEntries(Object.keys(BOUNDS).map((name) => [name, defaults[name]])));
  });

  test("leaves the options as they were, and is not changed with them", () => {
    const options = { ...BOUNDS };
    const bounds = boundsOf(options);
    options.lingerMs = 99;
    expect(bounds.lingerMs).toBe(4);
    expect(bounds).not.toBe(options);
  });

  test("leaves to the connection what was not said", () => {
    expect(Object.values(boundsOf({})).every((bound) => bound === undefined)).toBe(true);
  });
});
