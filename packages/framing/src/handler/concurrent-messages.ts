import { ErrorCode, PeerError } from "@socketserver/core";

/** What there is to do, one message after the other. */
export interface MessageWork<In, Reply> {
  /** Messages that are handled at once, at most. */
  readonly limit: number;
  /** Whether the reply to a message waits for those to all earlier ones. */
  readonly inOrder: boolean;
  /** The next message; undefined at the end. */
  next(): Promise<In | undefined>;
  /** What `next()` rejected with: resolves if it can be called again. */
  passOver(error: unknown): Promise<void>;
  /** Handle one. */
  handle(message: In): Promise<Reply>;
  /** Send what `handle()` answered. */
  reply(reply: Reply): Promise<void>;
}

/**
 * Handles several messages of a connection at once.
 *
 * At the first failure nothing more is read. In order, replies that are due before it are still sent, and none after it; out of order, those to all messages
 * under way. The failure is told when these have settled, so that nothing of the handler runs behind its back. A wrong message is looked at when all before it have been answered.
 */
export class ConcurrentMessages<In, Reply> {
  readonly #work: MessageWork<In, Reply>;
  #running = 0;
  /** Resolves when all replies so far have been sent. */
  #lastReply: Promise<void> = Promise.resolve();
  /** Whether nothing more is read. */
  #stopped = false;
  /** What failed first, in the order of replies. */
  #failure: { readonly error: unknown } | undefined;
  /** Who waits until fewer messages are handled. */
  #onOneLess: (() => void) | undefined;
  /** Ends everything, although `next()` may still wait. */
  readonly #failed = Promise.withResolvers<void>();

  constructor(work: MessageWork<In, Reply>) {
    this.#work = work;
  }

  /** Messages that are being handled. */
  get running(): number {
    return this.#running;
  }

  /** Resolves when all messages are handled and answered; rejects with the first failure. */
  run(): Promise<void> {
    return Promise.race([this.#readAll(), this.#failed.promise]);
  }

  async #readAll(): Promise<void> {
    while (!this.#stopped) {
      const message = await this.#next();
      if (message === undefined || this.#hasStopped()) break;
      this.#running += 1;
      void this.#handle(message, this.#lastReply);
      await this.#untilFewerThan(this.#work.limit);
    }
    await this.#untilFewerThan(1);
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  async #next(): Promise<In | undefined> {
    for (;;) {
      try {
        return await this.#work.next();
      } catch (error) {
        // The peer waits for us: nobody is idle.
        if (this.#running > 0 && codeOf(error) === ErrorCode.idleTimeout) continue;
        await this.#untilFewerThan(1);
        if (this.#stopped) return undefined;
        await this.#work.passOver(error);
      }
    }
  }

  async #handle(message: In, previous: Promise<void>): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    if (this.#work.inOrder) this.#lastReply = promise;
    try {
      const reply = await this.#work.handle(message);
      await previous;
      if (this.#failure === undefined || !this.#work.inOrder) await this.#work.reply(reply);
    } catch (error) {
      this.#stopped = true;
      await previous;
      this.#failure ??= { error };
    }
    resolve();
    this.#running -= 1;
    this.#onOneLess?.();
    if (this.#failure !== undefined && this.#running === 0) this.#failed.reject(this.#failure.error);
  }

  async #untilFewerThan(limit: number): Promise<void> {
    while (this.#running >= limit) {
      await new Promise<void>((resolve) => {
        this.#onOneLess = resolve;
      });
    }
  }

  /** Asked again after every wait. */
  #hasStopped(): boolean {
    return this.#stopped;
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof PeerError ? error.code : undefined;
}
