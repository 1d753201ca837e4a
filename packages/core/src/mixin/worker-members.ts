import type { HandOver } from "../worker/hand-over.ts";
import type { WorkerView } from "../worker/worker-view.ts";

/** What a mixin that runs requests in workers adds to a server. */
declare abstract class WorkerMembers {
  /** The workers, as they are now, oldest first. Empty before `listen()`, after `close()`, and in a worker. */
  readonly workers: readonly WorkerView[];
  /** How connections and datagrams reach the workers. A stream that is no plain socket is relayed all the same. */
  readonly handOver: HandOver;
  /**
   * Choose the worker for the next request, from at least one that has room. Unless overridden: the one with the fewest active requests, in turn if
   * several have.
   */
  chooseWorker(candidates: readonly WorkerView[]): WorkerView;
  /** Called once in each worker, before its first request. If it throws, the worker does not start. */
  workerSetup(): void | Promise<void>;
  /** Called once in each worker, after its last request. */
  workerTeardown(): void | Promise<void>;
}
export type { WorkerMembers };
