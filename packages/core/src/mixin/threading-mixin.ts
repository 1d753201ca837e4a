import { availableParallelism } from "node:os";

import type { Address } from "../address.ts";
import { CloseReason } from "../close-reason.ts";
import { ErrorCode, SocketServerError, rangeError, typeError } from "../errors.ts";
import type { ServerEvents } from "../events.ts";
import { serverExtension, type Mixed, type ServerConstructor, type ServerExtension } from "../mixin.ts";
import { integer } from "../option-rules.ts";
import { TCPServer } from "../server/tcp-server.ts";
import type { Connection } from "../transport/connection.ts";
import { checkCloneable } from "../worker/check-cloneable.ts";
import { locateClass } from "../worker/class-location.ts";
import type { WorkerView } from "../worker/pool-worker.ts";
import { ThreadWorker, canTransferSockets } from "../worker/thread-worker.ts";
import { WorkerPool } from "../worker/worker-pool.ts";

/** Options of {@link ThreadingMixIn}. */
export interface ThreadingOptions {
  readonly threading?: {
    /**
     * Worker threads, an integer from 1 to 1 024.
     * @defaultValue `os.availableParallelism()`
     */
    readonly threads?: number;
  };
}

/** What {@link ThreadingMixIn} adds to a server. */
declare abstract class ThreadingMembers {
  readonly options: { readonly threading: { readonly threads: number } };
  /** The worker threads that can take requests. Empty before `listen()` and in a worker. */
  readonly workers: readonly WorkerView[];
  /**
   * Choose the thread for the next request, from at least one. Unless overridden: the one with the fewest active requests, in turn if several have.
   */
  chooseWorker(candidates: readonly WorkerView[]): WorkerView;
  /** Called once in each worker, before its first request. If it throws, the worker does not start. */
  workerSetup(): void | Promise<void>;
  /** Called once in each worker, after its last request. */
  workerTeardown(): void | Promise<void>;
}
export type { ThreadingMembers };

/** How long threads may take to tear down; `serverStop()` as a whole is bounded by a little more. */
const STOP_MS = 400;

/**
 * Run requests in worker threads: each thread runs many at once on an event loop of its own, and a handler that computes holds up only those of
 * its thread.
 *
 * The accepted socket itself moves to the thread. There it meets a replica of this server, constructed again from the same class, address,
 * handler class and options; so both classes must be exported by the program's main module, or say where they are with
 * `static readonly module = import.meta.url`, and a program starts its server inside of `if (import.meta.main)`. Memory is not shared: a field of
 * `this.server` in a handler is the field of its thread; its `activeRequests` counts those of the thread, and its `state` stays `new`.
 *
 * Changes `processRequest`.
 *
 * @see {@link https://docs.python.org/3/library/socketserver.html#socketserver.ThreadingMixIn | ThreadingMixIn}
 */
export function ThreadingMixIn<Base extends ServerConstructor>(
  base: Base,
): Mixed<Base, ThreadingMembers, ThreadingOptions> {
  abstract class ThreadingServer extends (base as ServerConstructor) {
    static readonly [serverExtension]: ServerExtension = {
      name: "ThreadingMixIn",
      replaces: ["processRequest"],
      options: { threading: { threads: integer({ defaultValue: availableParallelism(), min: 1, max: 1_024 }) } },
    };

    #pool: WorkerPool | undefined;
    /** The worker that was chosen last: on ties the next one gets its turn. */
    #lastChosen = 0;

    constructor(address: Address, handler: never, options?: object) {
      super(address, handler, options);
      if (this instanceof TCPServer) return;
      throw typeError(
        ErrorCode.mixinConflict,
        `Cannot create server: ThreadingMixIn moves TCP connections, and ${this.constructor.name} is no TCPServer; use AsyncMixIn`,
      );
    }

    get workers(): readonly WorkerView[] {
      return this.#pool?.workers ?? [];
    }

    chooseWorker(candidates: readonly WorkerView[]): WorkerView {
      const fewest = Math.min(...candidates.map(({ active }) => active));
      const idlest = candidates.filter(({ active }) => active === fewest).toSorted((one, other) => one.id - other.id);
      const chosen = idlest.find(({ id }) => id > this.#lastChosen) ?? idlest[0];
      if (chosen === undefined)
        throw rangeError(ErrorCode.invalidArgument, "Cannot choose worker: received no candidates");
      this.#lastChosen = chosen.id;
      return chosen;
    }

    workerSetup(): void | Promise<void> {}

    workerTeardown(): void | Promise<void> {}

    override async serverActivate(): Promise<void> {
      await super.serverActivate();
      this.#pool = this.#newPool();
      await this.#pool.start();
    }

    override async serverStop(): Promise<void> {
      await this.#pool?.stop(STOP_MS);
      await super.serverStop();
    }

    override async processRequest(request: Connection, clientAddress: Address): Promise<void> {
      const pool = this.#pool as WorkerPool;
      if (await pool.handOver(this.moveRequest(request), request, clientAddress)) return;
      // The server has ended, or the client has left: there is nothing to run, but a request to close.
      request.cut(CloseReason.drain);
      await this.runRequest(request, clientAddress);
    }

    /** Not a listener of our own: one of the program's that throws must not come before it. */
    protected override publish<Event extends keyof ServerEvents>(
      event: Event,
      ...args: Parameters<ServerEvents[Event]>
    ): void {
      if (event === "listening") this.#pool?.listening(this.serverAddress);
      super.publish(event, ...args);
    }

    #newPool(): WorkerPool {
      if (!canTransferSockets()) {
        throw new SocketServerError(
          ErrorCode.transferUnsupported,
          `Cannot start threads: ${process.release.name} ${process.version} cannot move a socket to a thread; use Node 24.20 or newer of 24, or 26.6 or newer, or AsyncMixIn`,
        );
      }
      const { address, options } = this.constructorArguments;
      checkCloneable(options);
      const boot = {
        server: locateClass(this.constructor),
        handler: locateClass(this.RequestHandlerClass),
        address,
        options,
      };
      const { threads } = (this.options as typeof this.options & ThreadingMembers["options"]).threading;
      return new WorkerPool(threads, {
        newWorker: (id) =>
          new ThreadWorker(id, boot, {
            requestError: (error, clientAddress) => this.reportError(error, clientAddress),
            shutdown: (callerId) => this.shutdownFor(callerId),
            close: (graceMs, callerId) => this.closeFor(callerId, graceMs),
          }),
        choose: (candidates) => this.chooseWorker(candidates),
        ready: (info) => this.publish("workerReady", info),
        exited: (info) => {
          if (info.error !== undefined) this.reportError(info.error, undefined);
          this.publish("workerExit", info);
        },
      });
    }
  }
  return ThreadingServer as unknown as Mixed<Base, ThreadingMembers, ThreadingOptions>;
}
