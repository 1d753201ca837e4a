import { closeReasonFor } from "../transport/close-reason-for.ts";
import { ErrorCode, isDisconnect, rangeError, show, typeError } from "../errors.ts";
import type { HandlerInstance } from "./base-request-handler.ts";

/**
 * Run a handler: `setup()`, `handle()`, `finish()`.
 *
 * `finishRequest` of a server calls it; whoever overrides that to construct a handler with other arguments calls it, too.
 *
 * @throws what the handler throws. An error of `finish()` wins, and has the first one as its `cause`, unless it only says that the peer is gone.
 */
export async function runHandler(handler: HandlerInstance): Promise<void> {
  applySettings(handler);
  const ready = handler.setup();
  // Only what has to be waited for: each wait is a turn for all others.
  if (ready !== undefined) await ready;
  let failure: { readonly error: unknown } | undefined;
  try {
    await handler.handle();
  } catch (error) {
    failure = { error };
    // Before finish(), which has to know: a datagram is not answered after an error.
    handler.request.conclude(closeReasonFor(handler.request, error));
  }
  try {
    const finished = handler.finish();
    if (finished !== undefined) await finished;
  } catch (error) {
    if (failure === undefined) throw error;
    // That the peer is gone must not hide what failed before.
    if (handler.request.owns(error) && isDisconnect(error)) throw failure.error;
    attachCause(error, failure.error);
    throw error;
  }
  if (failure !== undefined) throw failure.error;
}

/** Hand the handler's fields to its request. They are read here because a subclass sets them after the base constructor. */
function applySettings(handler: HandlerInstance): void {
  const { request, timeoutMs, endOnDrain } = handler;
  if ("timeout" in handler) throw plainTimeoutError(handler.constructor.name);
  if (timeoutMs !== undefined) {
    if (typeof timeoutMs !== "number" || !(timeoutMs >= 0)) {
      throw rangeError(
        ErrorCode.invalidHandler,
        `Cannot run ${handler.constructor.name}: timeoutMs must be at least 0 or Infinity, received ${show(timeoutMs)}`,
      );
    }
    request.idleTimeoutMs = timeoutMs;
  }
  if (endOnDrain !== undefined) request.endOnDrain = endOnDrain;
}

/** A ported time-out in seconds must not become milliseconds without a word. */
export function plainTimeoutError(name: string): TypeError {
  return typeError(
    ErrorCode.invalidHandler,
    `Cannot run ${name}: it has a field timeout; use timeoutMs, in milliseconds (Python counts in seconds)`,
  );
}

function attachCause(error: unknown, cause: unknown): void {
  if (error instanceof Error && error !== cause && error.cause === undefined) error.cause = cause;
}
