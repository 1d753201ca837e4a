import { ErrorCode, rangeError, show, typeError } from "@socketserver/core";

import { MAX_TIMER_MS } from "./max-timer-ms.ts";

/** How long a call may wait. */
export interface Patience {
  /** In milliseconds, from the call on, an integer >= 0 or `Infinity`. @defaultValue the option of the object that is called */
  readonly timeoutMs?: number;
  /** Aborting it ends the wait: the call rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

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

function checkTimeout(timeoutMs: unknown, problem: string): void {
  if (timeoutMs === Infinity) return;
  const message = `${problem}: timeoutMs must be an integer from 0 to ${MAX_TIMER_MS} or Infinity, received ${show(timeoutMs)}`;
  if (typeof timeoutMs !== "number") throw typeError(ErrorCode.invalidArgument, message);
  const inRange = Number.isInteger(timeoutMs) && timeoutMs >= 0 && timeoutMs <= MAX_TIMER_MS;
  if (!inRange) throw rangeError(ErrorCode.invalidArgument, message);
}
