/** The codes that only clients have, with what they mean; the others are those of `ErrorCode` in core. System errors keep theirs. */
export const ClientErrorCode = {
  /** No connection came about within `connectTimeoutMs`. `attempts` of the error tells what was tried. */
  connectTimeout: "ERR_SOCKETSERVER_CONNECT_TIMEOUT",
  /** No reply came within the time of the request. `sent` tells whether the server may have got it. */
  requestTimeout: "ERR_SOCKETSERVER_REQUEST_TIMEOUT",
  /** As many messages as `requestQueueSize` wait to be sent already. Wait for some of them. */
  queueFull: "ERR_SOCKETSERVER_QUEUE_FULL",
  /**
   * A message came that nobody had asked for, on a channel without ids on which nobody receives: no reply could be told from that of another request.
   *
   * Receive what the server sends by itself, or use a protocol with ids (`correlateBy`).
   */
  outOfStep: "ERR_SOCKETSERVER_OUT_OF_STEP",
  /**
   * The connection was lost, and `maxAttempts` to make another one failed in a row.
   *
   * The channel is closed; the `cause` is why the last attempt failed.
   */
  reconnectFailed: "ERR_SOCKETSERVER_RECONNECT_FAILED",
} as const;

/** One of the values of the {@link ClientErrorCode} table. */
export type ClientErrorCode = (typeof ClientErrorCode)[keyof typeof ClientErrorCode];
