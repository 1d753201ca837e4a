import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import type { Address } from "../address.ts";
import { ClientRates } from "./client-rates.ts";

/** The n-th of many clients. */
function client(index: number, port = 1): Address {
  return { host: `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`, port };
}

describe("ClientRates", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  test("gives each client its own, whatever its port", () => {
    const rates = new ClientRates(2);
    expect([1, 2, 3].map((port) => rates.take(client(0, port)))).toEqual([true, true, false]);
    expect([1, 2, 3].map((port) => rates.take(client(1, port)))).toEqual([true, true, false]);
    vi.advanceTimersByTime(500);
    expect([rates.take(client(0)), rates.take(client(0))]).toEqual([true, false]);
  });

  test("remembers nobody with Infinity, and lets nobody in with 0", () => {
    const unbounded = new ClientRates(Infinity);
    expect(unbounded.take(client(0))).toBe(true);
    expect(unbounded.size).toBe(0);
    expect(new ClientRates(0).take(client(0))).toBe(false);
  });

  test("remembers a bounded number of clients, and forgets first whoever is as good as new", () => {
    const rates = new ClientRates(1);
    for (let index = 0; index < 65_535; index++) rates.take(client(index));
    vi.advanceTimersByTime(1_000);
    const late = client(65_535);
    rates.take(late);
    rates.take(client(65_536));
    expect(rates.size).toBe(2);
    expect(rates.take(late)).toBe(false);
  });

  test("forgets the older half if all of them are busy", () => {
    const rates = new ClientRates(1);
    for (let index = 0; index < 65_537; index++) rates.take(client(index));
    expect(rates.size).toBe(32_768);
    expect(rates.take(client(65_536))).toBe(false);
    expect(rates.take(client(0))).toBe(true);
  });
});
