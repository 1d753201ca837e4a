import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { expectComplaint } from "../../test/support/complaint.ts";
import { FAMILIES, addressPair } from "../../test/support/generated-addresses.ts";
import { AddressList, addressList } from "./address-list.ts";

function has(entries: readonly string[], host: string): boolean {
  return new AddressList(entries).has({ host, port: 1 });
}

describe("the rule of address lists", () => {
  test.each([
    "192.0.2.1",
    "0.0.0.0",
    "10.0.0.0/8",
    "10.1.2.3/8",
    "0.0.0.0/0",
    "192.0.2.1/32",
    "::",
    "::1",
    "::/0",
    "2001:db8::/32",
    "2001:DB8::1/128",
    "::ffff:192.0.2.1",
    "fe80::1%eth0",
  ])("takes %s, and a list can be made of it", (entry) => {
    addressList.check("denyAddresses", [entry]);
    expect(new AddressList([entry])).toBeInstanceOf(AddressList);
  });

  test.each([
    "",
    " ",
    "example.com",
    "localhost",
    "300.1.1.1",
    "1.2.3",
    "1.2.3.4.5",
    "01.2.3.4",
    " 1.2.3.4",
    "1.2.3.4 ",
    "1.2.3.4:80",
    "1.2.3.4/",
    "1.2.3.4/ 8",
    "1.2.3.4/+8",
    "1.2.3.4/-1",
    "1.2.3.4/8.0",
    "1.2.3.4/1e1",
    "1.2.3.4/0x8",
    "1.2.3.4/8/8",
    "1.2.3.4/255.0.0.0",
    "10.0.0.0/33",
    "10.0.0.0/99999999999999999999",
    "/8",
    "*",
    "[::1]",
    "::1/",
    "::1/129",
    "::g",
    "1::2::3",
    7,
    null,
    undefined,
    ["10.0.0.0/8"],
    { host: "192.0.2.1" },
  ])("refuses the entry %j, and shows it", (entry) => {
    expectComplaint(() => addressList.check("denyAddresses", ["192.0.2.1", entry]), {
      type: RangeError,
      code: "ERR_SOCKETSERVER_INVALID_OPTION",
      says: ["denyAddresses", "10.0.0.0/8"],
    });
  });

  test.each(["192.0.2.1", null, 7, {}, new Set(["192.0.2.1"])])("refuses %j, which is no list", (value) => {
    expectComplaint(() => addressList.check("allowAddresses", value), {
      type: TypeError,
      code: "ERR_SOCKETSERVER_INVALID_OPTION",
      says: ["allowAddresses must be a list of addresses"],
    });
  });

  test("is an empty list unless given, which nobody can change", () => {
    expect(addressList.defaultValue).toEqual([]);
    expect(addressList.defaultValue).toSatisfy(Object.isFrozen);
  });
});

describe("AddressList", () => {
  test.each(["ipv4", "ipv6"] as const)(
    "has an %s address exactly if its first bits are those of an entry",
    (family) => {
      fc.assert(
        fc.property(addressPair(family), ({ one, other, common }) => {
          for (let prefix = 0; prefix <= FAMILIES[family]; prefix++) {
            const found = has([`${one}/${prefix}`], other);
            if (found !== prefix <= common) throw new Error(`${other} in ${one}/${prefix}: ${found}`);
          }
        }),
      );
    },
  );

  test.each(["ipv4", "ipv6"] as const)("has an %s address without a prefix alone", (family) => {
    fc.assert(
      fc.property(addressPair(family), ({ one, other, common }) => {
        expect(has([one], other)).toBe(common === FAMILIES[family]);
      }),
    );
  });

  test("has what any of its entries has, and nothing without entries", () => {
    const entries = ["192.0.2.1", "10.0.0.0/8", "2001:db8::/32"];
    const hosts = ["192.0.2.1", "10.255.0.1", "2001:db8:ffff::1", "192.0.2.2", "11.0.0.1", "2001:db9::"];
    expect(hosts.map((host) => has(entries, host))).toEqual([true, true, true, false, false, false]);
    expect(hosts.some((host) => has([], host))).toBe(false);
  });

  test("knows an IPv4 address that is written as IPv6, in entries and in clients", () => {
    expect(has(["10.0.0.0/8"], "::ffff:10.1.2.3")).toBe(true);
    expect(has(["10.0.0.0/8"], "::ffff:11.1.2.3")).toBe(false);
    expect(has(["::ffff:10.0.0.0/104"], "10.1.2.3")).toBe(true);
    expect(has(["::ffff:10.0.0.0/104"], "11.1.2.3")).toBe(false);
    expect(has(["::ffff:a00:1"], "10.0.0.1")).toBe(true);
    expect(has(["::ffff:0:0/96"], "10.0.0.1")).toBe(true);
  });

  test("has no IPv6 address because of an IPv4 entry", () => {
    expect(has(["0.0.0.0/0"], "::1")).toBe(false);
    expect(has(["0.0.0.0/0"], "2001:db8::1")).toBe(false);
  });

  test.each(["::/0", "::/64", "::/80"])("has no IPv4 address because of %s", (entry) => {
    expect(has([entry], "10.0.0.1")).toBe(false);
    expect(has([entry], "::1")).toBe(true);
    expect(has(["192.0.2.1", entry], "192.0.2.1")).toBe(true);
  });

  test("does not tell the interfaces of a link-local address apart", () => {
    expect(has(["fe80::/10"], "fe80::1%eth0")).toBe(true);
    expect(has(["fe80::1"], "fe80::1%eth0.100")).toBe(true);
    expect(has(["fe80::1%eth0"], "fe80::1%eth1")).toBe(true);
    expect(has(["fe80::1"], "fe80::2%eth0")).toBe(false);
  });

  test("never has a Unix socket, nor what is no address", () => {
    expect(new AddressList(["0.0.0.0/0", "::/0"]).has({ path: "" })).toBe(false);
    expect(new AddressList(["0.0.0.0/0", "::/0"]).has({ path: "10.0.0.1" })).toBe(false);
    expect(has(["0.0.0.0/0", "::/0"], "example.com")).toBe(false);
    expect(has(["0.0.0.0/0", "::/0"], "")).toBe(false);
  });
});
