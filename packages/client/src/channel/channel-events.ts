import type { Address } from "@socketserver/core";

/** What a `ReconnectingChannel` says of itself. A listener that throws, or rejects, does it no harm: its error is one that nobody caught. */
export interface ReconnectingChannelEvents {
  /** An attempt to connect begins. */
  connecting(info: ConnectingInfo): void;
  /** There is a connection, and `setup()` has ended: requests that waited leave now. */
  connected(info: ConnectedInfo): void;
  /** The connection is lost: once for each `connected`, also when this side closes it. */
  disconnected(info: DisconnectedInfo): void;
  /** An attempt has failed, or a connection is lost: the next attempt begins after a pause. */
  waiting(info: WaitingInfo): void;
  /** The channel is closed, once: by this side, or, with an error, because it has given up. */
  close(error: Error | undefined): void;
}

/** What is known when an attempt begins. */
export interface ConnectingInfo {
  /** Which attempt in a row it is, from 1 on. */
  readonly attempt: number;
}

/** What is known of a new connection. */
export interface ConnectedInfo {
  /** Who is at the other end. */
  readonly remoteAddress: Address;
  /** How many attempts it took. */
  readonly attempts: number;
}

/** What is known of a connection that is lost. */
export interface DisconnectedInfo {
  /** What broke it; undefined if either side ended it in order. */
  readonly error: Error | undefined;
  /** How long it lasted, in milliseconds. */
  readonly connectedMs: number;
}

/** What is known of a pause. */
export interface WaitingInfo {
  /** How long it is, in milliseconds. */
  readonly delayMs: number;
  /** Attempts that have failed in a row; 0 right after a connection that has lasted. */
  readonly failedAttempts: number;
  /** Why the last attempt failed, or what broke the connection; undefined if the server ended it in order. */
  readonly error: Error | undefined;
}
