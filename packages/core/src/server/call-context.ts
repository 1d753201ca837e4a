import { AsyncLocalStorage } from "node:async_hooks";

import type { RequestRecord } from "./request-record.ts";

/** Inside of what the present code was called by the framework. */
export interface CallContext {
  /** Stands for the server; a worker's hooks have none. */
  readonly owner?: object;
  /** Which part of the server waits for this code. */
  readonly place: "request" | "loop" | "opening" | "stopping" | "worker";
  /** The request, if the code belongs to one. */
  readonly record?: RequestRecord;
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
