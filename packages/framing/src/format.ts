import { ErrorCode, show, typeError } from "@socketserver/core";

/**
 * What the bytes of one message mean.
 *
 * A format knows nothing of where messages end: it is given all bytes of one. It works alone, for datagrams or files, and composes with every
 * framing: `lines().with(format)`. It has no state.
 *
 * @typeParam In - What it decodes to.
 * @typeParam Out - What it can encode.
 */
export interface Format<In, Out = In> {
  /**
   * The bytes of a message. They share no memory with it.
   *
   * @throws `TypeError` `ERR_SOCKETSERVER_INVALID_MESSAGE` if it cannot be told in this format.
   */
  encode(message: Out): Uint8Array;
  /**
   * The message that these bytes are; never `undefined`. It may share memory with them.
   *
   * @throws {@link ProtocolError} `ERR_SOCKETSERVER_PROTOCOL` if they are none, with `skippable: true`: where the message ends is known.
   */
  decode(bytes: Buffer): In;
}

/**
 * A format that is UTF-8 text.
 *
 * A framing that looks for a delimiter finds it in text more cheaply than in bytes, and then hands over text.
 */
export interface TextFormat<In, Out = In> extends Format<In, Out> {
  /** The text of a message: `encode()` before it is bytes. */
  encodeText(message: Out): string;
  /** The message that this text is: `decode()` when it is no bytes any more. */
  decodeText(text: string): In;
}

/** Whether a format is text. */
export function isTextFormat<In, Out>(format: Format<In, Out>): format is TextFormat<In, Out> {
  return "decodeText" in format;
}

/** Refuse what is no format, before anything is decoded with it: a framing, or a function that makes formats and was not called. */
export function assertFormat(format: unknown): void {
  const { encode, decode } = (format ?? {}) as Partial<Format<unknown>>;
  if (typeof encode === "function" && typeof decode === "function") return;
  throw typeError(
    ErrorCode.invalidArgument,
    `Cannot create codec: a format must have encode() and decode(), received ${show(format)}`,
  );
}
