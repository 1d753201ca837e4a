import type { CloseReason } from "../close-reason.ts";

/** What can be done to a request from outside, wherever it runs. */
export interface RequestControl {
  /** The server is going away. */
  drain(): void;
  /** Reset it. */
  cut(reason: CloseReason): void;
}

/** How much a request has moved. */
export interface RequestTraffic {
  readonly bytesRead: number;
  readonly bytesWritten: number;
  /** On the clock of `performance.now()`. */
  readonly lastActivity: number;
}
