import { oneOf } from "@socketserver/core";

import type { Framing } from "./framing.ts";
import { DELIMITED_RULES, DelimitedFraming, type DelimitedOptions } from "./delimited.ts";
import { codecOptions } from "../codec-options.ts";

/** Options of {@link lines}. */
export interface LinesOptions extends DelimitedOptions {
  /**
   * What ends a line: `"lf"`, `"crlf"`, or `"either"`, which accepts both and sends LF. With `"lf"` a CR before it is part of the line, with `"crlf"` a lone LF is.
   * @defaultValue "either"
   */
  readonly ending?: "lf" | "crlf" | "either";
}

const RULES = { ...DELIMITED_RULES, ending: oneOf("either", ["lf", "crlf", "either"]) };

/**
 * Messages that are lines. Unlike the lines of `rfile`, they come without their ending.
 *
 * @throws `TypeError` or `RangeError` `ERR_SOCKETSERVER_INVALID_OPTION` for a wrong option.
 */
export function lines(options?: LinesOptions): Framing {
  const { ending, maxLength, unterminated } = codecOptions<LinesOptions>(RULES, options);
  const bytes = Buffer.from(ending === "crlf" ? "\r\n" : "\n");
  return new DelimitedFraming({ bytes, orCarriageReturn: ending === "either" }, { maxLength, unterminated });
}
