import { ErrorCode, oneOf, show, typeError } from "@socketserver/core";
import { constants, isAscii, isUtf8 } from "node:buffer";

import type { Format, TextFormat } from "../format.ts";
import { codecOptions } from "../codec-options.ts";
import { ProtocolError } from "../protocol-error.ts";

/** Options of {@link text}. */
export interface TextOptions {
  /** `"utf-8"` (RFC 3629), `"ascii"`, or `"latin1"` (ISO 8859-1), in which every byte is a character. @defaultValue "utf-8" */
  readonly encoding?: "utf-8" | "ascii" | "latin1";
}

const RULES = { encoding: oneOf("utf-8", ["utf-8", "ascii", "latin1"]) };

/**
 * Text. Bytes that are none in this encoding are an error, and text that cannot be told in it is not sent: nothing is replaced or lost.
 *
 * @throws `RangeError` `ERR_SOCKETSERVER_INVALID_OPTION` for an unknown encoding.
 */
export function text(options?: TextOptions): Format<string> {
  const { encoding } = codecOptions<TextOptions>(RULES, options);
  return encoding === "utf-8" ? UTF8 : new SingleByteText(encoding);
}

/** UTF-8, both ways. */
export const UTF8: TextFormat<string> = {
  encode(message) {
    return Buffer.from(UTF8.encodeText(message));
  },
  encodeText(message) {
    if (typeof message !== "string") throw notText(message);
    if (message.isWellFormed()) return message;
    throw typeError(
      ErrorCode.invalidMessage,
      "Cannot encode message: it has half of a surrogate pair, which UTF-8 cannot tell",
    );
  },
  decode(bytes) {
    if (bytes.length > constants.MAX_STRING_LENGTH) {
      throw new ProtocolError(ErrorCode.tooBig, "Cannot decode message: it is longer than text can be", {
        skippable: true,
      });
    }
    const decoded = bytes.toString();
    // What is no UTF-8 becomes U+FFFD; the character itself may have been sent, too.
    if (decoded.includes("\ufffd") && !isUtf8(bytes)) {
      throw new ProtocolError(ErrorCode.protocol, "Cannot decode message: it is no UTF-8", { skippable: true });
    }
    return decoded;
  },
  decodeText: (decoded) => decoded,
};

/** An encoding with one byte for each character. */
class SingleByteText implements Format<string> {
  readonly #encoding: "ascii" | "latin1";

  constructor(encoding: "ascii" | "latin1") {
    this.#encoding = encoding;
  }

  encode(message: string): Uint8Array {
    if (typeof message !== "string") throw notText(message);
    const last = this.#encoding === "ascii" ? 0x7f : 0xff;
    for (let index = 0; index < message.length; index++) {
      if (message.charCodeAt(index) <= last) continue;
      throw typeError(
        ErrorCode.invalidMessage,
        `Cannot encode message: character ${index} is not in ${this.#encoding}; use UTF-8`,
      );
    }
    return Buffer.from(message, "latin1");
  }

  decode(bytes: Buffer): string {
    if (this.#encoding === "ascii" && !isAscii(bytes)) {
      throw new ProtocolError(ErrorCode.protocol, "Cannot decode message: it is no ASCII", { skippable: true });
    }
    return bytes.toString("latin1");
  }
}

function notText(message: unknown): TypeError {
  return typeError(ErrorCode.invalidMessage, `Cannot encode message: it must be a string, received ${show(message)}`);
}
