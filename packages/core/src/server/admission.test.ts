import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { AdmissionHouse } from "../../test/support/admission-house.ts";
import type { AdmissionOptions } from "./admission-options.ts";

const houses: AdmissionHouse[] = [];

function newHouse(options?: AdmissionOptions): AdmissionHouse {
  const house = new AdmissionHouse(options);
  houses.push(house);
  return house;
}

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  // Their time-outs share the clock with those of the next test.
  for (const { admission } of houses.splice(0)) admission.refuseWaiting();
  vi.useRealTimers();
});

describe("Admission.admit()", () => {
  test.each<[string, AdmissionOptions, string]>([
    ["denied", { denyAddresses: ["192.0.2.0/24"] }, "192.0.2.1"],
    ["denied", { allowAddresses: [] }, "192.0.2.1"],
    ["denied", { allowAddresses: ["192.0.2.0/24"], denyAddresses: ["192.0.2.1"] }, "192.0.2.1"],
    ["max-connections", { maxConnections: 0 }, "192.0.2.1"],
    ["max-connections-per-address", { maxConnectionsPerAddress: 0 }, "192.0.2.1"],
    ["max-connections-per-subnet", { maxConnectionsPerSubnet: 0 }, "2001:db8::1"],
    ["accept-rate", { maxAcceptRate: 0 }, "192.0.2.1"],
  ])("refuses with %s for %j", (reason, options, host) => {
    expect(newHouse(options).come(host)).toMatchObject({ place: "gone", refusal: reason, decisions: 1 });
  });

  test("tells who is denied so, whatever else keeps them out", () => {
    const nobody = { maxConnections: 0, maxConnectionsPerAddress: 0, maxConnectionsPerSubnet: 0, maxAcceptRate: 0 };
    expect(newHouse({ ...nobody, denyAddresses: ["192.0.2.1"] }).come().refusal).toBe("denied");
  });

  test("lets clients in up to each limit, and again when one has left", () => {
    const limits = { maxConnections: 6, maxConnectionsPerAddress: 1, maxConnectionsPerSubnet: 2 };
    const house = newHouse(limits);
    const [first] = [house.come("192.0.2.1"), house.come("192.0.2.2")];
    expect(house.come("192.0.2.2").refusal).toBe("max-connections-per-address");
    expect(house.come("192.0.2.3").refusal).toBe("max-connections-per-subnet");
    for (const subnet of [3, 4, 5, 6]) house.come(`192.0.${subnet}.1`);
    expect(house.come("192.0.7.1").refusal).toBe("max-connections");
    first?.leave();
    expect(house.come("192.0.2.3").place).toBe("inside");
  });

  test("uses up no rate for clients that are refused for another reason", () => {
    const house = newHouse({ maxAcceptRate: 1, denyAddresses: ["192.0.2.66"] });
    for (let count = 0; count < 10; count++) house.come("192.0.2.66");
    expect(house.come().place).toBe("inside");
    expect(house.come().refusal).toBe("accept-rate");
  });

  test("lets Unix clients in that no list could name", () => {
    const { admission } = newHouse({ allowAddresses: [], denyAddresses: ["0.0.0.0/0", "::/0"] });
    expect(admission.admit({ path: "" })).toBeUndefined();
  });
});

