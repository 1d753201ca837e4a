/**
 * Errors, and who is to blame.
 *
 * The class names the guilty side: {@link PeerError} the other side, {@link SocketServerError} anything else of ours, a `TypeError` or
 * `RangeError` the caller's arguments. The `code` says what happened and is what programs compare; a system error keeps its own code
 * (`EADDRINUSE`, `ECONNRESET`). The `cause` says why. Messages carry the offending value, and never a byte that a peer sent.
 *
 * @module
 */

import { CloseReason } from "./close-reason.ts";

/** Every code of our own, with what it means. System errors keep theirs. */
export const ErrorCode = {
  /** An option is unknown, of the wrong type or out of range. */
  invalidOption: "ERR_SOCKETSERVER_INVALID_OPTION",
  /** An address is not one that this server can use. */
  invalidAddress: "ERR_SOCKETSERVER_INVALID_ADDRESS",
  /** An argument of a method has the wrong type or is out of range. */
  invalidArgument: "ERR_SOCKETSERVER_INVALID_ARGUMENT",
  /** A request handler is not a class that this server can run, or has a plain `timeout`. */
  invalidHandler: "ERR_SOCKETSERVER_INVALID_HANDLER",
  /** Two mixins replace the same word of a request's life, or a mixin does not fit this server. */
  mixinConflict: "ERR_SOCKETSERVER_MIXIN_CONFLICT",
  /** The server is draining or closed. */
  serverClosed: "ERR_SOCKETSERVER_SERVER_CLOSED",
  /** `serveForever()` or `handleRequest()` while the server already takes requests, or `takeOver()` while it already listens. */
  alreadyServing: "ERR_SOCKETSERVER_ALREADY_SERVING",
  /** A hook did not settle within `verifyTimeoutMs`. */
  hookTimeout: "ERR_SOCKETSERVER_HOOK_TIMEOUT",
  /** The connection was closed by this side before or while it was used. */
  connectionClosed: "ERR_SOCKETSERVER_CONNECTION_CLOSED",
  /** Writing after this side ended its output. */
  writeAfterEnd: "ERR_SOCKETSERVER_WRITE_AFTER_END",
  /** A second read began while one was waiting. */
  concurrentRead: "ERR_SOCKETSERVER_CONCURRENT_READ",
  /** The peer ended before all of the expected bytes had arrived. */
  incompleteRead: "ERR_SOCKETSERVER_INCOMPLETE_READ",
  /** A line, a message, or a read up to a separator or to the end, passed its limit. */
  tooBig: "ERR_SOCKETSERVER_TOO_BIG",
  /** The peer sent something that is no message of the protocol. */
  protocol: "ERR_SOCKETSERVER_PROTOCOL",
  /** A message that was to be sent is none of the protocol: too long, of the wrong type, or in conflict with its framing. */
  invalidMessage: "ERR_SOCKETSERVER_INVALID_MESSAGE",
  /** A read waited for `idleTimeoutMs` and nothing came. */
  idleTimeout: "ERR_SOCKETSERVER_IDLE_TIMEOUT",
  /** The peer sent nothing at all for `firstByteTimeoutMs`. */
  firstByteTimeout: "ERR_SOCKETSERVER_FIRST_BYTE_TIMEOUT",
  /** The request took longer than `deadlineMs`. */
  deadline: "ERR_SOCKETSERVER_DEADLINE",
  /** The connection was told to end at `maxAgeMs`, and had not `graceMs` later. */
  maxAge: "ERR_SOCKETSERVER_MAX_AGE",
  /** The peer sent a message more slowly than `minReadRate`. */
  slowSender: "ERR_SOCKETSERVER_SLOW_SENDER",
  /** All connections together kept more than `maxBufferedBytes`, and this one most of it. */
  memory: "ERR_SOCKETSERVER_MEMORY",
  /** The peer took nothing of our output for `writeStallMs`, or took it more slowly than `minWriteRate`. */
  slowReader: "ERR_SOCKETSERVER_SLOW_READER",
  /** The connection was reset because the server's grace period was over. */
  drained: "ERR_SOCKETSERVER_DRAINED",
  /** A worker found no exported class of that name. */
  classNotFound: "ERR_SOCKETSERVER_CLASS_NOT_FOUND",
  /** A worker found two exported classes of that name. */
  classAmbiguous: "ERR_SOCKETSERVER_CLASS_AMBIGUOUS",
  /** The server's constructor does not take `(address, RequestHandlerClass, options)`. */
  replicaFailed: "ERR_SOCKETSERVER_REPLICA_FAILED",
  /** The program starts its server when it is imported, so a worker would start another. */
  noMainGuard: "ERR_SOCKETSERVER_NO_MAIN_GUARD",
  /** An option cannot be copied into a worker. */
  optionNotCloneable: "ERR_SOCKETSERVER_OPTION_NOT_CLONEABLE",
  /** The file that workers begin with is missing, because this package was bundled together with the program. */
  entryMissing: "ERR_SOCKETSERVER_ENTRY_MISSING",
  /** A worker ended, or did not become ready. */
  workerLost: "ERR_SOCKETSERVER_WORKER_LOST",
  /** A worker's event loop was blocked for `heartbeatTimeoutMs`; it was ended. */
  workerBlocked: "ERR_SOCKETSERVER_WORKER_BLOCKED",
  /** No worker is left, and `startAttempts` replacements in a row could not start. */
  workersFailed: "ERR_SOCKETSERVER_WORKERS_FAILED",
} as const;

