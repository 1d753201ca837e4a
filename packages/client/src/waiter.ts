import { isOwnClose } from "./is-own-close.ts";
import type { Patience } from "./patience.ts";

/** Lets whatever has come meanwhile be seen, then calls back. */
export type Confirmation = (callback: () => void) => void;

/** What surrounds a {@link Waiter}. */
export interface WaiterSurroundings {
  /** What it rejects with when its time is over. */
  timedOut(): Error;
  /** Called when its time is over (`expired`), or its signal aborted, right after it was rejected. */
  gaveUp?(expired: boolean): void;
  /** Called before it gives up for its time: a reply that is here already, and was not looked at, is in time. */
  readonly confirm?: Confirmation | undefined;
}

/** Someone who waits for a value: until it comes, his time is over, or his signal is aborted. Then nothing is left of him, no timer and no listener. */
export class Waiter<Value> {
  readonly promise: Promise<Value>;
  readonly #resolve: (value: Value) => void;
  readonly #reject: (error: unknown) => void;
  readonly #surroundings: WaiterSurroundings;
  readonly #signal: AbortSignal | undefined;
  #timer: NodeJS.Timeout | undefined;
  #settled = false;

  /** @param patience - Checked already. */
  constructor({ timeoutMs = Infinity, signal }: Patience, surroundings: WaiterSurroundings) {
    const { promise, resolve, reject } = Promise.withResolvers<Value>();
    this.promise = promise;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#surroundings = surroundings;
    this.#signal = signal;
    if (timeoutMs !== Infinity) this.#timer = setTimeout(this.#expire, timeoutMs);
    if (signal?.aborted === true) queueMicrotask(this.#abort);
    else signal?.addEventListener("abort", this.#abort, { once: true });
  }

  /** Whether it is over: the value has come, or will not. */
  get settled(): boolean {
    return this.#settled;
  }

  /** The value has come; false if it is too late. */
  resolve(value: Value): boolean {
    if (!this.#settle()) return false;
    this.#resolve(value);
    return true;
  }

  /** No value will come; false if one has, or it is known already. */
  reject(reason: unknown): boolean {
    if (!this.#settle()) return false;
    this.#reject(reason);
    // Whoever closes it knows that: a call that he has left alone is no error which nobody caught.
    if (isOwnClose(reason)) this.promise.catch(() => undefined);
    return true;
  }

  #settle(): boolean {
    if (this.#settled) return false;
    this.#settled = true;
    clearTimeout(this.#timer);
    this.#signal?.removeEventListener("abort", this.#abort);
    return true;
  }

  readonly #expire = (): void => {
    const { confirm } = this.#surroundings;
    const giveUp = (): void => {
      if (!this.#settled) this.#giveUp(this.#surroundings.timedOut(), true);
    };
    if (confirm === undefined) giveUp();
    else confirm(giveUp);
  };

  readonly #abort = (): void => this.#giveUp(this.#signal?.reason, false);

  #giveUp(error: unknown, expired: boolean): void {
    if (this.reject(error)) this.#surroundings.gaveUp?.(expired);
  }
}
