/** What there is to do, one message after the other. */
export interface MessageWork<In, Reply> {
  /** Messages that are handled at once, at most. */
  readonly limit: number;
  /** Whether the reply to a message waits for those to all earlier ones. */
  readonly inOrder: boolean;
  /** The next message; undefined at the end. */
  next(): Promise<In | undefined>;
  /** Handle one. */
  handle(message: In): Promise<Reply>;
  /** Send what `handle()` answered. */
  reply(reply: Reply): Promise<void>;
}

/**
 * Handles several messages of a connection at once.
 *
 * At the first failure nothing more is read, and nothing more is sent; the failure is told when those under way have settled, so that nothing of the
 * handler runs behind its back.
 */
export class ConcurrentMessages<In, Reply> {
  readonly #work: MessageWork<In, Reply>;
  readonly #over = Promise.withResolvers<void>();
  #running = 0;
  /** Resolves when all replies so far have been sent. */
  #lastReply: Promise<void> = Promise.resolve();
  #failure: { readonly error: unknown } | undefined;
  /** Whether the last message was read. */
  #ended = false;
  #roomForOne: (() => void) | undefined;

  constructor(work: MessageWork<In, Reply>) {
    this.#work = work;
  }

  /** Resolves when all messages are handled and answered; rejects with the first failure. */
  run(): Promise<void> {
    void this.#readAll();
    return this.#over.promise;
  }

  async #readAll(): Promise<void> {
    try {
      for (;;) {
        const message = await this.#work.next();
        if (message === undefined || this.#failure !== undefined) break;
        this.#running += 1;
        void this.#handle(message, this.#lastReply);
        if (this.#running >= this.#work.limit) await this.#waitForRoom();
      }
      this.#ended = true;
      this.#settle();
    } catch (error) {
      this.#fail(error);
    }
  }

  async #handle(message: In, previous: Promise<void>): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    if (this.#work.inOrder) this.#lastReply = promise;
    try {
      const reply = await this.#work.handle(message);
      await previous;
      if (this.#failure === undefined) await this.#work.reply(reply);
    } catch (error) {
      this.#failure ??= { error };
    }
    resolve();
    this.#running -= 1;
    this.#roomForOne?.();
    this.#settle();
  }

  #waitForRoom(): Promise<void> {
    return new Promise((resolve) => {
      this.#roomForOne = resolve;
    });
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#settle();
  }

  #settle(): void {
    if (this.#running > 0) return;
    if (this.#failure !== undefined) this.#over.reject(this.#failure.error);
    else if (this.#ended) this.#over.resolve();
  }
}
