/**
 * What `ThreadingMixIn` and `ForkingMixIn` share, which is nearly everything: a pool whose workers each have a replica of the server.
 *
 * @module
 */

import type { Address } from "../address.ts";
import { CloseReason } from "../close-reason.ts";
import { ErrorCode, rangeError, show, typeError } from "../errors.ts";
import type { ServerEvents } from "../events.ts";
import type { ServerConstructor } from "../mixin.ts";
import { ServerState } from "../server/life-cycle.ts";
import { UDPServer } from "../server/udp-server.ts";
import { Connection } from "../transport/connection.ts";
import { descriptorLimit, reserveOf } from "../transport/descriptors.ts";
import { Datagram } from "../transport/datagram.ts";
import type { ServerRequest } from "../transport/server-request.ts";
import type { WorkerKind } from "../worker/check-crossing.ts";
import type { WorkerBoot } from "../worker/messages.ts";
import type { ResolvedPoolOptions } from "../worker/pool-options.ts";
import type { WorkerOwner } from "../worker/pool-worker.ts";
import { HandOver } from "../worker/hand-over.ts";
import { idlest } from "../worker/idlest.ts";
import type { LinkLimits, WorkerLink } from "../worker/worker-link.ts";
import type { PoolOwner, PoolSettings, WorkerPool } from "../worker/worker-pool.ts";
import type { WorkerView } from "../worker/worker-view.ts";

/** Links a worker that is to be started. */
type NewLink = (id: number, limits: LinkLimits) => WorkerLink;

/** What differs between threads and processes. */
export interface WorkerTraits {
  readonly kind: WorkerKind;
  /** Loads what such workers are linked with. */
  loadLinks(): Promise<NewLink>;
  /** How connections reach such workers, unless they are relayed. */
  handOver(isPath: boolean): HandOver;
  /** How many workers there are, and their options, wherever the mixin keeps them. */
  poolOf(options: object): PoolSize;
}

/** How many workers there are, and their options. */
interface PoolSize {
  readonly size: number;
  readonly pool: ResolvedPoolOptions;
}

/** What is not loaded before a server has workers: most have none. */
type PoolParts = Awaited<ReturnType<typeof loadPoolParts>>;

/** How long workers may take to tear down; `serverStop()` as a whole is bounded by a little more. */
const STOP_MS = 400;

/** The longest time between two beats of a worker, in milliseconds. */
const MAX_BEAT_MS = 1_000;

/** Beats within `heartbeatTimeoutMs`. */
const BEATS_PER_TIMEOUT = 10;

/** Datagrams have no connection that would bound them. */
const MAX_DATAGRAMS_PER_WORKER = 1_024;

/** With so many places in a worker, requests hardly ever wait for one. */
const MANY_PLACES = 256;

