import { ErrorCode, show, typeError } from "@socketserver/core";
import type { StandardSchemaV1 } from "@standard-schema/spec";

import type { TextFormat } from "../format.ts";
import { ProtocolError } from "../protocol-error.ts";
import { assertSchema, checkSchema } from "./check-schema.ts";
import { UTF8 } from "./text.ts";

/** What JSON can tell. */
export type JsonValue = null | boolean | number | string | JsonValue[] | { [key: string]: JsonValue };

/**
 * JSON, RFC 8259. See {@link Framing.json} for the schema.
 *
 * @throws `TypeError` `ERR_SOCKETSERVER_INVALID_ARGUMENT` if it is no schema.
 */
export function json(): TextFormat<JsonValue, unknown>;
export function json<Schema extends StandardSchemaV1>(
  schema: Schema,
): TextFormat<StandardSchemaV1.InferOutput<Schema>, unknown>;
export function json(...schemas: readonly StandardSchemaV1[]): TextFormat<unknown, unknown> {
  if (schemas.length === 0) return new JsonFormat(undefined);
  // An undefined one is a mistake, not a wish for no check.
  assertSchema(schemas[0]);
  return new JsonFormat(schemas[0]);
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
      throw Object.assign(
        typeError(ErrorCode.invalidMessage, `Cannot encode message: it is no JSON: ${String(cause)}`),
        {
          cause,
        },
      );
    }
    if (encoded !== undefined) return encoded;
    throw typeError(ErrorCode.invalidMessage, `Cannot encode message: ${show(message)} is nothing in JSON`);
  }

  decode(bytes: Buffer): unknown {
    return this.decodeText(UTF8.decode(bytes));
  }

  decodeText(encoded: string): unknown {
    let value: unknown;
    try {
      value = JSON.parse(encoded);
    } catch (error) {
      throw notJson(error);
    }
    return this.#schema === undefined ? value : checkSchema(this.#schema, value);
  }
}

/** The parser's own message quotes what the peer sent: only the place is kept. */
function notJson(error: unknown): ProtocolError {
  const place = /(?:in|after) JSON (at position \d+)(?: \(line \d+ column \d+\))?$/.exec(String(error))?.[1];
  const message = `Cannot decode message: it is no JSON${place === undefined ? "" : ` ${place}`}`;
  return new ProtocolError(ErrorCode.protocol, message, { skippable: true });
}
