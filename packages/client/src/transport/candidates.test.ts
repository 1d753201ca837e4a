import type { Address, InternetAddress } from "@socketserver/core";
import fc from "fast-check";
import { isIPv6 } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, test } from "vitest";

import { NameService } from "../../test/support/name-service.ts";
import type { FailedAttempt } from "../connect-error.ts";
import { candidates, inTurns } from "./candidates.ts";

const at = (host: string, port = 80): InternetAddress => ({ host, port });

/** All candidates, and the names that stand for none. */
async function all(targets: readonly Address[]): Promise<{ found: Address[]; failures: FailedAttempt[] }> {
  const failures: FailedAttempt[] = [];
  const found: Address[] = [];
  for await (const address of candidates(targets, (failure) => void failures.push(failure))) found.push(address);
  return { found, failures };
}

describe("inTurns()", () => {
  const cases: readonly (readonly [title: string, given: readonly string[], turns: readonly string[]])[] = [
    ["none", [], []],
    ["one", ["::1"], ["::1"]],
    ["one family", ["192.0.2.2", "192.0.2.1", "192.0.2.3"], ["192.0.2.2", "192.0.2.1", "192.0.2.3"]],
    ["one of each", ["::1", "127.0.0.1"], ["::1", "127.0.0.1"]],
    ["IPv6 before IPv4", ["::1", "::2", "192.0.2.1", "192.0.2.2"], ["::1", "192.0.2.1", "::2", "192.0.2.2"]],
    ["IPv4 before IPv6", ["192.0.2.1", "192.0.2.2", "::1"], ["192.0.2.1", "::1", "192.0.2.2"]],
    ["more of the second family", ["::1", "192.0.2.1", "192.0.2.2"], ["::1", "192.0.2.1", "192.0.2.2"]],
    ["families in turns already", ["::1", "192.0.2.1", "::2"], ["::1", "192.0.2.1", "::2"]],
    ["the same address twice", ["::1", "::1", "192.0.2.1"], ["::1", "192.0.2.1", "::1"]],
    ["an address with a zone", ["192.0.2.1", "192.0.2.2", "fe80::1%eth0"], ["192.0.2.1", "fe80::1%eth0", "192.0.2.2"]],
  ];

  test.each(cases)("orders %s", (_title, given, turns) => {
    expect(inTurns(given.map((host) => at(host)))).toEqual(turns.map((host) => at(host)));
  });

  const anyHost = fc.oneof(fc.ipV4(), fc.ipV6());

  test("keeps every address, the order within each family, and the family that comes first", () => {
    fc.assert(
      fc.property(fc.array(anyHost), (hosts) => {
        const turns = inTurns(hosts.map((host) => at(host))).map(({ host }) => host);
        for (const isOfFamily of [isIPv6, (host: string) => !isIPv6(host)]) {
          expect(turns.filter(isOfFamily)).toEqual(hosts.filter(isOfFamily));
        }
        expect(turns[0]).toBe(hosts[0]);
      }),
    );
  });

  test("lets no family have two turns in a row while the other one waits", () => {
    fc.assert(
      fc.property(fc.array(anyHost), (hosts) => {
        const families = inTurns(hosts.map((host) => at(host))).map(({ host }) => isIPv6(host));
        const sixes = families.filter(Boolean).length;
        const paired = 2 * Math.min(sixes, families.length - sixes);
        for (let index = 1; index < paired; index++) expect(families[index]).not.toBe(families[index - 1]);
      }),
    );
  });

  test("leaves what it was given as it was", () => {
    const given = Object.freeze([at("::1"), at("::2"), at("192.0.2.1")]);
    inTurns(given);
    expect(given).toEqual([at("::1"), at("::2"), at("192.0.2.1")]);
  });
});

describe("candidates()", () => {
  test("are the addresses and paths themselves, in their order, and nobody is asked", async () => {
    using names = new NameService({});
    const targets = [at("192.0.2.1"), { path: "/run/app.sock" }, at("::1"), { path: "\0app" }, at("fe80::1%lo")];
    expect(await all(targets)).toEqual({ found: targets, failures: [] });
    expect(names.questions).toEqual([]);
  });

  test("are, for a name, each address that it stands for, the families in turns, with its port", async () => {
    using names = new NameService({ "two.test": ["::1", "::2", "192.0.2.1"], "one.test": ["192.0.2.9"] });
    const { found, failures } = await all([at("two.test", 81), at("198.51.100.1", 82), at("one.test", 83)]);
    const expected = [at("::1", 81), at("192.0.2.1", 81), at("::2", 81), at("198.51.100.1", 82), at("192.0.2.9", 83)];
    expect(found).toEqual(expected);
    expect(failures).toEqual([]);
    expect(names.asked).toEqual(["two.test", "one.test"]);
  });

  test("are asked of the system, in the order that it prefers", async () => {
    using names = new NameService({ "one.test": ["192.0.2.9"] });
    await all([at("one.test")]);
    expect(names.questions).toEqual([{ name: "one.test", options: { all: true, order: "verbatim" } }]);
  });

  test("leave out a name that stands for nothing, which is told, and go on", async () => {
    using names = new NameService({ "one.test": ["192.0.2.9"] });
    const { found, failures } = await all([at("none.test", 81), at("one.test"), at("nor.test", 82)]);
    expect(found).toEqual([at("192.0.2.9")]);
    expect(names.asked).toEqual(["none.test", "one.test", "nor.test"]);
    expect(failures.map(({ address, error }) => [address, error.code])).toEqual([
      [at("none.test", 81), "ENOTFOUND"],
      [at("nor.test", 82), "ENOTFOUND"],
    ]);
  });

  test("are none if no name stands for anything", async () => {
    using names = new NameService({});
    const { found, failures } = await all([at("none.test")]);
    expect([found, failures.length]).toEqual([[], 1]);
    expect(names.asked).toEqual(["none.test"]);
  });

  test("are looked up when their turn comes, so a slow name holds up none before it", async () => {
    const { promise, resolve } = Promise.withResolvers<string[]>();
    using names = new NameService({ "slow.test": promise, "last.test": ["192.0.2.3"] });
    const addresses = candidates([at("192.0.2.1"), at("slow.test"), at("last.test")], () => {});
    expect(await addresses.next()).toEqual({ done: false, value: at("192.0.2.1") });
    await nextTurn();
    expect(names.asked).toEqual([]);
    const next = addresses.next();
    await nextTurn();
    expect(names.asked).toEqual(["slow.test"]);
    resolve(["192.0.2.2"]);
    expect(await next).toEqual({ done: false, value: at("192.0.2.2") });
    await addresses.return();
    expect(names.asked).toEqual(["slow.test"]);
  });
});
