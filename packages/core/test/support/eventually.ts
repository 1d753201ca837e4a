import { vi } from "vitest";

/** Wait until a check passes; fails with its last complaint if it does not within `limitMs`. */
export function eventually<Value>(check: () => Value, limitMs = 10_000): Promise<Value> {
  return vi.waitFor(check, { timeout: limitMs, interval: 5 });
}
