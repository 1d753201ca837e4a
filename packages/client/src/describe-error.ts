import { getSystemErrorMessage } from "node:util";

import { textOf } from "./text-of.ts";

/** An error as a part of a message: a system error in the system's words, any other in its own; with its code, if it has one. Whatever was thrown. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return textOf(error);
  const { code, errno, syscall, message } = error as NodeJS.ErrnoException;
  // Libraries have numbers of their own, which the system does not know or knows as something else.
  const words = syscall !== undefined && errno !== undefined && errno < 0 ? getSystemErrorMessage(errno) : message;
  return code === undefined ? words : `${words} (${code})`;
}
