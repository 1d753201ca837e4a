import type { ListenerSide } from "../server/listener-side.ts";
import { errorToData } from "./error-data.ts";
import type { ToWorker, WorkerCall } from "./messages.ts";

/** Do what a worker asks of its server, and make the answer. Never rejects: what the server throws is the answer then. */
export async function answerCall(
  call: WorkerCall,
  server: Pick<ListenerSide, "shutdown" | "close" | "changeAdmission" | "deny">,
): Promise<ToWorker> {
  const { callId } = call;
  try {
    if (call.method === "close") {
      return { type: "answer", callId, result: await server.close(call.options, call.callerId) };
    }
    if (call.method === "shutdown") await server.shutdown(call.callerId);
    else if (call.method === "deny") await server.deny(...call.clients);
    else await server.changeAdmission(call.options);
    return { type: "answer", callId };
  } catch (error) {
    return { type: "answer", callId, error: errorToData(error) };
  }
}
