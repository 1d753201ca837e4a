const MS_PER_SECOND = 1_000;

/** A rate: so many a second, and so many at once if none came for a second. */
export class TokenBucket {
  readonly #perSecond: number;
  #tokens: number;
  #at = performance.now();

  /** @param perSecond - At least 0, or `Infinity`. */
  constructor(perSecond: number) {
    this.#perSecond = perSecond;
    this.#tokens = perSecond;
  }

  /** Whether as many could be taken as from a new one. */
  get full(): boolean {
    this.#refill();
    return this.#tokens === this.#perSecond;
  }

  /** Whether there is one. */
  get some(): boolean {
    if (this.#perSecond === Infinity) return true;
    this.#refill();
    return this.#tokens >= 1;
  }

  /** Take one, if there is one. */
  take(): boolean {
    if (!this.some) return false;
    this.#tokens--;
    return true;
  }

  #refill(): void {
    const now = performance.now();
    this.#tokens = Math.min(this.#tokens + ((now - this.#at) * this.#perSecond) / MS_PER_SECOND, this.#perSecond);
    this.#at = now;
  }
}
