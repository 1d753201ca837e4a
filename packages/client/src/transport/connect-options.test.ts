import { BaseRequestHandler, TCPServer } from "@socketserver/core";
import { inspect } from "node:util";
import { describe, expect, test } from "vitest";

import { expectComplaint } from "../../../core/test/support/complaint.ts";
import { documentedDefaults } from "../../test/support/documented-defaults.ts";
import { CONNECT_OPTION_RULES, resolveConnectOptions, type ConnectOptions } from "./connect-options.ts";

const code = "ERR_SOCKETSERVER_INVALID_OPTION";
const LONGEST_MS = 2_147_483_647;

/** Each option that is a number: its default, and what it may be beside `Infinity`. */
const NUMBERS: readonly (readonly [name: keyof ConnectOptions, defaultValue: number, min: number, max: number])[] = [
  ["connectTimeoutMs", 10_000, 0, LONGEST_MS],
  ["attemptDelayMs", 250, 0, LONGEST_MS],
  ["highWaterMark", 65_536, 0, Number.MAX_SAFE_INTEGER],
  ["idleTimeoutMs", 300_000, 0, LONGEST_MS],
  ["writeStallMs", 30_000, 0, LONGEST_MS],
  ["lingerMs", 2_000, 0, LONGEST_MS],
  ["firstByteTimeoutMs", Infinity, 0, LONGEST_MS],
  ["minReadRate", 0, 0, Number.MAX_SAFE_INTEGER],
  ["minWriteRate", 0, 0, Number.MAX_SAFE_INTEGER],
  ["rateGraceMs", 5_000, 0, LONGEST_MS],
];

/** What callers without a type checker may write. */
const resolving = (options: unknown) => (): unknown => resolveConnectOptions(options as ConnectOptions);

const SOURCE = new URL("./connect-options.ts", import.meta.url);
const CORE_SOURCE = new URL("../../../core/src/transport/connection-options.ts", import.meta.url);

describe("ConnectOptions", () => {
  const documented = new Map([
    ...documentedDefaults(CORE_SOURCE, "ConnectionOptions"),
    ...documentedDefaults(SOURCE, "ConnectOptions"),
  ]);
  const rules = Object.entries(CONNECT_OPTION_RULES);

  test.each(rules)("documents the real default of %s", (name, { defaultValue }) => {
    expect(documented.get(name)).toBe(defaultValue === undefined ? "the system's choice" : inspect(defaultValue));
  });

  test("documents no option that there is not", () => {
    const own = documentedDefaults(SOURCE, "ConnectOptions");
    expect([...own.keys()].filter((name) => !(name in CONNECT_OPTION_RULES))).toEqual([]);
  });

  test("has the defaults of servers where both have an option", () => {
    const { options } = new TCPServer({ port: 0 }, BaseRequestHandler);
    const ours: Readonly<Record<string, unknown>> = { ...resolveConnectOptions(undefined) };
    const shared = Object.keys(ours).filter((name) => name in options);
    expect(shared).toHaveLength(8);
    for (const name of shared) expect([name, ours[name]]).toEqual([name, options[name as keyof typeof options]]);
  });
});

