import { integer, milliseconds, flag, optional } from "../option-rules.ts";

/** Options that threads and processes share. */
export interface WorkerPoolOptions {
  /**
   * Handlers that run at once in one worker, an integer >= 1 or `Infinity`; never more than `recycleAfterRequests`. While every worker runs as many,
   * the serving loop waits, and what comes waits in its queue. 1 gives Python's isolation: a handler that blocks holds up nobody.
   * @defaultValue Infinity; 1024 for datagrams
   */
  readonly requestsPerWorker?: number;
  /**
   * How long the event loop of a worker may be blocked before the worker is ended and replaced, in milliseconds, at least 100; `Infinity` for ever.
   * Longer than the longest computation of a handler. Stalls of the listener side do not count.
   * @defaultValue 30000
   */
  readonly heartbeatTimeoutMs?: number;
  /**
   * How long a worker may take to import its modules and for `workerSetup()`, in milliseconds, at least 1.
   * @defaultValue 30000
   */
  readonly readyTimeoutMs?: number;
  /**
   * When no worker is left and so many replacements in a row could not start, the server gives up: it closes, and `serveForever()` rejects with
   * `ERR_SOCKETSERVER_WORKERS_FAILED`. An integer >= 1 or `Infinity`. (When `listen()` starts the first workers, one failure is enough.)
   * @defaultValue 8
   */
  readonly startAttempts?: number;
  /**
   * Replace a worker after it was given so many requests, less up to a tenth at random; an integer >= 1 or `Infinity`. One worker at a time: its
   * requests may go on for `graceMs`, are then told to drain, and cut after another `graceMs`; where one runs at a time, it is not cut. 1 gives a
   * fresh worker for each request, as Python's fork does.
   * @defaultValue Infinity
   */
  readonly recycleAfterRequests?: number;
  /**
   * Replace a worker at this age, in milliseconds, less up to a tenth at random, at least 1000. As `recycleAfterRequests`.
   * @defaultValue Infinity
   */
  readonly recycleAfterMs?: number;
  /**
   * The JavaScript heap of one worker, in bytes, at least 16 MiB; rounded up to whole MiB. A worker that needs more is lost. A process is a wall; the
   * limit of a thread is the runtime's best effort, and an allocation that it cannot refuse ends the whole program. Buffers are not part of the heap.
   * @defaultValue the runtime's own limit
   */
  readonly maxHeapSize?: number;
  /**
   * Relay the bytes of every connection through the listener side, even where its socket itself could move. Costs a message for each chunk.
   * @defaultValue false
   */
  readonly relay?: boolean;
}

/** {@link WorkerPoolOptions} with every default that does not depend on the server. */
export type ResolvedPoolOptions = Readonly<Required<Omit<WorkerPoolOptions, "requestsPerWorker" | "maxHeapSize">>> &
  Pick<WorkerPoolOptions, "requestsPerWorker" | "maxHeapSize">;

/** Starting a thread with less ends the whole program on some versions of Node. */
const MIN_HEAP_SIZE = 16 * 1_048_576;

/** The rules of {@link WorkerPoolOptions}. */
export const POOL_OPTION_RULES = {
  requestsPerWorker: optional(integer({ defaultValue: Infinity, min: 1, unbounded: true })),
  heartbeatTimeoutMs: milliseconds(30_000, 100),
  readyTimeoutMs: milliseconds(30_000, 1),
  startAttempts: integer({ defaultValue: 8, min: 1, unbounded: true }),
  recycleAfterRequests: integer({ defaultValue: Infinity, min: 1, unbounded: true }),
  recycleAfterMs: milliseconds(Infinity, 1_000),
  maxHeapSize: optional(integer({ defaultValue: Infinity, min: MIN_HEAP_SIZE })),
  relay: flag(false),
} as const satisfies Readonly<Record<keyof WorkerPoolOptions, unknown>>;
