import { ErrorCode, formatAddress, type InternetAddress } from "@socketserver/core";

import { codeOf } from "../code-of.ts";
import { describeError } from "../describe-error.ts";
import { RequestError } from "../request-error.ts";

/**
 * What a call rejects with when the system would not look up, open or send.
 *
 * @param verb - What cannot be done with the server.
 * @param sent - Whether any of it may have reached the server.
 */
export function systemFailure(
  verb: "ask" | "send to",
  { address, sent }: { readonly address: InternetAddress; readonly sent: boolean },
  error: unknown,
): RequestError {
  const code = codeOf(error) ?? ErrorCode.connectionClosed;
  const message = `Cannot ${verb} ${formatAddress(address)}: ${describeError(error)}`;
  return new RequestError(code, message, { cause: error, sent });
}
