import { getSystemErrorMessage } from "node:util";

/** An error as a part of a message: a system error in the system's words, any other in its own; with its code, if it has one. */
export function describeError(error: unknown): string {
  const { code, errno, message } = error as NodeJS.ErrnoException;
  const words = errno === undefined ? message : getSystemErrorMessage(errno);
  return code === undefined ? words : `${words} (${code})`;
}
