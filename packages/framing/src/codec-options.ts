import { resolveOptions, type OptionRules } from "@socketserver/core";

/** Check the options of a codec and fill in its defaults. */
export function codecOptions<Options>(rules: OptionRules, given: Options | undefined): Required<Options> {
  return resolveOptions(rules, given, "", "codec") as Required<Options>;
}
