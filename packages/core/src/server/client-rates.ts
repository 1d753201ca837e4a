import type { Address } from "../address.ts";
import { clientKey } from "./client-counts.ts";
import { TokenBucket } from "./token-bucket.ts";

/** Clients that are remembered: whoever has as many addresses needs no second connection from one of them. */
const MAX_CLIENTS = 65_536;

/** A rate for each client. Forgets those that have not come for a while. */
export class ClientRates {
  readonly #perSecond: number;
  readonly #buckets = new Map<string, TokenBucket>();

  /** @param perSecond - At least 0, or `Infinity`. */
  constructor(perSecond: number) {
    this.#perSecond = perSecond;
  }

  /** How many clients are remembered. */
  get size(): number {
    return this.#buckets.size;
  }

  /** Whether one more of this client may come, which counts then. */
  take(address: Address): boolean {
    if (this.#perSecond === Infinity) return true;
    const key = clientKey(address);
    let bucket = this.#buckets.get(key);
    if (bucket === undefined) {
      if (this.#buckets.size >= MAX_CLIENTS) this.#forget();
      bucket = new TokenBucket(this.#perSecond);
      this.#buckets.set(key, bucket);
    }
    return bucket.take();
  }

  /** Forget whoever is as good as new; if that is nobody, the older half. */
  #forget(): void {
    for (const [key, bucket] of this.#buckets) if (bucket.full) this.#buckets.delete(key);
    for (const key of this.#buckets.keys()) {
      if (this.#buckets.size < MAX_CLIENTS / 2) break;
      this.#buckets.delete(key);
    }
  }
}
