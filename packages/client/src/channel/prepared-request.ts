import type { Codec } from "@socketserver/framing";

import { idFields, idOfRequest, type RequestId } from "../correlation.ts";
import type { ResolvedChannelOptions } from "./channel-options.ts";

/** A request as it goes on the wire: what was asked cannot change any more. */
export interface PreparedRequest {
  readonly bytes: Uint8Array;
  readonly id: RequestId | undefined;
}

/**
 * Encode a request, and find its id.
 *
 * @throws `TypeError` or `RangeError` `ERR_SOCKETSERVER_INVALID_MESSAGE` if the codec cannot tell it, or it has no id.
 */
export function prepareRequest<Out>(
  message: Out,
  codec: Codec<unknown, Out>,
  { correlateBy }: ResolvedChannelOptions,
): PreparedRequest {
  const id = correlateBy === undefined ? undefined : idOfRequest(message, idFields(correlateBy));
  return { bytes: codec.encode(message), id };
}
