import fc from "fast-check";
import { describe, expect, test } from "vitest";

import type { Address } from "../address.ts";
import { ClientCounts, clientKey } from "./client-counts.ts";

const client: fc.Arbitrary<Address> = fc.oneof(
  fc.record({ host: fc.constantFrom("192.0.2.1", "192.0.2.2", "2001:db8::1"), port: fc.integer({ min: 1, max: 3 }) }),
  fc.record({ path: fc.constantFrom("", "/run/app.sock") }),
);

describe("ClientCounts", () => {
  test("counts what was added and not removed, by the key of its address", () => {
    const step = fc.record({ adds: fc.boolean(), address: client });
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const counts = new ClientCounts(clientKey);
        const model = new Map<string, number>();
        for (const { adds, address } of steps) {
          const key = clientKey(address);
          const before = model.get(key) ?? 0;
          if (!adds && before === 0) continue;
          model.set(key, before + (adds ? 1 : -1));
          if (adds) counts.add(address);
          else counts.remove(address);
          expect(counts.of(address)).toBe(model.get(key));
        }
      }),
    );
  });

  test("never counts below zero", () => {
    const counts = new ClientCounts(clientKey);
    const address = { host: "192.0.2.1", port: 1 };
    counts.remove(address);
    expect(counts.of(address)).toBe(0);
    counts.add(address);
    expect(counts.of(address)).toBe(1);
  });

  test("puts together whatever has the same key", () => {
    const counts = new ClientCounts((address) => ("path" in address ? "unix" : "internet"));
    counts.add({ host: "192.0.2.1", port: 1 });
    counts.add({ host: "192.0.2.2", port: 2 });
    expect(counts.of({ host: "198.51.100.1", port: 3 })).toBe(2);
    expect(counts.of({ path: "" })).toBe(0);
  });
});

describe("clientKey()", () => {
  test("is the same for all ports of an address, and another one for every other address", () => {
    expect(clientKey({ host: "192.0.2.1", port: 1 })).toBe(clientKey({ host: "192.0.2.1", port: 2 }));
    expect(clientKey({ host: "192.0.2.1", port: 1 })).not.toBe(clientKey({ host: "192.0.2.2", port: 1 }));
    expect(clientKey({ path: "/run/a" })).not.toBe(clientKey({ path: "/run/b" }));
  });
});
