import type { Address } from "../address.ts";
import type { CloseReason } from "../close-reason.ts";
import type { AdmissionOptions } from "./admission-options.ts";
import type { CloseOptions } from "./base-server.ts";
import type { DrainReport } from "./drain-report.ts";
import type { RequestTraffic } from "./request-control.ts";

/** Inside of what a replica called: the request with this id, a hook of the worker, or nothing that anybody waits for. */
export type CallerId = number | "hook" | undefined;

/** What a replica in a worker tells the listener side, and asks of it. */
export interface ListenerSide {
  /** A hook or handler failed and nobody has dealt with it. */
  requestError(error: unknown, clientAddress: Address | undefined): void;
  /** The handler of a request ended. */
  requestDone(id: number): void;
  /** The deadline of a request has passed, and its handler may go on for ever. */
  requestOverdue(id: number): void;
  /** The connection of a request closed. */
  requestClosed(id: number, reason: CloseReason, traffic: RequestTraffic): void;
  /** Nothing is left of a request: its handler and `closeRequest` have ended, and its connection is closed. */
  requestGone(id: number): void;
  /** `shutdown()` was called. */
  shutdown(callerId: CallerId): Promise<void>;
  /** `close()` was called. */
  close(options: CloseOptions, callerId: CallerId): Promise<DrainReport>;
  /** `changeAdmission()` was called. */
  changeAdmission(options: AdmissionOptions): Promise<void>;
  /** `deny()` was called. */
  deny(...clients: readonly string[]): Promise<void>;
}
