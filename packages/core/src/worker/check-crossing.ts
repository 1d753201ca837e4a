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
export function checkCrossing(options: object, kind: WorkerKind, path = ""): void {
  for (const [key, value] of Object.entries(options) as [string, unknown][]) {
    const name = path === "" ? key : `${path}.${key}`;
    // The innermost one is the one to name.
    if (isPlain(value)) checkCrossing(value, kind, name);
    else checkValue(value, kind, name);
  }
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
  // A Buffer arrives in a thread as the Uint8Array that it is.
  if (ArrayBuffer.isView(value)) return ArrayBuffer.isView(copy);
  return Object.getPrototypeOf(value) === Object.getPrototypeOf(copy);
}

function isPlain(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null || Array.isArray(value);
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
