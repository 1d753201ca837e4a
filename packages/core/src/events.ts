import type { Address } from "./address.ts";
import type { CloseReason } from "./close-reason.ts";
import type { DrainReport } from "./server/drain-report.ts";

/** One request, as events speak of it: a connection, or a datagram. */
export interface RequestInfo {
  /** Counts from 1 for each server. */
  readonly id: number;
  /** Who sent it, as `getRequest` said. */
  readonly clientAddress: Address;
}

/** How a request ended. */
export interface ClosedRequestInfo extends RequestInfo {
  readonly reason: CloseReason;
  /** Bytes taken from the peer. */
  readonly bytesRead: number;
  /** Bytes given to the transport for the peer. */
  readonly bytesWritten: number;
  /** From being taken by the serving loop to being closed, in milliseconds. */
  readonly durationMs: number;
}

/** Why a request was refused before it was taken. */
export const DropReason = {
  /** `requestQueueSize` requests were waiting. */
  queueFull: "queue-full",
  /** `maxConnections` connections were open. */
  maxConnections: "max-connections",
  /** `maxConnectionsPerAddress` connections of this client were open. */
  maxConnectionsPerAddress: "max-connections-per-address",
  /** `maxConnectionsPerSubnet` connections of this client's subnet were open. */
  maxConnectionsPerSubnet: "max-connections-per-subnet",
  /** More than `maxAcceptRate` came in a second. */
  acceptRate: "accept-rate",
  /** More than `maxAcceptRatePerAddress` of this client came in a second. */
  acceptRatePerAddress: "accept-rate-per-address",
  /** The client is among `denyAddresses`, or not among `allowAddresses`. */
  denied: "denied",
  /** Only `reservedDescriptors` file descriptors were left. */
  descriptors: "descriptors",
  /** The datagram was larger than `maxPacketSize`. */
  packetTooBig: "packet-too-big",
  /** The server began to drain while the request waited. */
  draining: "draining",
} as const;

/** One of the values of the {@link DropReason} table. */
export type DropReason = (typeof DropReason)[keyof typeof DropReason];

/** A request that was refused before it was taken. */
export interface DropInfo {
  readonly clientAddress: Address;
  readonly reason: DropReason;
}

/** A worker, as events speak of it. */
export interface WorkerInfo {
  /** Counts from 1 for each server. */
  readonly id: number;
}

/** How a worker ended. */
export interface WorkerExitInfo extends WorkerInfo {
  /** What ended it, or undefined if the server stopped it. */
  readonly error?: Error;
  /** Connections that were lost with it. */
  readonly lost: number;
}

/**
 * Events of every server, on the listener side. Mixins add theirs by declaration merging.
 *
 * Each is published on a diagnostics channel too: `socketserver:listening` and so on, with `{ server, args }`. A listener that throws
 * or rejects does no harm: the others are called, and its error is reported as `requestError`, or on stderr if that is where it failed.
 */
export interface ServerEvents {
  /** Once: the server is bound, and `serverAddress` is the real one. */
  listening(address: Address): void;
  /** Once for each request that the loop takes, before `verifyRequest`. Exactly one `requestClosed` follows. */
  request(info: RequestInfo): void;
  /** Once for each `request`: the connection is closed, or the datagram answered. */
  requestClosed(info: ClosedRequestInfo): void;
  /** Once for each hook, handler, listener or worker that failed. Ordinary disconnects are not reported: see `isDisconnect`. */
  requestError(error: unknown, clientAddress: Address | undefined): void;
  /** Once for each request that was refused before it was taken. */
  drop(info: DropInfo): void;
  /** Accepting failed, or descriptors ran out. Once for each episode, until accepting works again. */
  acceptError(error: Error): void;
  /** Once, if `lameDuckMs` is not 0: `close()` was called, `ready` is false, and the server still accepts for that time. */
  lameDuck(): void;
  /** Once: `close()` began to drain. */
  draining(): void;
  /** Once: everything is closed. */
  close(report: DrainReport): void;
  /** Each time a worker is ready to take requests. */
  workerReady(info: WorkerInfo): void;
  /** Each time a worker is gone. */
  workerExit(info: WorkerExitInfo): void;
}
