/**
 * Choosing and keeping workers.
 *
 * A pool starts its workers together and stops them in reverse. It never looks inside a request: it counts what it handed over and what came
 * back, and that difference is the only truth about how busy a worker is. A worker that is lost is replaced, with growing pauses, and takes the
 * requests that it was given with it.
 *
 * @module
 */

import type { Address } from "../address.ts";
import { ErrorCode, rangeError, show } from "../errors.ts";
import type { WorkerExitInfo, WorkerInfo } from "../events.ts";
import type { MovedRequest } from "../server/moved-request.ts";
import type { Connection } from "../transport/connection.ts";
import type { PoolWorker, WorkerView } from "./pool-worker.ts";

/** What a pool asks and tells its server. */
export interface PoolOwner {
  newWorker(id: number): PoolWorker;
  choose(candidates: readonly WorkerView[]): WorkerView;
  ready(info: WorkerInfo): void;
  exited(info: WorkerExitInfo): void;
}

/** Pauses before a lost worker is replaced, in milliseconds, doubled for each loss until one has become ready. */
const FIRST_PAUSE_MS = 50;
const LAST_PAUSE_MS = 10_000;

/** A fixed number of workers. */
export class WorkerPool {
  readonly #size: number;
  readonly #owner: PoolOwner;
  readonly #live: PoolWorker[] = [];
  readonly #starting = new Set<PoolWorker>();
  readonly #pauses = new Set<NodeJS.Timeout>();
  #address: Address | undefined;
  #nextId = 1;
  #pauseMs = FIRST_PAUSE_MS;
  #stopped = false;
  #someoneLive = Promise.withResolvers<void>();

  constructor(size: number, owner: PoolOwner) {
    this.#size = size;
    this.#owner = owner;
  }

  /** The workers that can take requests, as they are now. */
  get workers(): readonly WorkerView[] {
    return this.#live.map(({ id, active, served }) => Object.freeze({ id, active, served }));
  }

  /** Start all workers. Rejects with the first one's reason if one cannot become ready; none is left then. */
  async start(): Promise<void> {
    const starts = Array.from({ length: this.#size }, () => this.#startWorker());
    try {
      await Promise.all(starts);
    } catch (error) {
      // First stop the others: one of them may hang.
      await this.stop(0);
      await Promise.allSettled(starts);
      throw error;
    }
  }

  /** Tell the server's real address to every worker, also to later ones. */
  listening(address: Address): void {
    this.#address = address;
    for (const worker of this.#live) worker.listening(address);
  }

  /**
   * Give a connection to a worker, waiting while there is none; false if the pool was stopped or the connection destroyed first, which is still
   * ours then.
   *
   * @throws `RangeError` `ERR_SOCKETSERVER_INVALID_ARGUMENT` if `chooseWorker` answers none of the candidates.
   */
  async handOver(request: MovedRequest, connection: Connection, clientAddress: Address): Promise<boolean> {
    while (!this.#stopped && !connection.destroyed) {
      if (this.#live.length === 0) await this.#someoneLive.promise;
      else {
        const chosen = this.#choose();
        if (chosen.handOver(request, connection, clientAddress)) return true;
        // It died a moment ago, and its exit is not known yet.
        this.#remove(chosen);
      }
    }
    return false;
  }

  /** End all workers, in reverse order, each within `limitMs`. */
  async stop(limitMs: number): Promise<void> {
    this.#stopped = true;
    this.#someoneLive.resolve();
    for (const pause of this.#pauses) clearTimeout(pause);
    this.#pauses.clear();
    await Promise.all([...this.#live, ...this.#starting].toReversed().map((worker) => worker.stop(limitMs)));
  }

  #choose(): PoolWorker {
    const answer = this.#owner.choose(this.workers) as WorkerView | undefined;
    const chosen = this.#live.find(({ id }) => id === answer?.id);
    if (chosen !== undefined) return chosen;
    throw rangeError(
      ErrorCode.invalidArgument,
      `Cannot hand over request: chooseWorker() must answer one of its candidates, received ${show(answer)}`,
    );
  }

  async #startWorker(id = this.#nextId++): Promise<void> {
    const worker = this.#owner.newWorker(id);
    this.#starting.add(worker);
    try {
      await worker.start();
    } finally {
      this.#starting.delete(worker);
    }
    if (this.#stopped) return worker.stop(0);
    this.#pauseMs = FIRST_PAUSE_MS;
    this.#live.push(worker);
    if (this.#address !== undefined) worker.listening(this.#address);
    this.#someoneLive.resolve();
    this.#owner.ready({ id: worker.id });
    void this.#keep(worker);
  }

  /** Wait for the end of a worker, and replace it unless we wanted that. */
  async #keep(worker: PoolWorker): Promise<void> {
    const end = await worker.gone;
    this.#remove(worker);
    this.#owner.exited({ id: worker.id, ...end });
    if (!this.#stopped) this.#replaceLater();
  }

  #replaceLater(): void {
    const pause = setTimeout(() => {
      this.#pauses.delete(pause);
      const id = this.#nextId++;
      this.#startWorker(id).catch((error: unknown) => {
        this.#owner.exited({ id, lost: 0, error: error as Error });
        if (!this.#stopped) this.#replaceLater();
      });
    }, this.#pauseMs);
    this.#pauses.add(pause);
    this.#pauseMs = Math.min(this.#pauseMs * 2, LAST_PAUSE_MS);
  }

  #remove(worker: PoolWorker): void {
    const index = this.#live.indexOf(worker);
    // A hand-over may have noticed its death before its exit was known.
    if (index === -1) return;
    this.#live.splice(index, 1);
    if (this.#live.length === 0 && !this.#stopped) this.#someoneLive = Promise.withResolvers<void>();
  }
}
