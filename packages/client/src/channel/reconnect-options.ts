import { integer, type OptionRules } from "@socketserver/core";

import { backoffRules, type BackoffOptions } from "../backoff.ts";

/** When a lost connection is made again. */
export interface ReconnectOptions {
  /**
   * How long to pause before each attempt: 100 ms at first, twice as long each time, 30 000 ms at most, of which half is left to chance. It begins anew after a connection
   * that has lasted for `stableMs`.
   * @defaultValue `{ minDelayMs: 100, maxDelayMs: 30000, factor: 2, jitter: 0.5 }`
   */
  readonly backoff?: BackoffOptions;
  /**
   * How long a connection has to last to count as a success, in milliseconds, an integer >= 0: so a server that accepts and hangs up at once is not asked again and again.
   * @defaultValue 5000
   */
  readonly stableMs?: number;
  /**
   * Attempts in a row that may fail before it is given up, an integer >= 1 or `Infinity`. A connection that does not last for `stableMs` counts among them.
   * @defaultValue Infinity
   */
  readonly maxAttempts?: number;
  /**
   * How often an idempotent request is sent again after a connection that was lost before its reply came, an integer >= 0 or `Infinity`: so one that ends the server ends
   * it a few times only.
   * @defaultValue 3
   */
  readonly maxResends?: number;
}

/** What {@link ReconnectOptions} are when they are checked and complete. */
export interface ResolvedReconnectOptions extends Required<Omit<ReconnectOptions, "backoff">> {
  readonly backoff: Required<BackoffOptions>;
}

/** The rules of {@link ReconnectOptions}. */
export const RECONNECT_OPTION_RULES = {
  backoff: backoffRules({ minDelayMs: 100, maxDelayMs: 30_000, factor: 2, jitter: 0.5 }),
  stableMs: integer({ defaultValue: 5_000, min: 0 }),
  maxAttempts: integer({ defaultValue: Infinity, min: 1, unbounded: true }),
  maxResends: integer({ defaultValue: 3, min: 0, unbounded: true }),
} satisfies OptionRules;
