/** `setTimeout` counts in a signed 32-bit integer; a longer time would fire at once. */
export const MAX_TIMER_MS = 2_147_483_647;
