/** The codes that only clients have, with what they mean; the others are those of `ErrorCode` in core. System errors keep theirs. */
export const ClientErrorCode = {
  /** No connection came about within `connectTimeoutMs`. */
  connectTimeout: "ERR_SOCKETSERVER_CONNECT_TIMEOUT",
  /** No reply came within the time of the request. */
  requestTimeout: "ERR_SOCKETSERVER_REQUEST_TIMEOUT",
  /** As many messages as `requestQueueSize` wait to be sent already. */
  queueFull: "ERR_SOCKETSERVER_QUEUE_FULL",
  /** A message came that nobody had asked for, on a channel without ids on which nobody receives: no reply could be told from that of another request. */
  outOfStep: "ERR_SOCKETSERVER_OUT_OF_STEP",
  /** The connection was lost, and `maxAttempts` to make another one failed in a row. */
  reconnectFailed: "ERR_SOCKETSERVER_RECONNECT_FAILED",
} as const;

/** One of the values of the {@link ClientErrorCode} table. */
export type ClientErrorCode = (typeof ClientErrorCode)[keyof typeof ClientErrorCode];
