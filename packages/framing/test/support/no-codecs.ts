import { lines } from "@socketserver/framing";

/** What is no codec, and how it is shown. */
export const NO_CODECS: readonly (readonly [unknown, string])[] = [
  [undefined, "undefined"],
  [null, "null"],
  ["lines", '"lines"'],
  [lines, "lines()"],
  [{ encode: () => Buffer.alloc(0) }, "{}"],
  [{ decoder: () => lines().decoder() }, "{}"],
];
