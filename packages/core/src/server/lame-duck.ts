/** The time in which a server that is to close still accepts, so that load balancers notice in time. */
export class LameDuck {
  readonly #over = Promise.withResolvers<void>();
  #endsAt = Infinity;
  #timer: NodeJS.Timeout | undefined;

  /** Resolves when it is over. */
  get over(): Promise<void> {
    return this.#over.promise;
  }

  /** End in `ms` milliseconds, unless that is later than it ends anyway; how long it still lasts, in milliseconds. */
  limit(ms: number): number {
    const now = performance.now();
    if (now + ms < this.#endsAt) {
      this.#endsAt = now + ms;
      clearTimeout(this.#timer);
      if (ms !== Infinity) this.#timer = setTimeout(() => this.end(), ms);
    }
    return Math.max(this.#endsAt - now, 0);
  }

  /** End now. */
  end(): void {
    this.#endsAt = 0;
    clearTimeout(this.#timer);
    this.#over.resolve();
  }
}
