/**
 * How options are checked.
 *
 * Each option is one rule: its default and what is allowed. A class that adds options names its rules in a static field
 * (see `mixin.ts`), and the base constructor collects them along the chain: so every option is known, documented and checked in
 * one place, an unknown key is an error, and the resolved options are frozen plain data.
 *
 * @module
 */

import { ErrorCode, rangeError, show, typeError } from "./errors.ts";

/** One option: its default, and the check of a given value. */
export interface OptionRule<Value = unknown> {
  /** The value when nothing is given. */
  readonly defaultValue: Value;
  /**
   * Throw a `TypeError` or a `RangeError` that shows the value.
   *
   * @param owner - What cannot be created with it; "server" unless given.
   */
  check(name: string, value: unknown, owner?: string): void;
}

/** Rules by the name of their option; a nested table stands for options nested under a mixin's own key. */
export interface OptionRules {
  readonly [name: string]: OptionRule | OptionRules;
}

/** The bounds of a number. */
export interface NumberRule {
  readonly defaultValue: number;
  readonly min: number;
  /** The largest finite value. @defaultValue `Number.MAX_SAFE_INTEGER` */
  readonly max?: number;
  /** Whether `Infinity`, without bound, is allowed. @defaultValue `false` */
  readonly unbounded?: boolean;
}

/** `setTimeout` counts in a signed 32-bit integer; a longer time would fire at once. */
export const MAX_TIMER_MS = 2_147_483_647;

/** A whole number. */
export function integer({
  defaultValue,
  min,
  max = Number.MAX_SAFE_INTEGER,
  unbounded = false,
}: NumberRule): OptionRule<number> {
  const upper = max === Number.MAX_SAFE_INTEGER ? `>= ${min}` : `from ${min} to ${max}`;
  const range = `an integer ${upper}${unbounded ? " or Infinity" : ""}`;
  return {
    defaultValue,
    check(name, value, owner) {
      if (typeof value !== "number") throw invalidType(name, range, value, owner);
      if (unbounded && value === Infinity) return;
      if (!Number.isInteger(value) || value < min || value > max) throw outOfRange(name, range, value, owner);
    },
  };
}

/** A time in milliseconds; `Infinity` is without bound. */
export function milliseconds(defaultValue: number, min = 0): OptionRule<number> {
  return integer({ defaultValue, min, max: MAX_TIMER_MS, unbounded: true });
}

/** True or false. */
export function flag(defaultValue: boolean): OptionRule<boolean> {
  return {
    defaultValue,
    check(name, value, owner) {
      if (typeof value !== "boolean") throw invalidType(name, "true or false", value, owner);
    },
  };
}

/** One of a few values. */
export function oneOf<Value>(defaultValue: Value, values: readonly Value[]): OptionRule<Value> {
  return {
    defaultValue,
    check(name, value, owner) {
      if (!values.includes(value as Value))
        throw outOfRange(name, `one of ${values.map(show).join(", ")}`, value, owner);
    },
  };
}

/** A rule whose default is decided elsewhere: the option stays undefined unless given. */
export function optional(rule: OptionRule): OptionRule {
  return { defaultValue: undefined, check: (name, value, owner) => rule.check(name, value, owner) };
}

/**
 * Check options against rules and fill in the defaults. The caller's object is not changed; the result is frozen.
 *
 * @param path - Where the options stand inside of others.
 * @param owner - What cannot be created with wrong ones, for the message.
 * @throws `TypeError` or `RangeError` `ERR_SOCKETSERVER_INVALID_OPTION` that names the option and shows the value.
 */
export function resolveOptions(
  rules: OptionRules,
  given: unknown,
  path = "",
  owner = "server",
): Readonly<Record<string, unknown>> {
  if (given !== undefined && (typeof given !== "object" || given === null || Array.isArray(given))) {
    throw invalidType(path === "" ? "options" : path, "an object", given, owner);
  }
  const values = (given ?? {}) as Readonly<Record<string, unknown>>;
  for (const key of Object.keys(values)) {
    if (!Object.hasOwn(rules, key)) throw unknownOption(rules, key, path, owner);
  }
  const resolved: Record<string, unknown> = {};
  for (const [key, rule] of Object.entries(rules)) {
    const name = path === "" ? key : `${path}.${key}`;
    const value = values[key];
    if (!isRule(rule)) resolved[key] = resolveOptions(rule, value, name, owner);
    else if (value === undefined) resolved[key] = rule.defaultValue;
    else {
      rule.check(name, value, owner);
      resolved[key] = value;
    }
  }
  return Object.freeze(resolved);
}

function isRule(rule: OptionRule | OptionRules): rule is OptionRule {
  return typeof rule["check"] === "function";
}

function unknownOption(rules: OptionRules, key: string, path: string, owner: string): TypeError {
  const name = path === "" ? key : `${path}.${key}`;
  const known = Object.keys(rules).toSorted();
  const times = known.filter((each) =>
    known.includes("timeoutMs") ? each === "timeoutMs" : each.endsWith("TimeoutMs"),
  );
  const remedy =
    key === "timeout" && times.length > 0
      ? `use ${times.join(" or ")}, in milliseconds (Python counts in seconds)`
      : `known are ${known.join(", ")}`;
  return typeError(ErrorCode.invalidOption, `Cannot create ${owner}: there is no option ${show(name)}: ${remedy}`);
}

function invalidType(name: string, expected: string, value: unknown, owner = "server"): TypeError {
  return typeError(
    ErrorCode.invalidOption,
    `Cannot create ${owner}: ${name} must be ${expected}, received ${show(value)}`,
  );
}

function outOfRange(name: string, expected: string, value: unknown, owner = "server"): RangeError {
  return rangeError(
    ErrorCode.invalidOption,
    `Cannot create ${owner}: ${name} must be ${expected}, received ${show(value)}`,
  );
}
