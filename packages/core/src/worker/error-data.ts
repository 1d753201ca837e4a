/**
 * Errors on their way between a worker and the listener side.
 *
 * Structured cloning keeps the message and the stack of an error, and loses its class, its code and its own fields. What a reader needs of an
 * error is exactly these, so errors travel as data and are built again on arrival.
 *
 * @module
 */

import { serialize } from "node:v8";

import { PeerError, SocketServerError, show, toError } from "../errors.ts";

/** An error, or whatever else was thrown, as plain data. */
export type ErrorData =
  | {
      readonly kind: "error";
      readonly name: string;
      /** The name of the nearest class of which both sides know what it is. */
      readonly kin: string;
      readonly message: string;
      readonly stack: string | undefined;
      readonly cause: ErrorData | undefined;
      /** Of an `AggregateError`. */
      readonly errors: readonly ErrorData[] | undefined;
      /** Own fields, such as `code`, that can be cloned. */
      readonly fields: Readonly<Record<string, unknown>>;
    }
  | { readonly kind: "value"; readonly value: unknown };

/** An error that is the cause of its cause ends the chain here. */
const MAX_CAUSES = 8;

/** What travels beside the other fields. */
const TOLD_APART: ReadonlySet<string> = new Set(["name", "message", "stack", "cause", "errors"]);

const CLASSES: Readonly<Record<string, { readonly prototype: Error }>> = {
  AggregateError,
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
  SocketServerError,
  PeerError,
};

/** Take an error apart. */
export function errorToData(thrown: unknown, depth = 0): ErrorData {
  const error = toError(thrown);
  if (error !== thrown) return { kind: "value", value: cloneable(thrown) ? thrown : textOf(thrown) };
  const fields = Object.fromEntries(
    Object.keys(error)
      .filter((key) => !TOLD_APART.has(key))
      .map((key) => [key, readSafely(error, key)] as const)
      .filter(([, value]) => value !== undefined && cloneable(value)),
  );
  const inner = depth === MAX_CAUSES ? undefined : readSafely(error, "cause");
  const several = error instanceof AggregateError && depth < MAX_CAUSES ? readSafely(error, "errors") : undefined;
  const stack = readSafely(error, "stack");
  return {
    kind: "error",
    name: textOf(readSafely(error, "name")),
    kin: kinOf(error),
    message: textOf(readSafely(error, "message")),
    stack: stack === undefined ? undefined : textOf(stack),
    cause: inner === undefined ? undefined : errorToData(inner, depth + 1),
    errors: Array.isArray(several) ? several.map((one: unknown) => errorToData(one, depth + 1)) : undefined,
    fields,
  };
}

/** Build an error again: of the same class if that is a built-in one or ours, else of the nearest such class that it extends, under its own name. */
export function errorFromData(data: ErrorData): unknown {
  if (data.kind === "value") return data.value;
  const { name, kin, message, stack, cause, errors, fields } = data;
  const error: Error = Object.create((CLASSES[kin] ?? Error).prototype) as Error;
  const hidden = (value: unknown): PropertyDescriptor => ({
    value,
    writable: true,
    configurable: true,
    enumerable: false,
  });
  Object.defineProperty(error, "message", hidden(message));
  Object.defineProperty(error, "stack", hidden(stack));
  if (error.name !== name) Object.defineProperty(error, "name", hidden(name));
  if (cause !== undefined) Object.defineProperty(error, "cause", hidden(errorFromData(cause)));
  if (errors !== undefined) Object.defineProperty(error, "errors", hidden(errors.map(errorFromData)));
  // Defined, not assigned: one of them may be called `__proto__`.
  return Object.defineProperties(error, Object.getOwnPropertyDescriptors(fields));
}

function kinOf(error: Error): string {
  for (let known = Object.getPrototypeOf(error) as unknown; known !== null; known = Object.getPrototypeOf(known)) {
    for (const [name, { prototype }] of Object.entries(CLASSES)) if (known === prototype) return name;
  }
  return "Error";
}

/** A field, or undefined if reading it throws: a getter of somebody else's error must not hide the error. */
function readSafely(error: Error, key: string): unknown {
  try {
    return (error as unknown as Readonly<Record<string, unknown>>)[key];
  } catch {
    return undefined;
  }
}

/** A value as text, even if it does not know how to become one. */
function textOf(value: unknown): string {
  try {
    return String(value);
  } catch {
    return show(value);
  }
}

/** Whether a value crosses to threads and between processes. */
function cloneable(value: unknown): boolean {
  try {
    structuredClone(value);
    serialize(value);
    return true;
  } catch {
    return false;
  }
}
