import { ErrorCode, integer, rangeError, show, typeError, type OptionRule } from "@socketserver/core";

import { MAX_TIMER_MS } from "./max-timer-ms.ts";

/** Pauses that grow. */
export interface BackoffOptions {
  /** The first pause, in milliseconds, an integer >= 0. */
  readonly minDelayMs?: number;
  /** No pause is longer, in milliseconds, an integer >= 0. */
  readonly maxDelayMs?: number;
  /** How many times longer each pause is than the one before, a number >= 1. */
  readonly factor?: number;
  /**
   * The part of each pause that chance may take away, a number from 0 to 1: so those who lost the same server do not come back all at once.
   *
   * @see {@link https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/ | Timeouts, retries and backoff with jitter}
   */
  readonly jitter?: number;
}

/** What a rule for each option of a {@link Backoff} is, with these defaults. */
export function backoffRules(defaults: Required<BackoffOptions>): Readonly<Record<keyof BackoffOptions, OptionRule>> {
  return {
    minDelayMs: pause(defaults.minDelayMs),
    maxDelayMs: pause(defaults.maxDelayMs),
    factor: number(defaults.factor, 1, Infinity),
    jitter: number(defaults.jitter, 0, 1),
  };
}

/**
 * Refuse pauses that begin longer than they may be.
 *
 * @param owner - What cannot be created with them, for the message.
 * @param name - Of the option that has them.
 * @throws `RangeError` `ERR_SOCKETSERVER_INVALID_OPTION` that shows the values.
 */
export function checkBackoff({ minDelayMs, maxDelayMs }: Required<BackoffOptions>, owner: string, name: string): void {
  if (minDelayMs <= maxDelayMs) return;
  throw rangeError(
    ErrorCode.invalidOption,
    `Cannot create ${owner}: ${name}.minDelayMs must be at most ${name}.maxDelayMs, received ${minDelayMs} and ${maxDelayMs}`,
  );
}

/** How long to pause before trying again: longer each time, up to a bound, and less a part that is left to chance. */
export class Backoff {
  readonly #options: Required<BackoffOptions>;
  readonly #random: () => number;
  #next: number;

  /** @param random - From 0 up to 1. */
  constructor(options: Required<BackoffOptions>, random: () => number = Math.random) {
    this.#options = options;
    this.#random = random;
    this.#next = options.minDelayMs;
  }

  /** The next pause, in milliseconds. */
  next(): number {
    const { maxDelayMs, factor, jitter } = this.#options;
    const delay = Math.min(this.#next, maxDelayMs);
    this.#next = Math.min(delay * factor, maxDelayMs);
    return Math.round(delay * (1 - jitter * this.#random()));
  }

  /** Begin anew with the shortest. */
  reset(): void {
    this.#next = this.#options.minDelayMs;
  }
}

function pause(defaultValue: number): OptionRule<number> {
  return integer({ defaultValue, min: 0, max: MAX_TIMER_MS });
}

/** A number that need not be whole. */
function number(defaultValue: number, min: number, max: number): OptionRule<number> {
  const range = max === Infinity ? `a number >= ${min}` : `a number from ${min} to ${max}`;
  return {
    defaultValue,
    check(name, value, owner) {
      const message = `Cannot create ${owner}: ${name} must be ${range}, received ${show(value)}`;
      if (typeof value !== "number") throw typeError(ErrorCode.invalidOption, message);
      if (!Number.isFinite(value) || value < min || value > max) throw rangeError(ErrorCode.invalidOption, message);
    },
  };
}
