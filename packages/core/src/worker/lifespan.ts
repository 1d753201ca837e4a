/** When workers are replaced although nothing is wrong with them. */
export interface RecyclingSettings {
  readonly recycleAfterRequests: number;
  readonly recycleAfterMs: number;
}

/** Workers that start together shall not end together: each one's limits are lower by up to this part of them. */
const JITTER = 0.1;

/** How long one worker may live. */
export class Lifespan {
  readonly #requests: number;
  readonly #ageMs: number;

  constructor({ recycleAfterRequests, recycleAfterMs }: RecyclingSettings, random: () => number = Math.random) {
    this.#requests = jittered(recycleAfterRequests, random);
    this.#ageMs = jittered(recycleAfterMs, random);
  }

  /** Whether a worker that was given so many requests, and is so old, is due to be replaced. */
  isOver(served: number, ageMs: number): boolean {
    return served >= this.#requests || ageMs >= this.#ageMs;
  }
}

/** A limit of 1 stays exact. */
function jittered(limit: number, random: () => number): number {
  return limit === Infinity ? limit : limit - Math.floor(random() * limit * JITTER);
}
