/** Why nothing comes or leaves any more. What most connections end with is asked for by nobody, and the stack of an error costs more than a small answer. */
export type Failure = Error | (() => Error);

/** The error itself; the same one each time, if the failure makes it only once. */
export function errorOf(failure: Failure): Error {
  return typeof failure === "function" ? failure() : failure;
}

/** A promise that rejects with what was thrown, whatever that is: for functions that answer a promise and are not `async`, which would cost a second one. */
export async function rejected(error: unknown): Promise<never> {
  throw error;
}
