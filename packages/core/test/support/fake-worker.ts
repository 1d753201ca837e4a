import type { PoolWorker, WorkerEnd } from "../../src/worker/pool-worker.ts";

/** A worker without a thread: the test says when it is ready and when it is gone. */
export class FakeWorker implements PoolWorker {
  readonly id: number;
  readonly active = 0;
  served = 0;
  /** Whether `handOver` says that it took the connection. */
  takes = true;
  /** The calls, in order. */
  readonly calls: string[] = [];
  readonly #ready = Promise.withResolvers<void>();
  readonly #gone = Promise.withResolvers<WorkerEnd>();

  constructor(id: number) {
    this.id = id;
  }

  get gone(): Promise<WorkerEnd> {
    return this.#gone.promise;
  }

  /** Be ready. */
  becomeReady(): void {
    this.#ready.resolve();
  }

  /** Never become ready. */
  failToStart(error: Error): void {
    this.#ready.reject(error);
    this.#gone.resolve({ lost: 0, error });
  }

  /** Be gone. */
  end(end: WorkerEnd): void {
    this.#gone.resolve(end);
  }

  start(): Promise<void> {
    this.calls.push("start");
    return this.#ready.promise;
  }

  listening(address: object): void {
    this.calls.push(`listening ${JSON.stringify(address)}`);
  }

  handOver(): boolean {
    this.calls.push("handOver");
    if (this.takes) this.served++;
    return this.takes;
  }

  async stop(limitMs: number): Promise<void> {
    this.calls.push(`stop ${limitMs}`);
    this.#ready.reject(new Error("stopped"));
    this.#gone.resolve({ lost: 0 });
  }
}
