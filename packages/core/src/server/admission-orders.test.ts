import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { AdmissionHouse, type Guest } from "../../test/support/admission-house.ts";
import type { AdmissionOptions } from "./admission-options.ts";
import { clientKey } from "./client-counts.ts";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

/** What happens to a house. */
type Step =
  | { readonly kind: "come"; readonly host: string }
  | { readonly kind: "leave"; readonly index: number }
  | { readonly kind: "pass"; readonly ms: number }
  | { readonly kind: "change"; readonly options: AdmissionOptions };

describe("Admission", () => {
  const host = fc.constantFrom("192.0.2.1", "192.0.2.2", "192.0.3.1", "2001:db8::1", "2001:db8::2");
  const limit = fc.constantFrom(0, 1, 2, Infinity);
  const options = fc.record(
    {
      maxConnections: fc.constantFrom(0, 1, 3, Infinity),
      maxConnectionsPerAddress: limit,
      maxConnectionsPerSubnet: limit,
      maxAcceptRate: fc.constantFrom(0, 1, 5, Infinity),
      maxAcceptRatePerAddress: fc.constantFrom(0, 1, 5, Infinity),
      admissionWaitMs: fc.constantFrom(0, 200, 2_000),
      admissionQueueSize: fc.constantFrom(0, 1, 3),
      denyAddresses: fc.constantFrom([], ["192.0.2.1"], ["::/0"]),
    },
    { requiredKeys: [] },
  );
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 5, arbitrary: fc.record({ kind: fc.constant("come"), host }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("leave"), index: fc.nat(3) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("pass"), ms: fc.integer({ min: 1, max: 1_500 }) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("change"), options }) },
  );

  /** Whoever has just come in found room, and nobody who waited for it. Those who came in under older rules may be more. */
  function expectBounds(house: AdmissionHouse, came: Guest | undefined): void {
    const { maxConnections, maxConnectionsPerAddress } = house.admission.settings;
    expect(house.admission.waiting).toBe(house.at("outside").length);
    expect(house.registry.size).toBe(house.at("inside").length);
    if (came?.place !== "inside") return;
    expect(house.registry.size).toBeLessThanOrEqual(maxConnections);
    expect(house.registry.countOf(came.address)).toBeLessThanOrEqual(maxConnectionsPerAddress);
    // Whoever waits from there came earlier.
    const overtaken = house.at("outside").filter(({ address }) => clientKey(address) === clientKey(came.address));
    expect(overtaken).toEqual([]);
  }

  async function live(rules: AdmissionOptions, steps: readonly Step[]): Promise<AdmissionHouse> {
    const house = new AdmissionHouse(rules);
    for (const one of steps) {
      let came: Guest | undefined;
      if (one.kind === "come") came = house.come(one.host);
      if (one.kind === "leave") house.at("inside")[one.index]?.leave();
      if (one.kind === "pass") await vi.advanceTimersByTimeAsync(one.ms);
      if (one.kind === "change") house.admission.change(one.options);
      expectBounds(house, came);
    }
    return house;
  }

  test("lets nobody in beyond a limit, tells each one once, and forgets all of them, in generated orders", async () => {
    await fc.assert(
      fc.asyncProperty(options, fc.array(step, { maxLength: 40 }), async (rules, steps) => {
        const house = await live(rules, steps);
        house.admission.change({ maxConnections: 0 });
        for (const guest of house.guests) guest.leave();
        await vi.advanceTimersByTimeAsync(5_000);
        expect(house.places.every((place) => place === "gone")).toBe(true);
        expect(house.guests.every(({ decisions }) => decisions <= 1)).toBe(true);
        expect([house.registry.size, house.admission.waiting, vi.getTimerCount()]).toEqual([0, 0, 0]);
      }),
      { numRuns: 300 },
    );
  });

  test("leaves nobody outside for whom there is room, in generated orders", async () => {
    const rate = fc.constantFrom(1, 5, Infinity);
    const patient = { admissionWaitMs: 3_600_000, admissionQueueSize: Infinity };
    await fc.assert(
      fc.asyncProperty(options, rate, fc.array(step, { maxLength: 40 }), async (rules, maxAcceptRate, steps) => {
        const house = await live({ ...rules, ...patient }, steps);
        house.admission.change({ maxAcceptRate, maxAcceptRatePerAddress: maxAcceptRate });
        await vi.advanceTimersByTimeAsync(60_000);
        const { maxConnections, maxConnectionsPerAddress, maxConnectionsPerSubnet } = house.admission.settings;
        for (const { address } of house.at("outside")) {
          const isFull = house.registry.size >= maxConnections;
          const isOwnFull = house.registry.countOf(address) >= maxConnectionsPerAddress;
          const isSubnetFull = house.registry.countOfSubnet(address) >= maxConnectionsPerSubnet;
          expect(isFull || isOwnFull || isSubnetFull).toBe(true);
        }
        house.admission.refuseWaiting();
        expect(vi.getTimerCount()).toBe(0);
      }),
      { numRuns: 300 },
    );
  });
});
