import { integer, milliseconds } from "./option-rules.ts";
import type { AdmissionOptions, ResolvedAdmissionOptions } from "./server/admission-options.ts";

/**
 * What every server is given beside its address and handler. All of it is plain data: times in milliseconds, sizes in bytes,
 * `Infinity` for "without bound".
 */
export interface ServerOptions extends AdmissionOptions {
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
   * How long `close()` goes on accepting and serving before it begins to drain, while `ready` is false: the time that a load balancer needs to notice.
   * 0 drains at once.
   * @defaultValue 0
   */
  readonly lameDuckMs?: number;
  /**
   * How long a hook around the handler may take: `verifyRequest` (then `refused`), `prepareRequest`, `authorizeRequest` (then
   * `unauthorized`), `handleError`, `shutdownRequest`, `closeRequest`, `serviceActions`. 0 leaves
   * time for none that waits for anything.
   * @defaultValue 10000
   */
  readonly verifyTimeoutMs?: number;
  /**
   * How long a read waits for the peer before it rejects; what is sent to the peer meanwhile does not count. 0 takes only what has come already.
   * `timeoutMs` of a handler overrides it.
   * @defaultValue 300000
   */
  readonly idleTimeoutMs?: number;
  /**
   * How long a whole request may take, from its start to the end of its handler. Then the connection is reset; with 0, every one that
   * waits for anything. A handler that goes on
   * all the same is not waited for by a server that serves one at a time or by a worker (`requestsPerWorker`), and still counts among
   * `maxConcurrentRequests`.
   * @defaultValue Infinity
   */
  readonly deadlineMs?: number;
  /**
   * How long a client may take to send its first byte, from the start of its request. For protocols in which the client speaks first: a connection
   * whose handler only writes would be reset, too.
   * @defaultValue Infinity
   */
  readonly firstByteTimeoutMs?: number;
  /**
   * The age, less up to a tenth at random, at which a connection is told to end as if the server drained: `drainSignal` aborts, a read between two
   * messages answers end-of-stream. `graceMs` later it is reset. So clients that stay for ever come back, and perhaps to another server.
   * @defaultValue Infinity
   */
  readonly maxAgeMs?: number;
  /**
   * Bytes per second that have to come while a read waits and a part of what it waits for is there (of a line, say), an integer >= 0 or `Infinity`. Who is
   * behind by more than `rateGraceMs` is worth, which is looked at as often, is given up: the read rejects. 0 asks for nothing.
   * @defaultValue 0
   */
  readonly minReadRate?: number;
  /**
   * Bytes per second that the peer has to take while something is pending, an integer >= 0 or `Infinity`. It is reset when it is behind by more than
   * `highWaterMark` (64 KiB at most), because what it takes is seen in pieces of that size; by more than 1 MiB where the kernel does not show what it has
   * not taken (other systems than Linux, Unix sockets). What the peer's own kernel keeps for it looks like taken, and hides the rest until that is read. 0 asks for nothing.
   * @defaultValue 0
   */
  readonly minWriteRate?: number;
  /**
   * How long a peer may be slower than `minReadRate` or `minWriteRate`; only the time in which it is waited for counts. Less than 100 stands for 100.
   * @defaultValue 5000
   */
  readonly rateGraceMs?: number;
  /**
   * Bytes that all connections together may keep unread and unsent, an integer >= 0 or `Infinity`; workers have an equal share each. When it is more, the
   * connection that keeps most is reset. What handlers keep themselves does not count; what a message that has not come
   * whole does.
   * @defaultValue Infinity
   */
  readonly maxBufferedBytes?: number;
  /**
   * File descriptors that are left to the program, an integer >= 0, and at most a quarter of what the process may have: a connection that takes one of the last so many is refused with `drop`, and
   * `acceptError` tells once. 0 leaves it to the runtime, which closes such connections without a word.
   * @defaultValue 32
   */
  readonly reservedDescriptors?: number;
  /**
   * Bytes kept per connection and direction, an integer >= 0 or `Infinity`: reading stops, and `sendAll` waits, while more than this is buffered. 0 reads
   * nothing before the handler does, and lets `sendAll` wait until everything has left. The transport itself moves up to 16 KiB at once.
   * @defaultValue 65536
   */
  readonly highWaterMark?: number;
  /**
   * How long the peer may take nothing of our output before it is cut off; with 0, it has to take everything at once.
   * @defaultValue 30000
   */
  readonly writeStallMs?: number;
  /**
   * How long a finished connection waits for the peer to close its side, counted from the last byte before our end, in either direction, so that
   * our last bytes are read and not lost to a reset.
   * @defaultValue 2000
   */
  readonly lingerMs?: number;
  /**
   * How long `close()` lets running requests go on before it resets them.
   * @defaultValue 15000
   */
  readonly graceMs?: number;
  /**
   * The largest datagram that is served, in bytes, an integer >= 0 or `Infinity`; none is larger than 65 527. A larger one is dropped whole with `drop`; Python cuts at 8 192 without a word.
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
export type ResolvedServerOptions = Readonly<Required<Omit<ServerOptions, keyof AdmissionOptions>>> &
  ResolvedAdmissionOptions;

/** The rules of {@link ServerOptions} beside admission: the one table of their defaults and ranges. */
export const SERVER_OPTION_RULES = {
  backlog: integer({ defaultValue: 511, min: 1, max: 2_147_483_647 }),
  requestQueueSize: integer({ defaultValue: 512, min: 0, unbounded: true }),
  verifyTimeoutMs: milliseconds(10_000),
  idleTimeoutMs: milliseconds(300_000),
  deadlineMs: milliseconds(Infinity),
  firstByteTimeoutMs: milliseconds(Infinity),
  maxAgeMs: milliseconds(Infinity),
  minReadRate: integer({ defaultValue: 0, min: 0, unbounded: true }),
  minWriteRate: integer({ defaultValue: 0, min: 0, unbounded: true }),
  rateGraceMs: milliseconds(5_000),
  highWaterMark: integer({ defaultValue: 65_536, min: 0, unbounded: true }),
  maxBufferedBytes: integer({ defaultValue: Infinity, min: 0, unbounded: true }),
  reservedDescriptors: integer({ defaultValue: 32, min: 0 }),
  writeStallMs: milliseconds(30_000),
  lingerMs: milliseconds(2_000),
  lameDuckMs: milliseconds(0),
  graceMs: milliseconds(15_000),
  maxPacketSize: integer({ defaultValue: 65_535, min: 0, unbounded: true }),
  timeoutMs: milliseconds(Infinity),
  pollIntervalMs: milliseconds(500, 1),
} as const satisfies Readonly<Record<Exclude<keyof ServerOptions, keyof AdmissionOptions>, unknown>>;
