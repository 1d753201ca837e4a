import { CloseReason } from "../close-reason.ts";
import { MAX_TIMER_MS } from "../option-rules.ts";
import type { DrainReport } from "./drain-report.ts";
import type { RequestRegistry } from "./registry.ts";
import type { RequestRecord } from "./request-record.ts";
import { turnsAfterCut } from "./turns-after-cut.ts";

/**
 * How long, past the deadline, the last steps may take: a handler that called `close()` itself gets its answer out, what was cut ends in
 * its worker, `serverStop()` runs.
 */
export const LAST_STEPS_MS = 500;

/**
 * Waits for the running requests to end, and cuts what is left at the deadline.
 *
 * Handlers that called `close()` themselves are not waited for by themselves or by each other: their wait ends when everyone else is gone, and
 * only then does ours for them.
 */
export class Drain {
  readonly #registry: RequestRegistry;
  readonly #startedAt = performance.now();
  readonly #othersGone = Promise.withResolvers<void>();
  readonly #othersEnded = Promise.withResolvers<void>();
  readonly #allGone = Promise.withResolvers<void>();
  readonly #callers = new Set<RequestRecord>();
  /** When each one was cut, and how old it was. */
  readonly #cut = new Map<RequestRecord, { readonly at: number; readonly ageMs: number }>();
  readonly #stopListening: () => void;
  readonly #refused: () => number;
  /** Those that ended by themselves, by their close reason. */
  readonly #finished = new Map<CloseReason, number>();
  /** Whether requests have been told to end. */
  #begun = false;
  #allTaken = false;
  /** Whether the others are gone or cut, and only the last steps are waited for. */
  #lastSteps = false;
  #deadline = Infinity;
  #timer: NodeJS.Timeout | undefined;
  #checking: NodeJS.Immediate | undefined;

  /** @param refused - How many requests waited, or came too late, and were refused. */
  constructor(registry: RequestRegistry, refused: () => number) {
    this.#registry = registry;
    this.#refused = refused;
    this.#stopListening = registry.onEnd((record) => this.#onEnd(record));
  }

  /** Resolves when nobody is left but handlers that called `close()`, or when the deadline has passed and the others were cut. */
  get othersEnded(): Promise<void> {
    return this.#othersEnded.promise;
  }

  /** Resolves when the deadline has passed, or nobody is left to wait for before it. */
  get overdue(): Promise<void> {
    return this.#othersGone.promise;
  }

  /** From now on, whoever ends is counted. */
  begin(): void {
    this.#begun = true;
  }

  /** A handler waits for `close()`. */
  join(caller: RequestRecord): void {
    this.#callers.add(caller);
    this.#check();
  }

  /** End at the latest in `graceMs` from now; a later deadline than the present one changes nothing. */
  limit(graceMs: number): void {
    const deadline = performance.now() + graceMs;
    if (deadline >= this.#deadline) return;
    this.#deadline = deadline;
    this.#armTimer();
  }

  /**
   * Tell every running request, and wait for them; resolves soon after the deadline at the latest.
   *
   * @param allTaken - Resolves when the serving loop has taken its last request.
   */
  async run(allTaken: Promise<void>): Promise<void> {
    this.#tellAll();
    void allTaken.then(() => {
      this.#tellAll();
      this.#allTaken = true;
      this.#check();
    });
    await this.#othersGone.promise;
    this.#cutAllBut(this.#callers);
    if (this.#cut.size > 0) await turnsAfterCut();
    this.#othersEnded.resolve();
    this.#lastSteps = true;
    this.#armTimer();
    this.#checkSoon();
    await this.#allGone.promise;
    clearTimeout(this.#timer);
    this.#cutAllBut(new Set());
    await turnsAfterCut();
    clearImmediate(this.#checking);
    this.#stopListening();
  }

  /** What has happened until now. */
  report(): DrainReport {
    const cut = [...this.#cut].map(([record, { at, ageMs }]) => {
      // In a worker, only the end of a request tells how much it has moved.
      const { bytesRead, bytesWritten, lastActivity } = record.traffic;
      const idleMs = Math.max(at - lastActivity, 0);
      const { settledByItself: settled } = record;
      return Object.freeze({
        ...record.info,
        ageMs,
        bytesRead,
        bytesWritten,
        idleMs,
        reason: reasonOf(record),
        settled,
      });
    });
    const finished = [...this.#finished.values()].reduce((sum, some) => sum + some, 0);
    const reasons = new Map(this.#finished);
    for (const { reason } of cut) addTo(reasons, reason);
    const callers = [...this.#callers].filter((record) => !this.#cut.has(record)).length;
    return Object.freeze({
      durationMs: performance.now() - this.#startedAt,
      open: finished + cut.length + callers,
      finished,
      cut: Object.freeze(cut),
      neverSettled: cut.filter(({ settled }) => !settled).length,
      callers,
      reasons: Object.freeze(Object.fromEntries(reasons)),
      refused: this.#refused(),
    });
  }

  /** Wake up at the deadline; in the last steps, a little after it. */
  #armTimer(): void {
    clearTimeout(this.#timer);
    if (this.#deadline === Infinity) return;
    const left = Math.max(this.#deadline - performance.now(), 0) + (this.#lastSteps ? LAST_STEPS_MS : 0);
    const { resolve } = this.#lastSteps ? this.#allGone : this.#othersGone;
    // A sum of times may be more than a timer of the runtime can wait for.
    this.#timer =
      left > MAX_TIMER_MS ? setTimeout(() => this.#armTimer(), MAX_TIMER_MS) : setTimeout(() => resolve(), left);
  }

  #onEnd(record: RequestRecord): void {
    if (record.stage === "gone" && record.wasTaken) {
      this.#callers.delete(record);
      if (this.#begun && !this.#cut.has(record)) addTo(this.#finished, reasonOf(record));
      this.#check();
    }
    if (this.#lastSteps) this.#checkSoon();
  }

  #tellAll(): void {
    for (const record of this.#registry.taken()) if (!record.draining) record.drain();
  }

  #check(): void {
    if (this.#allTaken && this.#registry.takenSize <= this.#callers.size) this.#othersGone.resolve();
  }

  /** Whether only handlers are left that never end and whose connection is cut and closed. Once a turn: it looks at every record. */
  #checkSoon(): void {
    this.#checking ??= setImmediate(() => {
      this.#checking = undefined;
      const left = [...this.#registry.taken()];
      if (left.every((record) => record.closed && this.#cut.has(record))) this.#allGone.resolve();
    });
  }

  #cutAllBut(spared: ReadonlySet<RequestRecord>): void {
    for (const record of this.#registry.taken()) {
      if (spared.has(record) || this.#cut.has(record)) continue;
      this.#cut.set(record, { at: performance.now(), ageMs: record.ageMs });
      record.cut(CloseReason.drain);
    }
  }
}

/** One that was cut and has not told its end yet. */
function reasonOf({ closeReason = CloseReason.drain }: RequestRecord): CloseReason {
  return closeReason;
}

function addTo(counts: Map<CloseReason, number>, reason: CloseReason): void {
  counts.set(reason, (counts.get(reason) ?? 0) + 1);
}
