import { ErrorCode } from "@socketserver/core";

import { ProtocolError } from "../protocol-error.ts";

/** What came is longer than the bound. */
export function tooLong(maxLength: number): ProtocolError {
  return new ProtocolError(ErrorCode.tooBig, `Cannot decode message: it is longer than ${maxLength} bytes`);
}
