import type { ListenerSide } from "../server/listener-side.ts";
import { errorToData } from "./error-data.ts";
import type { FromWorker, ToWorker } from "./messages.ts";

/** Do what a worker asks of its server, and make the answer. Never rejects: what the server throws is the answer then. */
export async function answerCall(
  call: Extract<FromWorker, { readonly type: "call" }>,
  server: Pick<ListenerSide, "shutdown" | "close">,
): Promise<ToWorker> {
  const { callId } = call;
  try {
    if (call.method === "close") {
      return { type: "answer", callId, result: await server.close(call.graceMs, call.callerId) };
    }
    await server.shutdown(call.callerId);
    return { type: "answer", callId };
  } catch (error) {
    return { type: "answer", callId, error: errorToData(error) };
  }
}
