// Connections.
export { connect, type ConnectSettings } from "./transport/connect.ts";
export type { ConnectOptions, SourceAddress } from "./transport/connect-options.ts";
export type { Target } from "./target.ts";

// Messages.
export { Channel, type ChannelSettings } from "./channel/channel.ts";
export type { ChannelOptions } from "./channel/channel-options.ts";
export {
  ReconnectingChannel,
  type ReconnectingChannelOptions,
  type RequestOptions,
} from "./channel/reconnecting-channel.ts";
export type { ReconnectOptions } from "./channel/reconnect-options.ts";
export type {
  ConnectedInfo,
  ConnectingInfo,
  DisconnectedInfo,
  ReconnectingChannelEvents,
  WaitingInfo,
} from "./channel/channel-events.ts";
export { ChannelState } from "./channel/channel-state.ts";

// Datagrams.
export { DatagramClient } from "./datagram/datagram-client.ts";
export type { DatagramClientOptions, RetryOptions } from "./datagram/datagram-options.ts";

// What calls and options share.
export type { BackoffOptions } from "./backoff.ts";
export type { CorrelateBy, FieldOf, RequestId } from "./correlation.ts";
export type { Patience } from "./patience.ts";

// Errors.
export { ClientErrorCode } from "./client-error-code.ts";
export { ConnectError, type FailedAttempt } from "./connect-error.ts";
export { RequestError } from "./request-error.ts";
