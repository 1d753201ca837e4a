import { deserialize, serialize } from "node:v8";

import { ErrorCode, show, typeError } from "../errors.ts";

/** What workers are: threads and processes differ in what crosses to them. */
export type WorkerKind = "thread" | "process";

const COPY: Readonly<Record<WorkerKind, (value: unknown) => unknown>> = {
  thread: (value) => structuredClone(value),
  process: (value) => deserialize(serialize(value)) as unknown,
};

/**
 * Check that options arrive in a worker as they are, by copying them in the way in which they will cross.
 *
 * @throws `TypeError` `ERR_SOCKETSERVER_OPTION_NOT_CLONEABLE` that names the option.
 */
export function checkCrossing(options: object, kind: WorkerKind): void {
  checkEntries(Object.entries(options), kind, "", new Set());
}

function checkEntries(entries: Iterable<[unknown, unknown]>, kind: WorkerKind, path: string, seen: Set<unknown>): void {
  for (const [key, value] of entries) {
    const name = path === "" ? String(key) : `${path}.${String(key)}`;
    // An object that holds itself has been looked at.
    if (seen.has(value)) continue;
    if (typeof value === "object") seen.add(value);
    // The innermost value is the one to name.
    const inner = innerEntries(value);
    if (inner === undefined || !isPlain(value)) checkValue(value, kind, name);
    if (inner !== undefined) checkEntries(inner, kind, name, seen);
  }
}

/** What a value holds, if it is one of the plain kinds that hold others. */
function innerEntries(value: unknown): Iterable<[unknown, unknown]> | undefined {
  if (value instanceof Map || value instanceof Set) return value.entries();
  return isPlain(value) ? Object.entries(value) : undefined;
}

function checkValue(value: unknown, kind: WorkerKind, name: string): void {
  let copy: unknown;
  try {
    copy = COPY[kind](value);
  } catch (cause) {
    throw Object.assign(notCloneable(value, kind, name), { cause });
  }
  if (!isSameKind(value, copy)) throw notCloneable(value, kind, name);
}

/** Whether the copy is what the value was: some classes lose themselves on the way without an error. */
function isSameKind(value: unknown, copy: unknown): boolean {
  if (typeof value !== "object" || value === null) return true;
  // A Buffer arrives in a thread as the Uint8Array that it is. What is shared must still be shared.
  if (ArrayBuffer.isView(value)) return ArrayBuffer.isView(copy) && isShared(value) === isShared(copy);
  // The runtime gives copies of its own classes a prototype of their own.
  return (Object.getPrototypeOf(value) as object).isPrototypeOf(copy as object);
}

function isShared({ buffer }: ArrayBufferView): boolean {
  return buffer instanceof SharedArrayBuffer;
}

function isPlain(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null || prototype === Array.prototype;
}

function notCloneable(value: unknown, kind: WorkerKind, name: string): TypeError {
  return typeError(
    ErrorCode.optionNotCloneable,
    `Cannot copy options into a ${kind}: ${name} must be plain data, received ${describe(value)}; make it a method of the server to override`,
  );
}

function describe(value: unknown): string {
  if (typeof value !== "object" || value === null) return show(value);
  return `an instance of ${value.constructor?.name || "a class without a name"}`;
}