/** Run requests in workers. */
export function WorkerMixIn(base: ServerConstructor, traits: WorkerTraits): ServerConstructor {
  abstract class WorkerServer extends base {
    #pool: WorkerPool | undefined;
    /** The worker that was chosen last: on ties the next one gets its turn. */
    #lastChosen = 0;

    get workers(): readonly WorkerView[] {
      return this.#pool?.workers ?? [];
    }

    get handOver(): HandOver {
      if (this instanceof UDPServer || traits.poolOf(this.options).pool.relay) return HandOver.relay;
      return traits.handOver("path" in this.serverAddress);
    }

    chooseWorker(candidates: readonly WorkerView[]): WorkerView {
      const chosen = this.#idlest(candidates);
      if (chosen === undefined)
        throw rangeError(ErrorCode.invalidArgument, "Cannot choose worker: received no candidates");
      return chosen;
    }

    workerSetup(): void | Promise<void> {}

    workerTeardown(): void | Promise<void> {}

    override async serverActivate(): Promise<void> {
      await super.serverActivate();
      const parts = await loadPoolParts(traits);
      // Closed meanwhile: `listen()` says so, and nobody would stop the workers.
      if (this.state !== ServerState.new) return;
      this.#pool = this.#newPool(parts);
      await this.#pool.start();
    }

    override async serverStop(): Promise<void> {
      await this.#pool?.stop(STOP_MS);
      await super.serverStop();
    }

    /** Most requests find a worker with room, and are in it at once. */
    override processRequest(request: ServerRequest, clientAddress: Address): void | Promise<void> {
      checkMovable(request);
      const pool = this.#pool as WorkerPool;
      const moved = pool.handOver({ request: this.moveRequest(request), content: request, clientAddress });
      if (moved === true) return undefined;
      return this.#closeUnlessMoved(request, clientAddress, moved);
    }

    /** Not a listener of our own: one of the program's that throws must not come before it. */
    protected override publish<Event extends keyof ServerEvents>(
      event: Event,
      ...args: Parameters<ServerEvents[Event]>
    ): void {
      if (event === "listening") this.#pool?.listening(this.serverAddress);
      else if (event === "lameDuck" || event === "draining") this.#pool?.leaving();
      super.publish(event, ...args);
    }

    /** The server may have ended, or the client have left, before there was room: there is nothing to run then, but a request to close. */
    async #closeUnlessMoved(
      request: Connection | Datagram,
      clientAddress: Address,
      moved: boolean | Promise<boolean>,
    ): Promise<void> {
      if (await moved) return;
      request.cut(CloseReason.drain);
      await this.runRequest(request, clientAddress);
    }

    #idlest<Worker extends Pick<WorkerView, "id" | "active">>(workers: readonly Worker[]): Worker | undefined {
      const chosen = idlest(workers, this.#lastChosen);
      this.#lastChosen = chosen?.id ?? this.#lastChosen;
      return chosen;
    }

    #newPool(parts: PoolParts): WorkerPool {
      const { size, pool } = traits.poolOf(this.options);
      const isDatagrams = this instanceof UDPServer;
      const beatMs = Math.min(pool.heartbeatTimeoutMs / BEATS_PER_TIMEOUT, MAX_BEAT_MS);
      const settings = {
        ...pool,
        size,
        requestsPerWorker: pool.requestsPerWorker ?? (isDatagrams ? MAX_DATAGRAMS_PER_WORKER : Infinity),
        beatMs,
        // What lingers is over by then, and is not cut.
        graceMs: Math.max(this.options.graceMs, this.options.lingerMs),
        stopMs: STOP_MS,
      };
      return new parts.WorkerPool(settings, this.#poolOwner(parts, this.#newBoot(parts, settings), pool));
    }

    #newBoot({ checkCrossing, locateClass }: PoolParts, settings: PoolSettings): WorkerBoot {
      const { address, options } = this.constructorArguments;
      checkCrossing(options, traits.kind);
      const server = locateClass(this.constructor);
      const handler = locateClass(this.RequestHandlerClass);
      const { size: workers, beatMs, requestsPerWorker, recycleAfterRequests } = settings;
      const scarce = Math.min(requestsPerWorker, recycleAfterRequests) < MANY_PLACES;
      return { server, handler, address, options, workers, argv: process.argv.slice(1), beatMs, scarce };
    }

    #poolOwner({ PoolWorker, newLink }: PoolParts, boot: WorkerBoot, options: ResolvedPoolOptions): PoolOwner {
      const { maxHeapSize, readyTimeoutMs, heartbeatTimeoutMs } = options;
      const { handOver } = this;
      // A process has as many as this one.
      const reservedDescriptors = reserveOf(descriptorLimit(), this.options.reservedDescriptors);
      const owner: WorkerOwner = {
        requestError: (error, clientAddress) => this.reportError(error, clientAddress),
        shutdown: (callerId) => this.shutdownFor(callerId),
        close: (limits, callerId) => this.closeFor(callerId, limits),
        changeAdmission: (rules) => this.changeAdmission(rules),
        deny: (...clients) => this.deny(...clients),
      };
      return {
        newWorker: (id, calls) => {
          const link = newLink(id, { maxHeapSize });
          const timeouts = { readyTimeoutMs, heartbeatTimeoutMs };
          return new PoolWorker({ id, link, boot, owner, handOver, reservedDescriptors, ...timeouts, ...calls });
        },
        choose: (candidates) => {
          // A view costs more than to choose: it is made for those who look at it.
          if (this.chooseWorker === WorkerServer.prototype.chooseWorker) return this.#idlest(candidates);
          return this.chooseWorker(candidates.map((worker) => worker.view));
        },
        ready: (info) => this.publish("workerReady", info),
        exited: (info) => {
          if (info.error !== undefined) this.reportError(info.error, undefined);
          this.publish("workerExit", info);
        },
        failed: (error) => this.reportError(error, undefined),
        gaveUp: (error) => this.giveUp(error),
      };
    }
  }
  return WorkerServer;
}

async function loadPoolParts(traits: WorkerTraits) {
  const [newLink, { checkCrossing }, { locateClass }, { PoolWorker }, { WorkerPool }] = await Promise.all([
    traits.loadLinks(),
    import("../worker/check-crossing.ts"),
    import("../worker/class-location.ts"),
    import("../worker/pool-worker.ts"),
    import("../worker/worker-pool.ts"),
  ]);
  return { newLink, checkCrossing, locateClass, PoolWorker, WorkerPool };
}

/** @throws `TypeError` `ERR_SOCKETSERVER_INVALID_ARGUMENT` about a request that would not arrive whole. */
function checkMovable(request: ServerRequest): asserts request is Connection | Datagram {
  if (request instanceof Datagram) return;
  if (!(request instanceof Connection)) {
    throw typeError(
      ErrorCode.invalidArgument,
      `Cannot hand over request: it must be a Connection or a Datagram, received ${show(request)}`,
    );
  }
  if (request.bytesRead === 0 && request.bytesWritten === 0) return;
  throw typeError(
    ErrorCode.invalidArgument,
    `Cannot hand over request: ${request.bytesRead} bytes of it were read and ${request.bytesWritten} written on the listener side; do that in prepareRequest(), which runs in the worker`,
  );
}
