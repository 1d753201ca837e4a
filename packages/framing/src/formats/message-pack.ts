import { ErrorCode, typeError } from "@socketserver/core";
import type { StandardSchemaV1 } from "@standard-schema/spec";
import { Packr, Unpackr } from "msgpackr";

import type { Format } from "../format.ts";
import { ProtocolError } from "../protocol-error.ts";
import { checkSchema, optionalSchema } from "./check-schema.ts";
import { messagePackFault } from "./message-pack-shape.ts";
import { packable } from "./packable.ts";

/** Everything that is this library's own is off: what is sent, any implementation reads. */
const PACKER = new Packr({ useRecords: false, variableMapSize: true, encodeUndefinedAsNil: true, useToJSON: false });

/** Integers of 64 bits become bigints only where a number would not be exact: a choice that the library has and its types lack. */
const EXACT_INTEGERS = { int64AsType: "auto" };

const UNPACKER = new Unpackr({ useRecords: false, mapsAsObjects: true, ...(EXACT_INTEGERS as object) });

/**
 * MessagePack: JSON's values and bytes, dates and 64-bit integers, in fewer bytes. With any framing, most often `lengthPrefixed().with(messagePack())`.
 *
 * Integers beyond 2^53 come as `bigint`, binary as Buffers that share memory with what came, maps as objects (their keys are strings or integers),
 * timestamps as `Date`. Objects and arrays of any class are sent as plain ones, -0 as 0. Whatever else JavaScript has is not sent: a Set, a function, a Map of a
 * class of its own, a key that is a symbol; nor what has a `toJSON()`, which is not called: send what that answers. Other extensions are not accepted. In both
 * directions there is no key `__proto__`, and nesting is bounded at 512. With a schema of any library that speaks Standard Schema what comes is checked, and has
 * the schema's type.
 *
 * It needs the package `msgpackr`, which you install beside this one.
 *
 * @throws `TypeError` `ERR_SOCKETSERVER_INVALID_ARGUMENT` if it is no schema.
 * @see {@link https://github.com/msgpack/msgpack/blob/master/spec.md | MessagePack}
 */
export function messagePack(): Format<unknown>;
export function messagePack<Schema extends StandardSchemaV1>(
  schema: Schema,
): Format<StandardSchemaV1.InferOutput<Schema>, unknown>;
export function messagePack(...schemas: readonly StandardSchemaV1[]): Format<unknown> {
  return new MessagePackFormat(optionalSchema(schemas));
}

class MessagePackFormat implements Format<unknown> {
  readonly #schema: StandardSchemaV1 | undefined;

  constructor(schema: StandardSchemaV1 | undefined) {
    this.#schema = schema;
  }

  encode(message: unknown): Uint8Array {
    return pack(packable(message));
  }

  decode(bytes: Buffer): unknown {
    const fault = messagePackFault(bytes);
    if (fault !== undefined) throw notMessagePack(fault);
    let value: unknown;
    try {
      value = UNPACKER.unpack(bytes);
    } catch {
      throw notMessagePack("it cannot be decoded");
    }
    return this.#schema === undefined ? value : checkSchema(this.#schema, value);
  }
}

function pack(message: unknown): Buffer {
  try {
    return PACKER.pack(message);
  } catch (cause) {
    const error = typeError(ErrorCode.invalidMessage, `Cannot encode message: it is no MessagePack: ${String(cause)}`);
    throw Object.assign(error, { cause });
  }
}

function notMessagePack(fault: string): ProtocolError {
  return new ProtocolError(ErrorCode.protocol, `Cannot decode message: as MessagePack ${fault}`, { skippable: true });
}
