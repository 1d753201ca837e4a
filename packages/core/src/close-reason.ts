/** Why a connection ended. Every connection has exactly one of these, found in `requestClosed` and in the drain report. */
export const CloseReason = {
  /** The handler returned, and its last bytes left. */
  done: "done",
  /** The peer ended its side, and the handler saw that end. */
  peerEnd: "peer-end",
  /** The peer or the network broke the connection (`ECONNRESET`, `EPIPE`, ...). */
  peerReset: "peer-reset",
  /** A hook or the handler threw. */
  handlerError: "handler-error",
  /** `verifyRequest` said no, threw, or took longer than `verifyTimeoutMs`. */
  refused: "refused",
  /** `authorizeRequest` said no. */
  unauthorized: "unauthorized",
  /** A read waited for `idleTimeoutMs` and nothing came. */
  idle: "idle",
  /** The peer sent nothing at all for `firstByteTimeoutMs`. */
  firstByte: "first-byte",
  /** The whole request took longer than `deadlineMs`. */
  deadline: "deadline",
  /** It was told to end at `maxAgeMs`, and had not `graceMs` later. */
  maxAge: "max-age",
  /** The peer sent a message more slowly than `minReadRate`. */
  slowSender: "slow-sender",
  /** The peer took nothing of our output for `writeStallMs`, or took it more slowly than `minWriteRate`. */
  slowReader: "slow-reader",
  /** A line, a message or a read to the end passed its limit. */
  tooBig: "too-big",
  /** The peer broke the protocol: what it sent is no message, or it ended in the middle of what was being read. */
  protocol: "protocol",
  /** All connections together kept more than `maxBufferedBytes`, and this one most of it. */
  memory: "memory",
  /** `close()` reached its deadline, or refused what still waited. */
  drain: "drain",
  /** The worker that held the connection is gone. */
  workerLost: "worker-lost",
  /** Our side called `abort()`, or destroyed the raw socket. */
  aborted: "aborted",
} as const;

/** One of the values of the {@link CloseReason} table. */
export type CloseReason = (typeof CloseReason)[keyof typeof CloseReason];
