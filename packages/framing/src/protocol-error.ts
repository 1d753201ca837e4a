import { PeerError, type ErrorDetails } from "@socketserver/core";

/** What is known about a {@link ProtocolError} beside its message. */
export interface ProtocolErrorDetails extends ErrorDetails {
  /** What had arrived of a truncated message. */
  readonly partial?: Uint8Array;
  /** Whether it is known where the wrong message ends. @defaultValue false */
  readonly skippable?: boolean;
  /** What a schema found. @defaultValue none */
  readonly issues?: readonly SchemaIssue[];
}

/** One thing that a schema found wrong. Its text comes from the schema library, and may quote what the peer sent. */
export interface SchemaIssue {
  /** What is wrong. */
  readonly message: string;
  /** Where: keys and indices, from the outside to the inside. */
  readonly path: readonly (string | number)[];
}

/** Whether a decoder can go on behind the message that it failed at; an error of a format that is no {@link ProtocolError} is about one message, too. */
export function isSkippable(error: unknown): boolean {
  return !(error instanceof ProtocolError) || error.skippable;
}

/**
 * The peer sent something that is no message.
 *
 * The `code` is `ERR_SOCKETSERVER_PROTOCOL` (not what the protocol says), `ERR_SOCKETSERVER_TOO_BIG` (longer than the bound) or
 * `ERR_SOCKETSERVER_INCOMPLETE_READ` (it ended in the middle of a message).
 */
export class ProtocolError extends PeerError {
  /**
   * Whether the message is wrong, but its end is known: the stream can go on behind it. False if the framing itself is broken, because then no later byte
   * means anything.
   */
  readonly skippable: boolean;
  /** What a schema found, the first 100 of it; empty for every other error. */
  readonly issues: readonly SchemaIssue[];

  constructor(code: string, message: string, details: ProtocolErrorDetails = {}) {
    super(code, message, details);
    this.skippable = details.skippable ?? false;
    this.issues = details.issues ?? [];
  }
}
