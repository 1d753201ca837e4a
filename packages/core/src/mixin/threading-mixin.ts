import { availableParallelism } from "node:os";

import { serverExtension, type Mixed, type ServerConstructor, type ServerExtension } from "../mixin.ts";
import { integer } from "../option-rules.ts";
import { POOL_OPTION_RULES, type ResolvedPoolOptions, type WorkerPoolOptions } from "../worker/pool-options.ts";
import { canTransferSockets } from "../worker/can-transfer-sockets.ts";
import { HandOver } from "../worker/hand-over.ts";
import type { WorkerMembers } from "./worker-members.ts";
import { WorkerMixIn, type WorkerTraits } from "./worker-mixin.ts";

/** Options of {@link ThreadingMixIn}. */
export interface ThreadingOptions {
  readonly threading?: WorkerPoolOptions & {
    /**
     * Worker threads, an integer from 1 to 1 024. Each takes 10 to 20 MB, and 20 to 50 ms to start.
     * @defaultValue `os.availableParallelism()`
     */
    readonly threads?: number;
  };
}

/** What {@link ThreadingMixIn} adds to a server. */
declare abstract class ThreadingMembers extends WorkerMembers {
  readonly options: { readonly threading: ResolvedPoolOptions & { readonly threads: number } };
}
export type { ThreadingMembers };

const THREADS: WorkerTraits = {
  kind: "thread",
  loadLinks: async () => {
    const { ThreadLink } = await import("../worker/thread-link.ts");
    return (id, limits) => new ThreadLink(id, limits);
  },
  handOver: (isPath) => (!isPath && canTransferSockets() ? HandOver.transfer : HandOver.relay),
  poolOf: (options) => {
    const { threading } = options as ThreadingMembers["options"];
    return { size: threading.threads, pool: threading };
  },
};

/**
 * Run requests in worker threads: each thread runs many at once on an event loop of its own, and a handler that computes holds up only those of
 * its thread.
 *
 * An accepted TCP socket itself moves to the thread. Connections to a Unix socket, and TCP connections on runtimes that cannot move them, are relayed
 * in bounded chunks, datagrams one by one; `handOver` tells. In the thread the request meets a replica of this server, constructed again from the
 * same class, address, handler class and options; so both classes must be exported by the program's main module, or say where they are with
 * `static readonly module = import.meta.url`, and a program starts its server inside of `if (import.meta.main)`.
 *
 * A thread is isolated from the others in time and in memory: a field of `this.server` in a handler is the field of its thread; its `activeRequests`
 * counts those of the thread, and its `state` stays `new`. `BroadcastChannel` and `SharedArrayBuffer` cross. What ends the whole program, such as a
 * fault in native code, ends every thread.
 *
 * Changes `processRequest`.
 *
 * @example
 * ```ts run
 * import { BaseRequestHandler, TCPServer, ThreadingMixIn } from "@socketserver/core";
 * import { serve, talk } from "@socketserver/testing";
 * import { isMainThread } from "node:worker_threads";
 *
 * export class ThreadHandler extends BaseRequestHandler {
 *   override async handle(): Promise<void> {
 *     await this.request.sendAll(isMainThread ? "in the main thread" : "in a thread");
 *   }
 * }
 *
 * export class ThreadedServer extends ThreadingMixIn(TCPServer) {}
 *
 * if (import.meta.main) {
 *   await using running = await serve(ThreadHandler, { server: ThreadedServer, options: { threading: { threads: 2 } } });
 *   console.log(String(await talk(running.address, "")), running.server.handOver);
 * }
 * ```
 *
 * ```text
 * in a thread transfer
 * ```
 *
 * @see {@link https://docs.python.org/3/library/socketserver.html#socketserver.ThreadingMixIn | ThreadingMixIn}
 */
export function ThreadingMixIn<Base extends ServerConstructor>(
  base: Base,
): Mixed<Base, ThreadingMembers, ThreadingOptions> {
  abstract class ThreadingServer extends WorkerMixIn(base, THREADS) {
    static readonly [serverExtension]: ServerExtension = {
      name: "ThreadingMixIn",
      replaces: ["processRequest"],
      options: {
        threading: {
          threads: integer({ defaultValue: availableParallelism(), min: 1, max: 1_024 }),
          ...POOL_OPTION_RULES,
        },
      },
    };
  }
  return ThreadingServer as unknown as Mixed<Base, ThreadingMembers, ThreadingOptions>;
}
