import type { CloseReason } from "../close-reason.ts";
import type { ClosedRequestInfo, DropReason } from "../events.ts";

/** What a server has done so far: a picture of one moment, on the listener side. Its numbers only grow, but for `active` and `waiting`. */
export interface ServerStatistics {
  /** Requests that were taken. */
  readonly taken: number;
  /** Of these, how many are running or closing. */
  readonly active: number;
  /** Requests that were accepted and wait for their turn, or outside for admission. */
  readonly waiting: number;
  /** Closed requests, by the reason; a reason that never was is left out. */
  readonly closed: Readonly<Partial<Record<CloseReason, number>>>;
  /** Requests that were refused before they were taken, by the reason. */
  readonly dropped: Readonly<Partial<Record<DropReason, number>>>;
  /** Bytes that closed requests took from their peers. */
  readonly bytesRead: number;
  /** Bytes that closed requests gave to the transport. */
  readonly bytesWritten: number;
}

/** Counts what a server does. */
export class Statistics {
  #taken = 0;
  #bytesRead = 0;
  #bytesWritten = 0;
  readonly #closed = new Map<CloseReason, number>();
  readonly #dropped = new Map<DropReason, number>();

  taken(): void {
    this.#taken++;
  }

  closed({ reason, bytesRead, bytesWritten }: ClosedRequestInfo): void {
    this.#closed.set(reason, (this.#closed.get(reason) ?? 0) + 1);
    this.#bytesRead += bytesRead;
    this.#bytesWritten += bytesWritten;
  }

  dropped(reason: DropReason): void {
    this.#dropped.set(reason, (this.#dropped.get(reason) ?? 0) + 1);
  }

  /** How many were refused for this reason. */
  droppedBecause(reason: DropReason): number {
    return this.#dropped.get(reason) ?? 0;
  }

  snapshot(active: number, waiting: number): ServerStatistics {
    return Object.freeze({
      taken: this.#taken,
      active,
      waiting,
      closed: Object.freeze(Object.fromEntries(this.#closed)),
      dropped: Object.freeze(Object.fromEntries(this.#dropped)),
      bytesRead: this.#bytesRead,
      bytesWritten: this.#bytesWritten,
    });
  }
}
