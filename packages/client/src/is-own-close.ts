import { ErrorCode } from "@socketserver/core";

import { RequestError } from "./request-error.ts";

/** Whether a call was rejected because this side closed what it was made on. */
export function isOwnClose(error: unknown): boolean {
  return error instanceof RequestError && error.code === ErrorCode.connectionClosed;
}
