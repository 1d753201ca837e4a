/** How connections reach the workers of a server. */
export const HandOver = {
  /** The socket itself moves to the thread: a cost for each connection, and none for each byte afterwards. */
  transfer: "transfer",
  /** The socket itself is sent to the process: a cost for each connection, and none for each byte afterwards. */
  send: "send",
  /** The socket stays on the listener side, and every chunk crosses as a message, copied once or twice. */
  relay: "relay",
} as const;

/** One of the values of the {@link HandOver} table. */
export type HandOver = (typeof HandOver)[keyof typeof HandOver];
