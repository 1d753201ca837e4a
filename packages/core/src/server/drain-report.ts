import type { CloseReason } from "../close-reason.ts";
import type { RequestInfo } from "../events.ts";

/** A request that `close()` had to cut. */
export interface CutRequest extends RequestInfo {
  /** Milliseconds since it was taken. */
  readonly ageMs: number;
  readonly bytesRead: number;
  readonly bytesWritten: number;
  /** Milliseconds since something was last read or written. */
  readonly idleMs: number;
  /** Why its connection closed: `drain`, unless something came before that. */
  readonly reason: CloseReason;
  /** Whether its handler ended after the cut; false is a handler that never settled. */
  readonly settled: boolean;
}

/** What a shutdown did. `open = finished + cut.length + callers`. */
export interface DrainReport {
  /** From `close()` to this report, in milliseconds. */
  readonly durationMs: number;
  /** Requests that were running or closing when draining began. */
  readonly open: number;
  /** Of these, how many ended by themselves. */
  readonly finished: number;
  /** Of these, which were reset at the deadline. */
  readonly cut: readonly CutRequest[];
  /** Of those cut, how many have a handler that did not end. Its code still runs: nothing can stop it but the end of its thread. */
  readonly neverSettled: number;
  /** Of these, how many have a handler that called `close()` itself and is still running. 0 in the report of the last caller outside. */
  readonly callers: number;
  /** Why the connections of those that ended or were cut closed, with how many did; a reason that was none is left out. */
  readonly reasons: Readonly<Partial<Record<CloseReason, number>>>;
  /** Requests that waited for their turn or for admission, or came at the last moment, and were refused. */
  readonly refused: number;
}
