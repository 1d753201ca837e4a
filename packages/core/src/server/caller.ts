import { callContext, type CallContext } from "./call-context.ts";
import type { CallerId } from "./listener-side.ts";
import type { RequestRegistry } from "./registry.ts";

/** From where `close()` or `shutdown()` was called, as far as somebody waits for that code. */
export type Caller = Pick<CallContext, "record"> & { readonly place: CallContext["place"] | "outside" };

/** Nobody that the server waits for. */
export const OUTSIDE: Caller = { place: "outside" };

/** Inside of which part of the server with this registry the present code runs. */
export function presentCaller(registry: RequestRegistry): Caller {
  const context = callContext.getStore();
  if (context?.owner !== registry || context.over === true) return OUTSIDE;
  const { place, record } = context;
  if (record === undefined) return { place };
  // What a request has left behind, a timer say, is outside once the request is gone.
  return registry.get(record.id) === record ? { place, record } : OUTSIDE;
}

/** The caller in a worker. */
export function callerInWorker(registry: RequestRegistry, id: CallerId): Caller {
  if (id === "hook") return { place: "worker" };
  const record = id === undefined ? undefined : registry.get(id);
  return record === undefined ? OUTSIDE : { place: "request", record };
}
