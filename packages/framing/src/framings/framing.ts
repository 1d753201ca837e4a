import { ErrorCode, show, typeError } from "@socketserver/core";
import type { StandardSchemaV1 } from "@standard-schema/spec";

import type { Codec, Decoder } from "../codec.ts";
import { assertFormat, type Format } from "../format.ts";
import { json, type JsonValue } from "../formats/json.ts";
import { text, type TextOptions } from "../formats/text.ts";
import { FramedCodec } from "./framed-codec.ts";
import { MAX_LENGTH } from "./framing-options.ts";
import { tooLong } from "./too-long.ts";

/**
 * Where messages end, whatever they mean: a codec whose messages are bytes. With a format it becomes a codec of that format's messages.
 *
 * The bytes of a message that came in one chunk are a view of that chunk, and keep all of it in memory: copy what is kept for long.
 */
export abstract class Framing implements Codec<Buffer, Uint8Array> {
  /** Bytes of the longest message that is accepted, without its framing. */
  readonly maxLength: number;

  /**
   * @param maxLength - An integer >= 1, or `Infinity`.
   * @throws `TypeError` or `RangeError` `ERR_SOCKETSERVER_INVALID_OPTION` for any other.
   */
  constructor(maxLength: number) {
    MAX_LENGTH.check("maxLength", maxLength, "codec");
    this.maxLength = maxLength;
  }

  /** {@inheritDoc Codec.encode} */
  abstract encode(message: Uint8Array): Uint8Array;

  /** {@inheritDoc Codec.decoder} */
  abstract decoder(): Decoder<Buffer>;

  /**
   * The message that a datagram is: all of it, without framing. A framing that carries content of its own overrides this.
   *
   * @throws {@link ProtocolError} `ERR_SOCKETSERVER_TOO_BIG` if it is longer than `maxLength`.
   */
  decodeDatagram(packet: Buffer): Buffer {
    if (packet.length > this.maxLength) throw tooLong(this.maxLength);
    return packet;
  }

  /** A message as a datagram, without framing. */
  encodeDatagram(message: Uint8Array): Uint8Array {
    this.check(message);
    return Buffer.from(message);
  }

  /**
   * Give the messages a meaning.
   *
   * @throws `TypeError` `ERR_SOCKETSERVER_INVALID_ARGUMENT` if it is no format.
   */
  with<In, Out>(format: Format<In, Out>): Codec<In, Out> {
    assertFormat(format);
    return new FramedCodec(this, format);
  }

  /**
   * Messages are text: UTF-8 unless told otherwise. What is not, is an error.
   *
   * @throws `RangeError` `ERR_SOCKETSERVER_INVALID_OPTION` for an unknown encoding.
   */
  text(options?: TextOptions): Codec<string> {
    return this.with(text(options));
  }

  /**
   * Messages are JSON, RFC 8259.
   *
   * With a schema of any library that speaks Standard Schema (Zod, Valibot, ArkType, ...) what comes is checked, and has the schema's type. What is sent is
   * not checked.
   *
   * @throws `TypeError` `ERR_SOCKETSERVER_INVALID_ARGUMENT` if it is no such schema.
   * @see {@link https://standardschema.dev | Standard Schema}
   */
  json(): Codec<JsonValue, unknown>;
  json<Schema extends StandardSchemaV1>(schema: Schema): Codec<StandardSchemaV1.InferOutput<Schema>, unknown>;
  json(...schema: readonly []): Codec<unknown, unknown> {
    return this.with(json(...schema));
  }

  /** Refuse to send what is no bytes. */
  protected check(message: unknown): asserts message is Uint8Array {
    if (!(message instanceof Uint8Array)) {
      throw typeError(
        ErrorCode.invalidMessage,
        `Cannot encode message: it must be a Uint8Array, received ${show(message)}; or add a format: .text(), .json()`,
      );
    }
  }
}
