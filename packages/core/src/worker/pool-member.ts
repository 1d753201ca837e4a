import { Lifespan, type RecyclingSettings } from "./lifespan.ts";
import type { PoolWorker } from "./pool-worker.ts";
import type { WorkerView } from "./worker-view.ts";

/** A worker, and its place in the pool. */
export class PoolMember {
  readonly worker: PoolWorker;
  /** How many workers were in its place before it. */
  readonly restarts: number;

  readonly #lifespan: Lifespan;

  constructor(worker: PoolWorker, restarts: number, recycling: RecyclingSettings) {
    this.worker = worker;
    this.restarts = restarts;
    this.#lifespan = new Lifespan(recycling);
  }

  get id(): number {
    return this.worker.id;
  }

  /** Requests whose handler runs in it. */
  get active(): number {
    return this.worker.active;
  }

  /** Whether it has lived long enough. */
  get due(): boolean {
    return this.#lifespan.isOver(this.worker.served, this.worker.ageMs);
  }

  /** How it is now. Costs more than to choose a worker: for those who look at it. */
  get view(): WorkerView {
    const { id, state, active, served, figures } = this.worker;
    return Object.freeze({ id, state, active, served, restarts: this.restarts, ...figures });
  }
}
