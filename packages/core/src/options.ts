import { integer, milliseconds } from "./option-rules.ts";

/**
 * What every server is given beside its address and handler. All of it is plain data: times in milliseconds, sizes in bytes,
 * `Infinity` for "without bound".
 */
export interface ServerOptions {
  /**
   * Connections that the kernel keeps before we accept them, an integer >= 1; the kernel may cap it. Not used by datagrams.
   * @defaultValue 511
   */
  readonly backlog?: number;
  /**
   * Requests that are accepted and wait, unread, for their turn, an integer >= 0 or `Infinity`. One more is refused with `drop`.
   * @defaultValue 512
   */
  readonly requestQueueSize?: number;
  /**
   * Connections that are open at once: waiting, running and closing; an integer >= 1 or `Infinity`. One more is refused with `drop`.
   * @defaultValue 16384
   */
  readonly maxConnections?: number;
  /**
   * The same for one client address, without its port; an integer >= 1 or `Infinity`. Clients of a Unix socket share one address.
   * @defaultValue Infinity
   */
  readonly maxConnectionsPerAddress?: number;
  /**
   * How long a hook around the handler may take: `verifyRequest` (then `refused`), `prepareRequest`, `authorizeRequest` (then
   * `unauthorized`), `handleError`, `shutdownRequest`, `closeRequest`, `serviceActions`; at least 1 ms.
   * @defaultValue 10000
   */
  readonly verifyTimeoutMs?: number;
  /**
   * How long a read waits for the peer before it rejects; at least 1 ms. `timeoutMs` of a handler overrides it.
   * @defaultValue 300000
   */
  readonly idleTimeoutMs?: number;
  /**
   * How long a whole request may take, from its start to the end of its handler; at least 1 ms. Then the connection is reset. A handler that goes on
   * all the same is not waited for by a server that serves one at a time or by a worker (`requestsPerWorker`), and still counts among
   * `maxConcurrentRequests`.
   * @defaultValue Infinity
   */
  readonly deadlineMs?: number;
  /**
   * Bytes kept per connection and direction, an integer >= 1: reading stops, and `sendAll` waits, while more than this is buffered.
   * @defaultValue 65536
   */
  readonly highWaterMark?: number;
  /**
   * How long the peer may take nothing of our output before it is cut off; at least 1 ms.
   * @defaultValue 30000
   */
  readonly writeStallMs?: number;
  /**
   * How long a finished connection waits for the peer to close its side, counted from the last byte in either direction, so that our last bytes
   * are read and not lost to a reset.
   * @defaultValue 2000
   */
  readonly lingerMs?: number;
  /**
   * How long `close()` lets running requests go on before it resets them.
   * @defaultValue 15000
   */
  readonly graceMs?: number;
  /**
   * The largest datagram that is served, 1 to 65 535. A larger one is dropped whole with `drop`; Python cuts at 8 192 without a word.
   * @defaultValue 65535
   */
  readonly maxPacketSize?: number;
  /**
   * How long `handleRequest()` waits for a request before it calls `handleTimeout()`; 0 only takes what already waits.
   * @defaultValue Infinity
   */
  readonly timeoutMs?: number;
  /**
   * How often `serviceActions()` is called while nothing comes; at least 1 ms. Nothing polls, and without an override no timer runs.
   * @defaultValue 500
   */
  readonly pollIntervalMs?: number;
}

/** Options with every default filled in. */
export type ResolvedServerOptions = Readonly<Required<ServerOptions>>;

/** The rules of {@link ServerOptions}: the one table of their defaults and ranges. */
export const SERVER_OPTION_RULES = {
  backlog: integer({ defaultValue: 511, min: 1, max: 2_147_483_647 }),
  requestQueueSize: integer({ defaultValue: 512, min: 0, unbounded: true }),
  maxConnections: integer({ defaultValue: 16_384, min: 1, unbounded: true }),
  maxConnectionsPerAddress: integer({ defaultValue: Infinity, min: 1, unbounded: true }),
  verifyTimeoutMs: milliseconds(10_000, 1),
  idleTimeoutMs: milliseconds(300_000, 1),
  deadlineMs: milliseconds(Infinity, 1),
  highWaterMark: integer({ defaultValue: 65_536, min: 1 }),
  writeStallMs: milliseconds(30_000, 1),
  lingerMs: milliseconds(2_000),
  graceMs: milliseconds(15_000),
  maxPacketSize: integer({ defaultValue: 65_535, min: 1, max: 65_535 }),
  timeoutMs: milliseconds(Infinity),
  pollIntervalMs: milliseconds(500, 1),
} as const satisfies Readonly<Record<keyof ServerOptions, unknown>>;
