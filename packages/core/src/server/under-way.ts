/** Something that begins and ends again and again, and that can be waited for. A promise is made only for whoever waits. */
export class UnderWay {
  #active = false;
  #waiters: PromiseWithResolvers<void> | undefined;

  begin(): void {
    this.#active = true;
  }

  end(): void {
    this.#active = false;
    this.#waiters?.resolve();
    this.#waiters = undefined;
  }

  /** Resolves when it is not under way: at once if it is not now. */
  get over(): Promise<void> {
    if (!this.#active) return Promise.resolve();
    this.#waiters ??= Promise.withResolvers<void>();
    return this.#waiters.promise;
  }
}
