/** Where a worker is in its life. */
export const WorkerState = {
  /** It imports its modules and sets up. */
  starting: "starting",
  /** It takes requests. */
  ready: "ready",
  /** It has not answered for a while, because its event loop is held up, or has hardly a file descriptor left; it gets no further request until then. */
  blocked: "blocked",
  /** It takes no further request, and will be replaced. */
  retiring: "retiring",
  /** It tears down. */
  stopping: "stopping",
} as const;

/** One of the values of the {@link WorkerState} table. */
export type WorkerState = (typeof WorkerState)[keyof typeof WorkerState];

/** A worker, as `workers` and `chooseWorker` show it: a picture of one moment. */
export interface WorkerView {
  /** Counts from 1 for each server; a replacement has an id of its own. */
  readonly id: number;
  readonly state: WorkerState;
  /** Requests whose handler runs in it. */
  readonly active: number;
  /** Requests that it was given in all. */
  readonly served: number;
  /** How many workers there have been in its place before it. */
  readonly restarts: number;
  /** Bytes that its closed requests took from their peers. */
  readonly bytesRead: number;
  /** Bytes that its closed requests gave to the transport. */
  readonly bytesWritten: number;
  /** The longest that its event loop was held up lately, in milliseconds; told about once a second. */
  readonly eventLoopDelayMs: number;
  /** Bytes of its JavaScript heap in use; told about once a second. */
  readonly heapUsed: number;
  /** File descriptors that its process may still open, or `Infinity` if nobody knows; told about once a second. */
  readonly freeDescriptors: number;
}
