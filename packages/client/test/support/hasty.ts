/** Options of a channel that comes back, and goes, without long pauses; chance has no part in them. */
export const HASTY = { backoff: { minDelayMs: 1, maxDelayMs: 5, jitter: 0 }, lingerMs: 100 } as const;
