import type { Address } from "../address.ts";

/** How many of something each client has, or each group of clients that has the same key. */
export class ClientCounts {
  readonly #keyOf: (address: Address) => string;
  readonly #counts = new Map<string, number>();

  constructor(keyOf: (address: Address) => string) {
    this.#keyOf = keyOf;
  }

  of(address: Address): number {
    return this.#counts.get(this.#keyOf(address)) ?? 0;
  }

  add(address: Address): void {
    const key = this.#keyOf(address);
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  }

  remove(address: Address): void {
    const key = this.#keyOf(address);
    const left = (this.#counts.get(key) ?? 1) - 1;
    if (left === 0) this.#counts.delete(key);
    else this.#counts.set(key, left);
  }
}

/** A client, whatever its port. */
export function clientKey(address: Address): string {
  return "path" in address ? address.path : address.host;
}
