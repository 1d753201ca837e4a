import type { RecyclingSettings } from "./lifespan.ts";
import { PoolMember } from "./pool-member.ts";
import type { PoolWorker, WorkerEnd } from "./pool-worker.ts";

/** What a slot asks and tells its pool. */
export interface SlotHost {
  /** Make a worker, which is not started yet. */
  newWorker(): PoolWorker;
  /** A worker is being started. */
  added(member: PoolMember): void;
  /** A worker can take requests; whether it is still wanted. */
  ready(member: PoolMember): boolean;
  /** A worker is gone that had been ready. */
  exited(member: PoolMember, end: WorkerEnd): void;
  /** A worker could not become ready, and is gone; whether to try again. */
  startFailed(member: PoolMember, error: Error): boolean;
}

/** Pauses before a lost worker is replaced, in milliseconds: doubled for each one in a row of which nothing came. */
const FIRST_PAUSE_MS = 50;
const LAST_PAUSE_MS = 10_000;

/** One place in a pool: a worker, and when it is lost or has served long enough the next one. */
export class WorkerSlot {
  readonly #host: SlotHost;
  readonly #recycling: RecyclingSettings;
  #restarts = 0;
  /** Workers in a row that ended soon, and before one request had ended in them. */
  #fruitless = 0;
  #pause: NodeJS.Timeout | undefined;
  #current: PoolMember | undefined;
  #stopped = false;
  #filled = Promise.withResolvers<void>();

  constructor(host: SlotHost, recycling: RecyclingSettings) {
    this.#host = host;
    this.#recycling = recycling;
  }

  /** The worker that takes requests, or will when it is ready. */
  get current(): PoolMember | undefined {
    return this.#current;
  }

  /** Start the first worker; rejects if it cannot become ready. */
  async fill(): Promise<void> {
    const member = this.#newMember();
    await member.worker.start();
    this.#keep(member);
  }

  /** Replace the present worker: when the next one is ready, it takes no further request, and ends when those that it has are over. */
  async retire(graceMs: number, stopMs: number): Promise<void> {
    const old = this.#current;
    this.#filled = Promise.withResolvers<void>();
    const { promise } = this.#filled;
    this.#restarts++;
    void this.#startNext();
    await promise;
    await old?.worker.retire(graceMs, stopMs);
  }

  /** Replace nobody any more. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#pause);
    this.#filled.resolve();
  }

  #newMember(): PoolMember {
    const worker = this.#host.newWorker();
    const member = new PoolMember(worker, this.#restarts, this.#recycling);
    this.#current = member;
    this.#host.added(member);
    return member;
  }

  #keep(member: PoolMember): void {
    this.#filled.resolve();
    if (!this.#host.ready(member)) {
      void member.worker.stop(0);
      return;
    }
    void member.worker.gone.then((end) => {
      const { ended, ageMs } = member.worker;
      if (ended > 0 || ageMs > LAST_PAUSE_MS) this.#fruitless = 0;
      this.#host.exited(member, end);
      // One that retired has been replaced already.
      if (this.#current === member) this.#startLater();
    });
  }

  async #startNext(): Promise<void> {
    if (this.#stopped) return;
    const member = this.#newMember();
    try {
      await member.worker.start();
    } catch (error) {
      if (this.#host.startFailed(member, error as Error)) this.#startLater();
      return;
    }
    this.#keep(member);
  }

  #startLater(): void {
    if (this.#stopped) return;
    this.#restarts++;
    const ms = Math.min(FIRST_PAUSE_MS * 2 ** this.#fruitless++, LAST_PAUSE_MS);
    this.#pause = setTimeout(() => void this.#startNext(), ms);
  }
}
