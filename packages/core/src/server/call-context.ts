import { AsyncLocalStorage } from "node:async_hooks";

import type { RequestRecord } from "./request-record.ts";
import { isPromiseLike } from "./settle-within.ts";

/** Inside of what the present code was called by the framework. */
export interface CallContext {
  /** Stands for the server; a worker's hooks have none. */
  readonly owner?: object;
  /** Which part of the server waits for this code. */
  readonly place: "request" | "loop" | "opening" | "stopping" | "worker";
  /** The request, if the code belongs to one. */
  readonly record?: RequestRecord;
  /** Whether nobody waits for this code any more: what it left behind, a timer say, finds it for ever. */
  over?: boolean;
}

/**
 * Inside of what the present code runs. It answers one question: what `close()` and `shutdown()` must not wait for, because it waits for them.
 */
export const callContext = new AsyncLocalStorage<CallContext>();

/** Run what belongs to a request. Inside of the same request already nothing has to be remembered again: that costs as much as an answer. */
export function inRequest<Value>(owner: object, record: RequestRecord, work: () => Value): Value {
  const present = callContext.getStore();
  if (present?.record === record && present.owner === owner && present.place === "request") return work();
  return callContext.run({ owner, place: "request", record }, work);
}

/** Run a hook that a part of the server waits for. What it answers later is waited for once, here: a query that is sent by `then()` is sent once. */
export function inPlace<Value>(
  owner: object,
  place: CallContext["place"],
  hook: () => Value | Promise<Value>,
): Value | Promise<Value> {
  const context: CallContext = { owner, place };
  const end = (): void => {
    context.over = true;
  };
  return callContext.run(context, () => {
    let later: Promise<Value> | undefined;
    try {
      const answer = hook();
      if (!isPromiseLike(answer)) return answer;
      later = Promise.resolve(answer);
      later.then(end, end);
      return later;
    } finally {
      if (later === undefined) end();
    }
  });
}
