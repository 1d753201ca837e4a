import { ErrorCode, show, typeError } from "@socketserver/core";
import type { StandardSchemaV1 } from "@standard-schema/spec";

import type { TextFormat } from "../format.ts";
import { ProtocolError } from "../protocol-error.ts";
import { checkSchema, optionalSchema } from "./check-schema.ts";
import { UTF8 } from "./text.ts";

/** Arrays and objects inside of each other, at most: as in MessagePack. */
const MAX_DEPTH = 512;

const [QUOTE, BACKSLASH, BRACKET, END_BRACKET, BRACE, END_BRACE] = [0x22, 0x5c, 0x5b, 0x5d, 0x7b, 0x7d];

/** What JSON can tell. */
export type JsonValue = null | boolean | number | string | JsonValue[] | { [key: string]: JsonValue };

/**
 * JSON, RFC 8259, nested at most 512 deep. See {@link Framing.json} for the schema.
 *
 * @throws `TypeError` `ERR_SOCKETSERVER_INVALID_ARGUMENT` if it is no schema.
 */
export function json(): TextFormat<JsonValue, unknown>;
export function json<Schema extends StandardSchemaV1>(
  schema: Schema,
): TextFormat<StandardSchemaV1.InferOutput<Schema>, unknown>;
export function json(...schemas: readonly StandardSchemaV1[]): TextFormat<unknown, unknown> {
  return new JsonFormat(optionalSchema(schemas));
}

class JsonFormat implements TextFormat<unknown> {
  readonly #schema: StandardSchemaV1 | undefined;

  constructor(schema: StandardSchemaV1 | undefined) {
    this.#schema = schema;
  }

  encode(message: unknown): Uint8Array {
    return Buffer.from(this.encodeText(message));
  }

  encodeText(message: unknown): string {
    let encoded: string | undefined;
    try {
      encoded = JSON.stringify(message);
    } catch (cause) {
      const error = typeError(ErrorCode.invalidMessage, `Cannot encode message: it is no JSON: ${String(cause)}`);
      throw Object.assign(error, { cause });
    }
    if (encoded !== undefined) return encoded;
    throw typeError(ErrorCode.invalidMessage, `Cannot encode message: ${show(message)} is nothing in JSON`);
  }

  decode(bytes: Buffer): unknown {
    return this.decodeText(UTF8.decode(bytes));
  }

  decodeText(encoded: string): unknown {
    if (isNestedTooDeep(encoded)) {
      const message = `Cannot decode message: as JSON it is nested more than ${MAX_DEPTH} deep`;
      throw new ProtocolError(ErrorCode.protocol, message, { skippable: true });
    }
    let value: unknown;
    try {
      value = JSON.parse(encoded);
    } catch (error) {
      throw notJson(error);
    }
    return this.#schema === undefined ? value : checkSchema(this.#schema, value);
  }
}

/** Whether so many arrays and objects are inside of each other that code which goes into them, such as a schema, may run out of stack. */
function isNestedTooDeep(encoded: string): boolean {
  // Each has two brackets.
  if (encoded.length <= 2 * MAX_DEPTH) return false;
  let depth = 0;
  let inString = false;
  for (let index = 0; index < encoded.length; index++) {
    const code = encoded.charCodeAt(index);
    if (code === QUOTE) inString = !inString;
    else if (code === BACKSLASH) index += inString ? 1 : 0;
    else if (inString) continue;
    else if (code === BRACKET || code === BRACE) {
      if (++depth > MAX_DEPTH) return true;
    } else if (code === END_BRACKET || code === END_BRACE) depth -= 1;
  }
  return false;
}

/** The parser's own message quotes what the peer sent: only the place is kept. */
function notJson(error: unknown): ProtocolError {
  const place = /(?:in|after) JSON (at position \d+)(?: \(line \d+ column \d+\))?$/.exec(String(error))?.[1];
  const message = `Cannot decode message: it is no JSON${place === undefined ? "" : ` ${place}`}`;
  return new ProtocolError(ErrorCode.protocol, message, { skippable: true });
}