describe("resolveConnectOptions()", () => {
  test("fills in every default, and nobody can change the answer", () => {
    const defaults = Object.fromEntries(NUMBERS.map(([name, defaultValue]) => [name, defaultValue]));
    const all = { ...defaults, keepAliveMs: Infinity, noDelay: true, sourceAddress: undefined };
    const names = Object.keys(CONNECT_OPTION_RULES) as (keyof ConnectOptions)[];
    const unset = Object.fromEntries(names.map((name) => [name, undefined]));
    for (const given of [undefined, {}, unset]) {
      expect(resolving(given)()).toEqual(all);
      expect(resolving(given)()).toSatisfy(Object.isFrozen);
    }
  });

  test("leaves what it was given as it was", () => {
    const given = Object.freeze({ connectTimeoutMs: 1 });
    expect(resolveConnectOptions(given)).toMatchObject({ connectTimeoutMs: 1, attemptDelayMs: 250 });
    expect(given).toEqual({ connectTimeoutMs: 1 });
  });

  describe.each([...NUMBERS, ["keepAliveMs", Infinity, 1_000, 32_767_999] as const])(
    "%s",
    (name, _default, min, max) => {
      test(`may be ${min}, ${max}, and Infinity`, () => {
        for (const value of [min, max, Infinity]) expect(resolveConnectOptions({ [name]: value })[name]).toBe(value);
      });

      test.each([min - 1, max + 1, min + 0.5, -Infinity, Number.NaN])("may not be %d", (value) => {
        const says = [`Cannot create connection: ${name} must be an integer `, "or Infinity", `received ${value}`];
        expectComplaint(resolving({ [name]: value }), { type: RangeError, code, says });
      });

      test.for(["5", "", null, true, {}, [5], 5n])("is a number, and not %o", (value) => {
        const says = [`Cannot create connection: ${name} must be an integer `, "received "];
        expectComplaint(resolving({ [name]: value }), { type: TypeError, code, says });
      });
    },
  );

  test.each([0, 1, "false", null, {}])("refuses %j as noDelay, and shows it", (value) => {
    const says = ["noDelay must be true or false", `received ${JSON.stringify(value)}`];
    expectComplaint(resolving({ noDelay: value }), { type: TypeError, code, says });
  });

  test.each([{ noDelay: true }, { noDelay: false }])("takes %j", (given) => {
    expect(resolveConnectOptions(given)).toMatchObject(given);
  });

  test.each([
    { host: "127.0.0.1" },
    { host: "0.0.0.0", port: 0 },
    { host: "::1", port: 1 },
    { host: "fe80::1%eth0", port: 65_535 },
    { host: "::1", port: undefined },
  ])("takes the sourceAddress %j", (sourceAddress) => {
    expect(resolveConnectOptions({ sourceAddress } as ConnectOptions).sourceAddress).toEqual(sourceAddress);
  });

  test.each([
    null,
    "127.0.0.1",
    5051,
    [],
    {},
    { port: 1 },
    { host: "" },
    { host: "localhost" },
    { host: "127.0.0.1:80" },
    { host: "[::1]" },
    { host: ["127.0.0.1"] },
    { host: "127.0.0.1", port: -1 },
    { host: "127.0.0.1", port: 65_536 },
    { host: "127.0.0.1", port: 1.5 },
    { host: "127.0.0.1", port: "1" },
    { host: "127.0.0.1", port: null },
    { host: "127.0.0.1", family: 4 },
    { path: "/run/app.sock" },
  ])("refuses the sourceAddress %j, and shows it", (sourceAddress) => {
    const says = ["Cannot create connection: sourceAddress must be", `received ${JSON.stringify(sourceAddress)}`];
    expectComplaint(resolving({ sourceAddress }), { type: TypeError, code, says });
  });

  test.each(["port", "graceMs", "budget", "remoteAddress", "timeoutMs", ""])("knows no option %j", (name) => {
    const says = [`there is no option ${JSON.stringify(name)}`, "known are attemptDelayMs, connectTimeoutMs"];
    expectComplaint(resolving({ [name]: 1 }), { type: TypeError, code, says });
  });

  test("names an option that it has to whoever writes timeout, as Python does", () => {
    expectComplaint(resolving({ timeout: 5 }), { type: TypeError, code, says: ['"timeout"', "use connectTimeoutMs"] });
  });

  for (const options of [null, 5, "fast", true, []]) {
    const shown = JSON.stringify(options);
    test(`refuses ${shown}, which is no object`, () => {
      const says = ["options must be an object", `received ${shown}`];
      expectComplaint(resolving(options), { type: TypeError, code, says });
    });
  }
});
