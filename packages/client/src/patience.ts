import { ErrorCode, milliseconds, show, typeError } from "@socketserver/core";

/** How long a call may wait. */
export interface Patience {
  /** In milliseconds, from the call on, an integer >= 0 or `Infinity`. @defaultValue the option of the object that is called */
  readonly timeoutMs?: number;
  /** Aborting it ends the wait: the call rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

const TIMEOUT = milliseconds(Infinity);

/**
 * Refuse a time or a signal that is none.
 *
 * @param problem - What cannot be done, for the message.
 * @param others - What else may be said beside.
 * @throws `TypeError` or `RangeError` `ERR_SOCKETSERVER_INVALID_ARGUMENT` that shows the value, or the reason of a signal that is aborted already.
 */
export function checkPatience(patience: Patience, problem: string, others: readonly string[] = []): void {
  if (typeof patience !== "object" || patience === null) {
    const example = "an object such as { timeoutMs: 1000 }";
    throw typeError(
      ErrorCode.invalidArgument,
      `${problem}: the last argument must be ${example}, received ${show(patience)}`,
    );
  }
  for (const name of Object.keys(patience)) {
    if (name !== "timeoutMs" && name !== "signal" && !others.includes(name)) throw unknown(name, problem, others);
  }
  const { timeoutMs, signal } = patience;
  if (timeoutMs !== undefined) checkTimeout(timeoutMs, problem);
  if (signal !== undefined) checkSignal(signal, problem);
}

function unknown(name: string, problem: string, others: readonly string[]): TypeError {
  const known = [...others, "signal", "timeoutMs"].join(", ");
  return typeError(ErrorCode.invalidArgument, `${problem}: there is no option ${show(name)}: known are ${known}`);
}

function checkSignal(signal: unknown, problem: string): void {
  if (signal instanceof AbortSignal) {
    signal.throwIfAborted();
    return;
  }
  throw typeError(ErrorCode.invalidArgument, `${problem}: signal must be an AbortSignal, received ${show(signal)}`);
}

/** The rule of all times, told as one of arguments. */
function checkTimeout(timeoutMs: unknown, problem: string): void {
  try {
    TIMEOUT.check("timeoutMs", timeoutMs);
  } catch (error) {
    const { message } = error as Error;
    throw Object.assign(error as Error, {
      code: ErrorCode.invalidArgument,
      message: message.replace("Cannot create server", problem),
    });
  }
}
