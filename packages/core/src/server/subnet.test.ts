import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { FAMILIES, addressPair, type Family } from "../../test/support/generated-addresses.ts";
import { subnetOf, type SubnetPrefixes } from "./subnet.ts";

const PREFIXES: SubnetPrefixes = { ipv4SubnetPrefix: 24, ipv6SubnetPrefix: 64 };

function keyOf(host: string, prefixes: Partial<SubnetPrefixes> = {}): string {
  return subnetOf({ host, port: 1 }, { ...PREFIXES, ...prefixes });
}

function keyIn(family: Family, host: string, prefix: number): string {
  return keyOf(host, family === "ipv4" ? { ipv4SubnetPrefix: prefix } : { ipv6SubnetPrefix: prefix });
}

describe("subnetOf()", () => {
  test.each(["ipv4", "ipv6"] as const)(
    "is the same for two %s addresses exactly if their first bits agree, for every prefix",
    (family) => {
      fc.assert(
        fc.property(addressPair(family), ({ one, other, common }) => {
          for (let prefix = 0; prefix <= FAMILIES[family]; prefix++) {
            const same = keyIn(family, one, prefix) === keyIn(family, other, prefix);
            if (same !== prefix <= common) throw new Error(`${one} and ${other} with ${prefix} bits: ${same}`);
          }
        }),
        { numRuns: 500 },
      );
    },
  );

  test.each(["ipv4", "ipv6"] as const)(
    "of an %s address does not depend on the prefix of the other family",
    (family) => {
      const other = family === "ipv4" ? "ipv6SubnetPrefix" : "ipv4SubnetPrefix";
      fc.assert(
        fc.property(addressPair(family), fc.integer({ min: 0, max: 32 }), ({ one }, prefix) => {
          expect(keyOf(one, { [other]: prefix })).toBe(keyOf(one));
        }),
      );
    },
  );

  test("is never the same for an IPv4 and an IPv6 address, even if no bit counts", () => {
    const none = { ipv4SubnetPrefix: 0, ipv6SubnetPrefix: 0 };
    expect(keyOf("0.0.0.0", none)).not.toBe(keyOf("::", none));
    expect(keyOf("0.0.0.0")).not.toBe(keyOf("::"));
  });

  test("does not tell the interfaces of a link-local address apart, whatever their names", () => {
    const all = { ipv6SubnetPrefix: 128 };
    expect(keyOf("fe80::1%eth0", all)).toBe(keyOf("fe80::1", all));
    expect(keyOf("fe80::1%eth0.100", all)).toBe(keyOf("fe80::1%12", all));
    expect(keyOf("fe80::1%eth0", all)).not.toBe(keyOf("fe80::2%eth0", all));
  });

  test("reads an IPv4 address at the end of an IPv6 address", () => {
    const all = { ipv6SubnetPrefix: 128 };
    expect(keyOf("::ffff:192.0.2.1", all)).toBe(keyOf("::ffff:c000:201", all));
    expect(keyOf("64:ff9b::192.0.2.1", all)).not.toBe(keyOf("64:ff9b::192.0.2.2", all));
  });

  test("of a Unix socket is its path", () => {
    expect(subnetOf({ path: "" }, PREFIXES)).toBe(subnetOf({ path: "" }, { ipv4SubnetPrefix: 0, ipv6SubnetPrefix: 0 }));
    expect(subnetOf({ path: "/run/a" }, PREFIXES)).not.toBe(subnetOf({ path: "/run/b" }, PREFIXES));
  });
});
