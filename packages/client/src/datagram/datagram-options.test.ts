import { describe, expect, test } from "vitest";

import { documentedDefaults } from "../../test/support/documented-defaults.ts";
import { DATAGRAM_CLIENT_OPTION_RULES, resolveDatagramClientOptions } from "./datagram-options.ts";

const SOURCE = new URL("datagram-options.ts", import.meta.url);

/** How the documentation writes a default that is no plain value. */
const WORDS: Readonly<Record<string, string>> = {
  correlateBy: "none: each request has a socket, and thereby a port, of its own",
  retry: "`{ maxAttempts: 4, minDelayMs: 1000, maxDelayMs: 60000, factor: 2, jitter: 0.1 }`",
  sourceAddress: "the system's choice",
};

const defaults = resolveDatagramClientOptions(undefined);

describe("DatagramClientOptions", () => {
  const documented = documentedDefaults(SOURCE, "DatagramClientOptions");

  test("documents every option, and no other", () => {
    expect([...documented.keys()].toSorted()).toEqual(Object.keys(DATAGRAM_CLIENT_OPTION_RULES).toSorted());
  });

  test.each(Object.entries(defaults))("documents the real default of %s, %o", (name, value) => {
    expect(documented.get(name)).toBe(WORDS[name] ?? String(value));
  });

  test("documents the real default of maxAttempts, and of all of retry", () => {
    expect(Number(documentedDefaults(SOURCE, "RetryOptions").get("maxAttempts"))).toBe(defaults.retry.maxAttempts);
    const written = JSON.parse((WORDS["retry"] ?? "").replaceAll("`", "").replaceAll(/(\w+):/g, '"$1":')) as unknown;
    expect(written).toEqual(defaults.retry);
  });
});

describe("resolveDatagramClientOptions()", () => {
  test("fills in what is missing, also of retry, and freezes the result", () => {
    const resolved = resolveDatagramClientOptions({ retry: { factor: 3 }, requestQueueSize: 0 });
    expect(resolved).toEqual({ ...defaults, retry: { ...defaults.retry, factor: 3 }, requestQueueSize: 0 });
    expect([Object.isFrozen(resolved), Object.isFrozen(resolved.retry)]).toEqual([true, true]);
  });

  test("takes a source port only together with ids", () => {
    const sourceAddress = { host: "127.0.0.1", port: 5008 };
    expect(resolveDatagramClientOptions({ sourceAddress, correlateBy: "id" })).toMatchObject({ sourceAddress });
    expect(() => resolveDatagramClientOptions({ sourceAddress })).toThrow(/sourceAddress\.port needs correlateBy/);
  });
});
