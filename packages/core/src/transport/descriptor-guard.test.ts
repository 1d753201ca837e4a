import { closeSync, openSync, readFileSync, statSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { DescriptorGuard } from "./descriptor-guard.ts";

vi.mock("node:fs", { spy: true });

const LIMIT = 1_000;
const RESERVE = 100;
const SPARE = 999;

/** How many descriptors the process has, beside the one that the guard keeps. */
let taken: number;
let spareTaken: boolean;
let exhausted: ReturnType<typeof vi.fn<() => void>>;
let guard: DescriptorGuard;

beforeEach(() => {
  vi.useFakeTimers();
  taken = 10;
  spareTaken = false;
  vi.mocked(readFileSync).mockReturnValue(
    `Max open files            ${LIMIT}                 524288               files`,
  );
  vi.mocked(statSync).mockImplementation((() => ({ size: taken + (spareTaken ? 1 : 0) })) as never);
  vi.mocked(openSync).mockImplementation(() => {
    if (taken + (spareTaken ? 1 : 0) >= LIMIT) throw Object.assign(new Error("EMFILE"), { code: "EMFILE" });
    spareTaken = true;
    return SPARE;
  });
  vi.mocked(closeSync).mockImplementation((descriptor) => {
    expect(descriptor).toBe(SPARE);
    spareTaken = false;
  });
  exhausted = vi.fn<() => void>();
  guard = new DescriptorGuard(RESERVE, exhausted);
});

afterEach(() => {
  guard.close();
  vi.resetAllMocks();
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** Clients come to a server, and stay if they may; how many may. */
function clients(count: number, host = guard): number {
  let admitted = 0;
  for (let client = 0; client < count; client++) {
    // It has been accepted when it is judged.
    taken++;
    if (host.admit()) admitted++;
    else taken--;
  }
  return admitted;
}

// Where limits are read from differs elsewhere; what is made of them does not.
describe.runIf(process.platform === "linux")("DescriptorGuard", () => {
  test("knows the limit, and takes one descriptor for itself", () => {
    expect(guard.limit).toBe(LIMIT);
    expect(spareTaken).toBe(true);
  });

  test("admits clients until only the reserve is left, and tells once that it is", () => {
    const room = LIMIT - RESERVE - taken - 2;
    expect(clients(2_000)).toBe(room);
    expect(exhausted).toHaveBeenCalledTimes(1);
    // The program can open as many files as it was promised.
    expect(LIMIT - taken).toBeGreaterThanOrEqual(RESERVE);
  });

  test("looks seldom while there is plenty, and every time towards the end", () => {
    vi.mocked(statSync).mockClear();
    clients(400);
    expect(vi.mocked(statSync).mock.calls.length).toBeLessThan(20);
    clients(2_000);
    const looks = vi.mocked(statSync).mock.calls.length;
    clients(10);
    expect(vi.mocked(statSync)).toHaveBeenCalledTimes(looks + 10);
  });

  test("knows of those who came to another guard since it looked", () => {
    const other = new DescriptorGuard(RESERVE, () => {});
    expect(clients(1)).toBe(1);
    clients(2_000, other);
    expect(clients(10)).toBe(0);
    expect(exhausted).toHaveBeenCalledTimes(1);
    expect(LIMIT - taken).toBeGreaterThanOrEqual(RESERVE);
    other.close();
  });

  test("admits again when a quarter more than the reserve is free", () => {
    clients(2_000);
    taken -= 20;
    expect(clients(10)).toBe(0);
    taken -= 20;
    expect(clients(10)).toBe(10);
  });

  test("tells again when it was over for long enough to be seen by itself, and not for each client that leaves", () => {
    for (let crowd = 0; crowd < 5; crowd++) {
      clients(2_000);
      taken -= 40;
    }
    expect(exhausted).toHaveBeenCalledTimes(1);
    vi.advanceTimersByTime(1_000);
    clients(2_000);
    expect(exhausted).toHaveBeenCalledTimes(2);
  });

  test("notices within a second that the program has taken them, and once more when it has done so again", () => {
    taken = LIMIT - 50;
    expect(exhausted).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1_000);
    expect(exhausted).toHaveBeenCalledTimes(1);
    vi.advanceTimersByTime(10_000);
    expect(exhausted).toHaveBeenCalledTimes(1);
    taken = 10;
    vi.advanceTimersByTime(1_000);
    taken = LIMIT - 50;
    vi.advanceTimersByTime(1_000);
    expect(exhausted).toHaveBeenCalledTimes(2);
  });

  test("trusts what it saw for no longer than a second", () => {
    clients(1);
    taken = LIMIT - 10;
    vi.advanceTimersByTime(1_000);
    expect(clients(1)).toBe(0);
  });

  test("gives its own descriptor back when none is left, and keeps one again when there are some", () => {
    taken = LIMIT - 1;
    vi.advanceTimersByTime(1_000);
    expect(spareTaken).toBe(false);
    expect(exhausted).toHaveBeenCalledTimes(1);
    // With that one a client can be accepted, and refused.
    expect(clients(1)).toBe(0);
    vi.advanceTimersByTime(1_000);
    expect(spareTaken).toBe(false);
    taken = 10;
    vi.advanceTimersByTime(1_000);
    expect(spareTaken).toBe(true);
    expect(clients(10)).toBe(10);
  });

  test("leaves nothing behind when it is closed, twice too", () => {
    guard.close();
    guard.close();
    expect(vi.getTimerCount()).toBe(0);
    expect(spareTaken).toBe(false);
  });

  test("reserves a quarter at most of a small limit", () => {
    guard.close();
    guard = new DescriptorGuard(LIMIT * 10, exhausted);
    expect(clients(2_000)).toBe(LIMIT * 0.75 - 10 - 2);
  });

  test("works without a descriptor of its own where there was none", () => {
    guard.close();
    taken = LIMIT;
    guard = new DescriptorGuard(RESERVE, exhausted);
    taken = LIMIT - 1;
    expect(clients(1)).toBe(0);
    taken = 10;
    vi.advanceTimersByTime(1_000);
    expect([spareTaken, clients(10)]).toEqual([true, 10]);
  });

  test("admits everybody where nobody knows the limit", () => {
    guard.close();
    vi.mocked(readFileSync).mockReturnValue("");
    guard = new DescriptorGuard(RESERVE, exhausted);
    expect(guard.limit).toBe(Infinity);
    expect(clients(5_000)).toBe(5_000);
    expect(exhausted).not.toHaveBeenCalled();
  });
});
