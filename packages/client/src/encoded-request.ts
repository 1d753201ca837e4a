import { ErrorCode, show, typeError } from "@socketserver/core";

import { idFields, idOfRequest, type IdFields, type RequestId } from "./correlation.ts";

/** A request as it goes on the wire: what was asked cannot change any more. */
export interface EncodedRequest {
  readonly bytes: Uint8Array;
  /** What tells it from others; undefined if something else does. */
  readonly id: RequestId | undefined;
}

/**
 * Encode a request, and find its id, if it is to have one.
 *
 * @throws `TypeError` or `RangeError` `ERR_SOCKETSERVER_INVALID_MESSAGE` if it cannot be encoded, or has no id.
 */
export function encodeRequest<Out>(
  message: Out,
  encode: (message: Out) => Uint8Array,
  correlateBy: string | IdFields | undefined,
): EncodedRequest {
  const id = correlateBy === undefined ? undefined : idOfRequest(message, idFields(correlateBy));
  const bytes: unknown = encode(message);
  if (bytes instanceof Uint8Array) return { bytes, id };
  throw typeError(
    ErrorCode.invalidMessage,
    `Cannot encode message: encode() of the codec must answer a Uint8Array, received ${show(bytes)}`,
  );
}
