import { expect } from "vitest";

/** What a `ProtocolError` is, beside its class. */
export interface ProtocolComplaint {
  readonly code: "PROTOCOL" | "TOO_BIG" | "INCOMPLETE_READ";
  /** All of its message. */
  readonly message: string;
  readonly skippable?: boolean;
  readonly partial?: string;
}

/** Matches a `ProtocolError`, for `toThrow()`. */
export function peerError({ code, message, skippable = false, partial = "" }: ProtocolComplaint): Error {
  return expect.objectContaining({
    name: "ProtocolError",
    code: `ERR_SOCKETSERVER_${code}`,
    message,
    skippable,
    partial: expect.toSatisfy((bytes: Uint8Array) => Buffer.from(bytes).toString() === partial) as unknown,
  }) as Error;
}
