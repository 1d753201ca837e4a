import type { Address } from "../address.ts";
import type { MovedRequest } from "../server/moved-request.ts";
import type { Connection } from "../transport/connection.ts";

/** A worker, as the pool and `chooseWorker` see it. */
export interface WorkerView {
  /** Counts from 1 for each server. */
  readonly id: number;
  /** Requests that it was given and that are not gone. */
  readonly active: number;
  /** Requests that it was given in all. */
  readonly served: number;
}

/** How a worker ended. */
export interface WorkerEnd {
  /** Requests that were lost with it. */
  readonly lost: number;
  /** What ended it, unless the server stopped it. */
  readonly error?: Error;
}

/** What a pool needs of a worker, whatever it is made of. */
export interface PoolWorker extends WorkerView {
  /** Resolves when it can take requests. Rejects with the reason if it cannot become ready; it is gone then. */
  start(): Promise<void>;
  /** Resolves when it is gone. Never rejects. */
  readonly gone: Promise<WorkerEnd>;
  /** Tell it the server's real address. */
  listening(address: Address): void;
  /** Give it a connection; false if it is gone and the connection is still ours. */
  handOver(request: MovedRequest, connection: Connection, clientAddress: Address): boolean;
  /** Let it tear down, and end it `limitMs` later at the latest. Idempotent. */
  stop(limitMs: number): Promise<void>;
}
