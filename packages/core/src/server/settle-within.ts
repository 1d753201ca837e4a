import { ErrorCode, SocketServerError } from "../errors.ts";
import { afterArrivals } from "../transport/after-arrivals.ts";
import { LoopTimer } from "../transport/loop-timer.ts";

/** What the hook waits for may have come while this loop was held up. */
const lastTurns = (callback: () => void): void => afterArrivals(undefined, callback);

/**
 * Wait for what a hook answered, at most `limitMs`. A hook that answers at once costs nothing; the late answer of one that was given up is
 * ignored, so that its rejection cannot end the process.
 *
 * @throws `SocketServerError` `ERR_SOCKETSERVER_HOOK_TIMEOUT`, or what the hook rejects with.
 */
export function settleWithin<Value>(
  name: string,
  answer: Value | Promise<Value>,
  limitMs: number,
): Value | Promise<Value> {
  return isPromiseLike(answer) && limitMs !== Infinity ? settleLater(name, answer, limitMs) : answer;
}

function settleLater<Value>(name: string, answer: Promise<Value>, limitMs: number): Promise<Value> {
  return new Promise<Value>((resolve, reject) => {
    const timer = new LoopTimer(() => {
      reject(
        new SocketServerError(ErrorCode.hookTimeout, `Cannot wait for ${name}(): it took longer than ${limitMs} ms`),
      );
    }, lastTurns);
    timer.start(limitMs);
    void Promise.resolve(answer)
      .then(resolve, reject)
      .finally(() => timer.dispose());
  });
}

/** Whether there is something to wait for. */
export function isPromiseLike<Value>(answer: Value | Promise<Value>): answer is Promise<Value> {
  return typeof (answer as { then?: unknown } | null | undefined)?.then === "function";
}
