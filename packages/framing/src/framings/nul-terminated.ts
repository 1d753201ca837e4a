import type { Framing } from "./framing.ts";
import { delimited, type DelimitedOptions } from "./delimited.ts";

/**
 * Messages that end with a zero byte.
 *
 * @throws `TypeError` or `RangeError` `ERR_SOCKETSERVER_INVALID_OPTION` for a wrong option.
 */
export function nulTerminated(options?: DelimitedOptions): Framing {
  return delimited("\0", options);
}
