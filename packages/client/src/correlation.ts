/**
 * Which reply belongs to which request.
 *
 * @module
 */

import { ErrorCode, rangeError, show, typeError, type OptionRule } from "@socketserver/core";

/** The names of the fields that messages have. */
export type FieldOf<Message> = unknown extends Message
  ? string
  : Message extends object
    ? keyof Message & string
    : never;

/** The field that has the id, in both kinds of messages or in each of them. */
export type CorrelateBy<In, Out> =
  | (FieldOf<In> & FieldOf<Out>)
  | { readonly request: FieldOf<Out>; readonly reply: FieldOf<In> };

/** What tells one request from another. The same integer is the same id, as a number or as a bigint. */
export type RequestId = string | number | bigint;

/** The fields of the ids. */
export interface IdFields {
  readonly request: string;
  readonly reply: string;
}

/** The rule of the option `correlateBy`. */
export const CORRELATE_BY: OptionRule<string | IdFields | undefined> = {
  defaultValue: undefined,
  check(name, value, owner) {
    const fields = typeof value === "string" ? [value] : fieldsOf(value);
    if (fields.length > 0 && fields.every((each) => typeof each === "string" && each !== "")) return;
    throw typeError(
      ErrorCode.invalidOption,
      `Cannot create ${owner}: ${name} must be the name of the field with the id, or { request, reply } with two such names, received ${show(value)}`,
    );
  },
};

function fieldsOf(value: unknown): readonly unknown[] {
  const { request, reply, ...rest } = (value ?? {}) as Readonly<Record<string, unknown>>;
  return Object.keys(rest).length === 0 ? [request, reply] : [];
}

/** The fields that the option names. */
export function idFields(correlateBy: string | IdFields): IdFields {
  return typeof correlateBy === "string" ? { request: correlateBy, reply: correlateBy } : correlateBy;
}

/**
 * The id of a request.
 *
 * @throws `TypeError` `ERR_SOCKETSERVER_INVALID_MESSAGE` if it has none.
 */
export function idOfRequest(message: unknown, { request }: IdFields): RequestId {
  const id = field(message, request);
  if (isId(id)) return canonical(id);
  throw typeError(
    ErrorCode.invalidMessage,
    `Cannot request: correlateBy names the field ${show(request)}, which must be a string, a number or a bigint, received ${show(id)}`,
  );
}

/** The id of a reply; undefined if the message has none, and is a reply to nobody. */
export function idOfReply(message: unknown, { reply }: IdFields): RequestId | undefined {
  const id = field(message, reply);
  return isId(id) ? canonical(id) : undefined;
}

/** What a second request with the id of one that waits for its reply rejects with. */
export function idInUse(id: RequestId): RangeError {
  return rangeError(ErrorCode.invalidMessage, `Cannot request: the id ${show(id)} is that of a request which waits`);
}

/** What leaves as a bigint may come back as a number, if a number can tell it exactly. */
function canonical(id: RequestId): RequestId {
  if (typeof id !== "bigint") return id;
  const number = Number(id);
  return Number.isFinite(number) && BigInt(number) === id ? number : id;
}

function field(message: unknown, name: string): unknown {
  if (typeof message !== "object" || message === null) return undefined;
  return (message as Readonly<Record<string, unknown>>)[name];
}

function isId(value: unknown): value is RequestId {
  return typeof value === "string" || typeof value === "number" || typeof value === "bigint";
}
