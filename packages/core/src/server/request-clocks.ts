import { CloseReason } from "../close-reason.ts";
import { Datagram } from "../transport/datagram.ts";
import { LoopTimer } from "../transport/loop-timer.ts";
import type { ServerRequest } from "../transport/server-request.ts";
import type { RequestRecord } from "./request-record.ts";

/** Connections that came together should not leave together: the part of their age that is left to chance. */
const AGE_JITTER = 0.1;

/** How long a request may take, in milliseconds. */
export interface ClockLimits {
  readonly deadlineMs: number;
  readonly maxAgeMs: number;
  readonly graceMs: number;
}

/** Cuts a request. */
type Cut = (record: RequestRecord, request: ServerRequest, reason: CloseReason) => void;

/** Ends a request at its deadline, and at its age: then it drains, and is cut when the grace is over. */
export class RequestClocks {
  readonly #record: RequestRecord;
  readonly #request: ServerRequest;
  readonly #graceMs: number;
  readonly #cut: Cut;
  #deadline: LoopTimer<RequestClocks> | undefined;
  #age: LoopTimer<RequestClocks> | undefined;
  #grace: LoopTimer<RequestClocks> | undefined;
  #stopped = false;

  constructor(record: RequestRecord, request: ServerRequest, limits: ClockLimits, cut: Cut) {
    this.#record = record;
    this.#request = request;
    this.#graceMs = limits.graceMs;
    this.#cut = cut;
    const { deadlineMs, maxAgeMs } = limits;
    if (deadlineMs !== Infinity) {
      this.#deadline = new LoopTimer<RequestClocks>(RequestClocks.#onDeadline, RequestClocks.#confirm, this);
      this.#deadline.start(deadlineMs);
    }
    // A datagram is no client that stays.
    if (maxAgeMs !== Infinity && !(request instanceof Datagram)) {
      this.#age = new LoopTimer<RequestClocks>(RequestClocks.#onAge, undefined, this);
      this.#age.start(maxAgeMs * (1 - Math.random() * AGE_JITTER));
    }
  }

  /** It has ended. */
  stop(): void {
    this.#stopped = true;
    this.#deadline?.dispose();
    this.#age?.dispose();
    this.#grace?.dispose();
  }

  static readonly #confirm = (callback: () => void, clocks: RequestClocks): void =>
    clocks.#request.afterArrivals(callback);

  static readonly #onDeadline = (clocks: RequestClocks): void => {
    clocks.#cut(clocks.#record, clocks.#request, CloseReason.deadline);
    // A handler that reads or writes ends now; one that does neither is waited for no longer.
    setImmediate(() => clocks.#record.onOverdue?.());
  };

  static readonly #onAge = (clocks: RequestClocks): void => {
    if (!clocks.#record.draining) clocks.#record.drain();
    // Draining may have ended it.
    if (clocks.#stopped) return;
    clocks.#grace = new LoopTimer<RequestClocks>(RequestClocks.#onGrace, RequestClocks.#confirm, clocks);
    clocks.#grace.start(clocks.#graceMs);
  };

  static readonly #onGrace = (clocks: RequestClocks): void =>
    clocks.#cut(clocks.#record, clocks.#request, CloseReason.maxAge);
}
