import { show } from "@socketserver/core";

/** Arrays and maps inside of each other, at most: as many as are accepted. It also ends what has itself inside. */
const MAX_DEPTH = 512;

const MAX_INTEGER = 2n ** 64n - 1n;
const MIN_INTEGER = -(2n ** 63n);

/**
 * Why MessagePack cannot tell a value, or undefined if it can.
 *
 * The library that encodes has a way for everything; some of its ways tell less than the value, and one tells what stood in memory before. So what has no
 * way of its own in the specification is refused.
 */
export function unpackable(value: unknown, depth = 0): string | undefined {
  if (typeof value === "string")
    return value.isWellFormed() ? undefined : "it has half of a surrogate pair, which UTF-8 cannot tell";
  if (typeof value === "bigint")
    return value > MAX_INTEGER || value < MIN_INTEGER ? `${value} does not fit 64 bits` : undefined;
  if (typeof value === "function" || typeof value === "symbol") return `MessagePack cannot tell ${show(value)}`;
  if (typeof value !== "object" || value === null) return undefined;
  if (value instanceof Uint8Array || value instanceof ArrayBuffer) return undefined;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "it has a Date that is no time" : undefined;
  if (depth === MAX_DEPTH) return `it is nested more than ${MAX_DEPTH} deep`;
  if (Array.isArray(value)) return firstFault(value, depth);
  if (value instanceof Map)
    return [...value.keys()].every(isKey)
      ? firstFault([...value].flat(1), depth)
      : "a key is neither a string nor an integer";
  // An object of any class; not what only JavaScript knows: a Set, an Error, a view of memory.
  const kind = Object.prototype.toString.call(value);
  if (kind === "[object Object]" && Object.hasOwn(value, "__proto__")) return "a key is __proto__";
  if (kind === "[object Object]") return firstFault(Object.entries(value).flat(1), depth);
  return `MessagePack cannot tell what is ${kind}`;
}

function firstFault(parts: readonly unknown[], depth: number): string | undefined {
  for (const part of parts) {
    const fault = unpackable(part, depth + 1);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function isKey(key: unknown): boolean {
  return typeof key === "string" || typeof key === "bigint" || Number.isInteger(key);
}
