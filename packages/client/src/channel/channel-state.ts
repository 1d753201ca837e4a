/** Where a `ReconnectingChannel` is. */
export const ChannelState = {
  /** It was not used yet. */
  idle: "idle",
  /** It tries to connect, or to set the connection up. */
  connecting: "connecting",
  /** Messages come and go. */
  connected: "connected",
  /** It pauses before the next attempt. */
  waiting: "waiting",
  /** It was closed, or has given up. */
  closed: "closed",
} as const;

/** One of the values of the {@link ChannelState} table. */
export type ChannelState = (typeof ChannelState)[keyof typeof ChannelState];
