import { textOf } from "./text-of.ts";

/** Whatever was thrown, as an error: people's code may throw anything. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(textOf(thrown));
}
