import { ErrorCode, show, typeError } from "@socketserver/core";

/** Arrays and maps inside of each other, at most: as many as are accepted. It also ends what has itself inside. */
const MAX_DEPTH = 512;

const MAX_INTEGER = 2n ** 64n - 1n;
const MIN_INTEGER = -(2n ** 63n);

/**
 * A value as MessagePack tells it: of plain objects, arrays and Maps that are copies, and of what is in them.
 *
 * The library that encodes has a way for everything, and goes by the class; some of its ways tell less than the value, and one tells what stood in memory
 * before. So what has no way of its own in the specification is refused, and what is encoded is what was looked at here: no getter, iterator or
 * `toJSON()` has another word.
 *
 * @throws `TypeError` `ERR_SOCKETSERVER_INVALID_MESSAGE` if MessagePack cannot tell it.
 */
export function packable(value: unknown, depth = 0): unknown {
  if (typeof value === "string" && !value.isWellFormed())
    throw fault("it has half of a surrogate pair, which UTF-8 cannot tell");
  if (typeof value === "bigint" && (value > MAX_INTEGER || value < MIN_INTEGER))
    throw fault(`${value} does not fit 64 bits`);
  if (typeof value === "function" || typeof value === "symbol") throw fault(`MessagePack cannot tell ${show(value)}`);
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Uint8Array || value instanceof ArrayBuffer) return value;
  if (value instanceof Date) return requireTime(value);
  if (depth === MAX_DEPTH) throw fault(`it is nested more than ${MAX_DEPTH} deep`);
  if ("toJSON" in value && typeof value.toJSON === "function")
    throw fault("it has a toJSON(), which MessagePack does not call: send what that answers");
  if (Array.isArray(value)) return packableArray(value, depth);
  return value instanceof Map ? packableMap(value, depth) : packableObject(value, depth);
}

function requireTime(date: Date): Date {
  if (Number.isNaN(date.getTime())) throw fault("it has a Date that is no time");
  return date;
}

function packableArray(array: readonly unknown[], depth: number): unknown[] {
  const copy: unknown[] = [];
  // By index: a class may iterate over something else, or over nothing.
  for (let index = 0; index < array.length; index++) copy.push(packable(array[index], depth + 1));
  return copy;
}

function packableMap(map: ReadonlyMap<unknown, unknown>, depth: number): Map<unknown, unknown> {
  if (Object.getPrototypeOf(map) !== Map.prototype) throw fault("it has a Map of a class of its own: send a plain one");
  const copy = new Map<unknown, unknown>();
  for (const [key, part] of map) {
    requireKey(key);
    copy.set(packable(key), packable(part, depth + 1));
  }
  return copy;
}

/** An object of any class; not what only JavaScript knows: a Set, an Error, a view of memory. */
function packableObject(object: object, depth: number): Readonly<Record<string, unknown>> {
  const kind = Object.prototype.toString.call(object);
  if (kind !== "[object Object]") throw fault(`MessagePack cannot tell what is ${kind}`);
  for (const key of Object.getOwnPropertySymbols(object)) {
    if (Object.prototype.propertyIsEnumerable.call(object, key)) throw fault("a key is a symbol");
  }
  const copy: Record<string, unknown> = {};
  for (const key of Object.keys(object)) {
    requireKey(key);
    copy[packable(key) as string] = packable((object as Readonly<Record<string, unknown>>)[key], depth + 1);
  }
  return copy;
}

function requireKey(key: unknown): void {
  if (key === "__proto__") throw fault("a key is __proto__");
  if (typeof key === "string" || typeof key === "bigint") return;
  if (typeof key !== "number" || !Number.isInteger(key)) throw fault("a key is neither a string nor an integer");
  // The library makes a float of it, which is no key.
  if (key >> 0 !== key && key >>> 0 !== key) throw fault(`the key ${key} has more than 32 bits: it has to be a bigint`);
}

function fault(why: string): TypeError {
  return typeError(ErrorCode.invalidMessage, `Cannot encode message: ${why}`);
}
