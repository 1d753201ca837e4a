import { CloseReason } from "../close-reason.ts";
import { closeReasonOf } from "../errors.ts";
import type { ServerRequest } from "./server-request.ts";

/** The close reason of a request whose handler ended with this error. What another connection did is no excuse of this one's peer. */
export function closeReasonFor(request: ServerRequest, error: unknown): CloseReason {
  return request.owns(error) ? closeReasonOf(error) : CloseReason.handlerError;
}