/** One of the values of the {@link ErrorCode} table. */
export type ErrorCode = (typeof ErrorCode)[keyof typeof ErrorCode];

/** What errors of this package carry beside their message. */
export interface ErrorDetails {
  /** The error that led to this one. */
  readonly cause?: unknown;
}

/** Something of ours, or of the server's owner, prevented the operation. */
export class SocketServerError extends Error {
  /** One of {@link ErrorCode}, or the code of the system error that is the `cause`. */
  readonly code: string;

  constructor(code: string, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = new.target.name;
    this.code = code;
  }
}

/** The other side is to blame: it left, stalled, or broke the protocol. */
export class PeerError extends SocketServerError {
  /** What had arrived of an incomplete read; empty for every other code. */
  readonly partial: Uint8Array;

  constructor(code: string, message: string, details: ErrorDetails & { readonly partial?: Uint8Array } = {}) {
    super(code, message, details);
    this.partial = details.partial ?? new Uint8Array(0);
  }
}

/** A `TypeError` about an argument, with one of our codes. */
export function typeError(code: ErrorCode, message: string): TypeError {
  return Object.assign(new TypeError(message), { code });
}

/** A `RangeError` about an argument, with one of our codes. */
export function rangeError(code: ErrorCode, message: string): RangeError {
  return Object.assign(new RangeError(message), { code });
}

/** The `code` of any error, or undefined. */
export function codeOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === "string" ? code : undefined;
}

/** What was thrown, as an error. That may be anything, and may refuse whatever is asked of it. */
export function toError(thrown: unknown): Error {
  try {
    if (thrown instanceof Error) return thrown;
  } catch {
    // It is a proxy that was revoked.
  }
  return new Error(typeof thrown === "string" ? thrown : show(thrown));
}

/** A value as an error message shows it. Never throws. */
export function show(value: unknown): string {
  try {
    return shown(value);
  } catch {
    return `a value of type ${typeof value}`;
  }
}

function shown(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "function") return value.name === "" ? "a function" : `${value.name}()`;
  if (typeof value !== "object" || value === null) return String(value);
  const { constructor } = value;
  if (typeof constructor === "function" && constructor !== Object && constructor !== Array) {
    return `an instance of ${constructor.name}`;
  }
  try {
    return JSON.stringify(value) ?? Object.prototype.toString.call(value);
  } catch {
    return Object.prototype.toString.call(value);
  }
}

const REASON_OF_CODE: Readonly<Record<string, CloseReason>> = {
  [ErrorCode.idleTimeout]: CloseReason.idle,
  [ErrorCode.deadline]: CloseReason.deadline,
  [ErrorCode.maxAge]: CloseReason.maxAge,
  [ErrorCode.firstByteTimeout]: CloseReason.firstByte,
  [ErrorCode.slowSender]: CloseReason.slowSender,
  [ErrorCode.slowReader]: CloseReason.slowReader,
  [ErrorCode.memory]: CloseReason.memory,
  [ErrorCode.tooBig]: CloseReason.tooBig,
  [ErrorCode.protocol]: CloseReason.protocol,
  [ErrorCode.drained]: CloseReason.drain,
  [ErrorCode.connectionClosed]: CloseReason.aborted,
};

/**
 * The close reason that this error stands for, if it is about the request that ended with it.
 */
export function closeReasonOf(error: unknown): CloseReason {
  if (!(error instanceof SocketServerError)) return CloseReason.handlerError;
  const reason = REASON_OF_CODE[error.code];
  if (reason !== undefined) return reason;
  if (!(error instanceof PeerError)) return CloseReason.handlerError;
  if (error.code !== ErrorCode.incompleteRead) return CloseReason.peerReset;
  return error.partial.length === 0 ? CloseReason.peerEnd : CloseReason.protocol;
}

const ORDINARY_ENDS: ReadonlySet<CloseReason> = new Set([
  CloseReason.peerEnd,
  CloseReason.peerReset,
  CloseReason.idle,
  CloseReason.deadline,
  CloseReason.maxAge,
  CloseReason.firstByte,
  CloseReason.slowSender,
  CloseReason.slowReader,
  CloseReason.memory,
  CloseReason.drain,
]);

/**
 * Whether an error only says that the connection is over: the peer left, stalled or was cut at a bound.
 *
 * The default `handleError` stays silent about these, because the close reason in `requestClosed` already tells.
 */
export function isDisconnect(error: unknown): boolean {
  return ORDINARY_ENDS.has(closeReasonOf(error));
}