describe("Admission.wait()", () => {
  const WAITS = { maxConnections: 1, admissionWaitMs: 1_000 };

  test("lets in whoever came first when somebody leaves", () => {
    const house = newHouse(WAITS);
    const first = house.come();
    house.come();
    house.come();
    expect([house.places, house.admission.waiting]).toEqual([["inside", "outside", "outside"], 2]);
    first.leave();
    expect([house.places, house.admission.waiting]).toEqual([["gone", "inside", "outside"], 1]);
  });

  test("lets nobody overtake those who wait for the same", () => {
    const house = newHouse({ maxAcceptRate: 1, admissionWaitMs: 10_000 });
    house.come();
    const waiting = house.come();
    vi.advanceTimersByTime(999);
    expect(waiting.place).toBe("outside");
    expect(house.come().place).toBe("outside");
    vi.advanceTimersByTime(2);
    expect(house.places).toEqual(["inside", "inside", "outside"]);
  });

  test("lets a client not overtake itself, and others pass it, while it waits for its own rate", () => {
    const house = newHouse({ maxAcceptRatePerAddress: 3, admissionWaitMs: 10_000 });
    for (let count = 0; count < 3; count++) house.come();
    const waiting = house.come();
    // A third of a second: there is room for one by now, and nobody has looked.
    vi.advanceTimersByTime(335);
    const next = house.come();
    expect([waiting, next].map(({ place }) => place)).toEqual(["outside", "outside"]);
    expect(house.come("192.0.2.2").place).toBe("inside");
    vi.advanceTimersByTime(20);
    expect([waiting, next].map(({ place }) => place)).toEqual(["inside", "outside"]);
  });

  test("lets others pass whoever waits for a limit of its own", () => {
    const house = newHouse({ maxConnectionsPerAddress: 1, admissionWaitMs: 1_000 });
    house.come("192.0.2.1");
    const waiting = house.come("192.0.2.1");
    expect(house.come("192.0.2.2").place).toBe("inside");
    expect(waiting.place).toBe("outside");
  });

  test("refuses when the time is over and not before, with the last reason", async () => {
    const house = newHouse({ ...WAITS, maxConnectionsPerAddress: 1 });
    house.come("192.0.2.1");
    const waiting = house.come("192.0.2.2");
    house.admission.change({ maxConnections: 2 });
    const next = house.come("192.0.2.2");
    await vi.advanceTimersByTimeAsync(999);
    expect([waiting, next].map(({ place }) => place)).toEqual(["inside", "outside"]);
    await vi.advanceTimersByTimeAsync(150);
    expect(next).toMatchObject({ place: "gone", decisions: 1 });
    expect(house.admission.waiting).toBe(0);
  });

  test("lets in whoever waits for the rate alone as soon as it allows that", async () => {
    const house = newHouse({ maxAcceptRate: 2, admissionWaitMs: 10_000 });
    for (let count = 0; count < 5; count++) house.come();
    await vi.advanceTimersByTimeAsync(510);
    expect(house.at("inside")).toHaveLength(3);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(house.at("inside")).toHaveLength(5);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("lets in whoever waits for the rate also behind a client that waits for a limit of its own", async () => {
    const house = newHouse({ maxAcceptRate: 2, maxConnectionsPerAddress: 1, admissionWaitMs: 10_000 });
    house.come("192.0.2.1");
    house.come("192.0.2.2");
    house.come("192.0.2.1");
    const waiting = house.come("192.0.2.3");
    await vi.advanceTimersByTimeAsync(2_000);
    expect(waiting.place).toBe("inside");
  });

  test.each<[string, AdmissionOptions, string]>([
    ["who is denied", { denyAddresses: ["192.0.2.1"] }, "denied"],
    ["more than admissionQueueSize", { admissionQueueSize: 0 }, "max-connections"],
    ["anybody with admissionWaitMs 0", { admissionWaitMs: 0 }, "max-connections"],
    ["a client that may have no connection", { maxConnectionsPerAddress: 0 }, "max-connections"],
    ["a subnet that may have none", { maxConnectionsPerSubnet: 0 }, "max-connections"],
  ])("does not let %s wait", (_who, options, refusal) => {
    const house = newHouse({ ...WAITS, maxConnections: 0, ...options });
    expect(house.come("192.0.2.1")).toMatchObject({ place: "gone", refusal });
    expect(vi.getTimerCount()).toBe(0);
  });

  test("lets a client and a subnet have no more of those who wait than of connections", () => {
    const limits = { maxConnectionsPerAddress: 1, maxConnectionsPerSubnet: 2, maxConnections: 0 };
    const house = newHouse({ ...limits, admissionWaitMs: 1_000 });
    for (const host of ["192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.3.1"]) house.come(host);
    expect(house.places).toEqual(["outside", "gone", "outside", "gone", "outside"]);
  });
});

describe("Admission.refuseWaiting()", () => {
  test("refuses everyone who waits with draining, once, and leaves no timer", () => {
    const house = newHouse({ maxConnections: 0, admissionWaitMs: 1_000 });
    const waiting = [house.come(), house.come()];
    house.admission.refuseWaiting();
    house.admission.refuseWaiting();
    for (const guest of waiting) expect(guest).toMatchObject({ place: "gone", refusal: "draining", decisions: 1 });
    expect(house.admission.waiting).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("Admission.change()", () => {
  test("lets in whoever fits by then, and throws nobody out", () => {
    const house = newHouse({ maxConnections: 2, admissionWaitMs: 1_000 });
    for (let count = 0; count < 5; count++) house.come();
    house.admission.change({ maxConnections: 3 });
    expect(house.at("inside")).toHaveLength(3);
    house.admission.change({ maxConnections: 0 });
    expect(house.at("inside")).toHaveLength(3);
    house.admission.change({ maxConnections: Infinity });
    expect(house.at("inside")).toHaveLength(5);
  });

  test("refuses whoever waits and is denied by then", () => {
    const house = newHouse({ maxConnections: 0, admissionWaitMs: 1_000 });
    const waiting = [house.come("192.0.2.1"), house.come("192.0.2.2"), house.come("192.0.2.3")];
    house.admission.change({ denyAddresses: ["192.0.2.1", "192.0.2.3"] });
    expect(waiting.map(({ place, refusal }) => [place, refusal])).toEqual([
      ["gone", "denied"],
      ["outside", undefined],
      ["gone", "denied"],
    ]);
  });

  test("counts those who are inside by the new subnets", () => {
    const house = newHouse();
    for (const host of ["192.0.2.1", "192.0.3.1", "2001:db8::1", "2001:db8:1::1"]) house.come(host);
    house.admission.change({ maxConnectionsPerSubnet: 2, ipv4SubnetPrefix: 16, ipv6SubnetPrefix: 32 });
    expect(house.come("192.0.4.1").refusal).toBe("max-connections-per-subnet");
    expect(house.come("2001:db8:2::1").refusal).toBe("max-connections-per-subnet");
    house.admission.change({ ipv4SubnetPrefix: 24 });
    expect(house.come("192.0.3.2").place).toBe("inside");
    expect(house.come("192.0.3.3").refusal).toBe("max-connections-per-subnet");
  });

  test("leaves what is not named as it is, the rate that is used up included", () => {
    const house = newHouse({ maxAcceptRate: 1, maxConnections: 7 });
    house.come();
    house.admission.change({ denyAddresses: ["192.0.2.9"] });
    expect(house.admission.settings).toMatchObject({ maxAcceptRate: 1, maxConnections: 7 });
    expect(house.come().refusal).toBe("accept-rate");
    house.admission.change({ maxAcceptRate: 2 });
    expect([house.come().place, house.come().place, house.come().refusal]).toEqual(["inside", "inside", "accept-rate"]);
  });

  test.each([
    { maxConnections: -1 },
    { maxConnections: 1.5 },
    { maxConnections: "7" },
    { maxConnections: Number.NaN },
    { maxConnectionsPerAddress: null },
    { ipv4SubnetPrefix: 33 },
    { ipv6SubnetPrefix: 129 },
    { admissionWaitMs: -1 },
    { denyAddresses: ["10.0.0.0/33"] },
    { allowAddresses: "10.0.0.0/8" },
    { maxConnection: 1 },
    { backlog: 1 },
    7,
    null,
    [[]],
  ])("refuses %j, and changes nothing", (options) => {
    const house = newHouse({ maxConnections: 1, denyAddresses: ["192.0.2.9"] });
    const before = house.admission.settings;
    expect(() => house.admission.change(options as AdmissionOptions)).toThrow(
      expect.objectContaining({ code: "ERR_SOCKETSERVER_INVALID_OPTION" }),
    );
    // A right one beside a wrong one is not applied either.
    const both = { maxConnections: 5, ipv4SubnetPrefix: 99 };
    expect(() => house.admission.change(both)).toThrow(RangeError);
    expect(house.admission.settings).toBe(before);
    expect([house.come("192.0.2.9").refusal, house.come().place, house.come().refusal]).toEqual([
      "denied",
      "inside",
      "max-connections",
    ]);
  });

  test("keeps frozen settings", () => {
    const { admission } = newHouse();
    admission.change({ maxConnections: 2 });
    expect(admission.settings).toSatisfy(Object.isFrozen);
  });
});
