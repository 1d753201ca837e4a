import type { OptionRules } from "@socketserver/core";

/** Of options that were checked together, those that have these rules. */
export function pickOptions<Options extends object>(options: Options, rules: OptionRules): Options {
  return Object.fromEntries(Object.entries(options).filter(([name]) => Object.hasOwn(rules, name))) as Options;
}
