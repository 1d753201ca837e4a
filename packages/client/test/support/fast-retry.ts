import type { RetryOptions } from "@socketserver/client";

/** Pauses that a test can wait for, as often as it takes. */
export const FAST: RetryOptions = { minDelayMs: 20, maxDelayMs: 200, jitter: 0, maxAttempts: Infinity };

/** One try, and time enough for whatever comes. */
export const ONE_TRY: RetryOptions = { minDelayMs: 300, jitter: 0, maxAttempts: 1 };

/** Pauses that no test waits for: whatever comes, comes to the first try. */
export const NO_RETRY: RetryOptions = { minDelayMs: 60_000, maxDelayMs: 60_000 };
