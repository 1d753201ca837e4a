/**
 * Happy Eyeballs (RFC 8305): addresses are tried in order, each with a head start on the next; the first connection wins, and the others are given up.
 *
 * Unlike the runtime's own, an attempt whose head start is over stays in the race: an address that is merely slow is no failure.
 *
 * @module
 */

import { SocketServerError, type Address } from "@socketserver/core";
import type { Socket } from "node:net";

import { ClientErrorCode } from "../client-error-code.ts";
import type { FailedAttempt } from "../connect-error.ts";
import { Attempt } from "./attempt.ts";
import type { ResolvedConnectOptions } from "./connect-options.ts";

/** Who has won. */
export interface Winner {
  readonly socket: Socket;
  readonly address: Address;
}

/** Attempts that run beside each other. */
export class Race {
  /** Resolves with the first connection; undefined if all attempts failed, or it was stopped. */
  readonly won: Promise<Winner | undefined>;
  readonly #options: ResolvedConnectOptions;
  readonly #finish: (winner: Winner | undefined) => void;
  readonly #running = new Set<Attempt>();
  readonly #failures = new Map<Address, FailedAttempt["error"] | undefined>();
  #allStarted = false;
  #over = false;
  /** The attempt that has its head start, and how to end that. */
  #newest: Attempt | undefined;
  #goOn: () => void = () => {};

  constructor(options: ResolvedConnectOptions) {
    this.#options = options;
    const { promise, resolve } = Promise.withResolvers<Winner | undefined>();
    this.won = promise;
    this.#finish = resolve;
  }

  /** What was tried and brought no connection, in that order; what still runs has none as yet. */
  get attempts(): readonly FailedAttempt[] {
    return [...this.#failures].map(([address, error]) => ({ address, error: error ?? unfinished() }));
  }

  /** Try the addresses; resolves when all have been started, or it is over. */
  async run(addresses: AsyncGenerator<Address, void, void>): Promise<void> {
    for await (const address of addresses) {
      if (this.#over) return;
      await this.#start(address);
      // Before another name is looked up.
      if (this.#over) return;
    }
    this.#allStarted = true;
    if (this.#running.size === 0) this.#end(undefined);
  }

  /** A name stands for no address. */
  failed({ address, error }: FailedAttempt): void {
    this.#failures.set(address, error);
  }

  /** Give up what runs. */
  stop(): void {
    this.#end(undefined);
  }

  /** Start an attempt; resolves when its head start is over. */
  #start(address: Address): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const { attemptDelayMs } = this.#options;
    const timer = attemptDelayMs === Infinity ? undefined : setTimeout(resolve, attemptDelayMs);
    this.#goOn = () => {
      clearTimeout(timer);
      resolve();
    };
    this.#failures.set(address, undefined);
    this.#newest = new Attempt(address, this.#options, this.#ended);
    this.#running.add(this.#newest);
    return promise;
  }

  readonly #ended = (attempt: Attempt, outcome: Socket | FailedAttempt["error"]): void => {
    this.#running.delete(attempt);
    if (!(outcome instanceof Error)) {
      this.#end({ socket: outcome, address: attempt.address });
      return;
    }
    this.#failures.set(attempt.address, outcome);
    if (this.#allStarted && this.#running.size === 0) this.#end(undefined);
    else if (attempt === this.#newest) this.#goOn();
  };

  #end(winner: Winner | undefined): void {
    this.#over = true;
    for (const attempt of this.#running) attempt.giveUp();
    this.#running.clear();
    this.#finish(winner);
    this.#goOn();
  }
}

function unfinished(): FailedAttempt["error"] {
  return new SocketServerError(
    ClientErrorCode.connectTimeout,
    "Cannot connect: it was under way when the time was over",
  );
}
