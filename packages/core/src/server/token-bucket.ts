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

  /** Take one, if there is one. */
  take(): boolean {
    if (this.#perSecond === Infinity) return true;
    const now = performance.now();
    this.#tokens = Math.min(this.#tokens + ((now - this.#at) * this.#perSecond) / MS_PER_SECOND, this.#perSecond);
    this.#at = now;
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }

  /** How long after `take()` failed there will be one, in milliseconds. */
  get waitMs(): number {
    return ((1 - this.#tokens) * MS_PER_SECOND) / this.#perSecond;
  }
}
