/**
 * What the two sides of a worker say to each other.
 *
 * "The handler has ended" and "the connection is closed" are two messages, because they come in either order; "gone" follows both, when
 * `closeRequest` has ended, too. Every message is plain data, except that a request brings its socket.
 *
 * @module
 */

import type { Socket } from "node:net";

import type { Address } from "../address.ts";
import type { CloseReason } from "../close-reason.ts";
import type { DrainReport } from "../server/drain-report.ts";
import type { ClassLocation } from "./class-location.ts";
import type { ErrorData } from "./error-data.ts";

/** What a worker is started with. */
export interface WorkerBoot {
  readonly server: ClassLocation;
  readonly handler: ClassLocation;
  readonly address: Address;
  readonly options: object;
}

/** From the listener side to the worker. */
export type ToWorker =
  | { readonly type: "listening"; readonly address: Address }
  | {
      readonly type: "request";
      readonly id: number;
      readonly clientAddress: Address;
      readonly draining: boolean;
      readonly socket: Socket;
    }
  | { readonly type: "drain"; readonly id: number }
  | { readonly type: "cut"; readonly id: number; readonly reason: CloseReason }
  | { readonly type: "answer"; readonly callId: number; readonly result?: DrainReport; readonly error?: ErrorData }
  | { readonly type: "stop" };

/** From the worker to the listener side. */
export type FromWorker =
  | { readonly type: "ready" }
  | { readonly type: "failed"; readonly error: ErrorData }
  | { readonly type: "done"; readonly id: number }
  | { readonly type: "gone"; readonly id: number }
  | {
      readonly type: "closed";
      readonly id: number;
      readonly reason: CloseReason;
      readonly bytesRead: number;
      readonly bytesWritten: number;
      /** Not a time: the clocks of two threads begin at different zeros. */
      readonly idleMs: number;
    }
  | { readonly type: "error"; readonly error: ErrorData; readonly clientAddress: Address | undefined }
  | {
      readonly type: "call";
      readonly callId: number;
      readonly method: "shutdown";
      readonly callerId: number | undefined;
    }
  | {
      readonly type: "call";
      readonly callId: number;
      readonly method: "close";
      readonly graceMs: number | undefined;
      readonly callerId: number | undefined;
    };
