import { availableParallelism } from "node:os";

import { serverExtension, type Mixed, type ServerConstructor, type ServerExtension } from "../mixin.ts";
import { integer } from "../option-rules.ts";
import { POOL_OPTION_RULES, type ResolvedPoolOptions, type WorkerPoolOptions } from "../worker/pool-options.ts";
import { HandOver } from "../worker/hand-over.ts";
import type { WorkerMembers } from "./worker-members.ts";
import { WorkerMixIn, type WorkerTraits } from "./worker-mixin.ts";

/** Options of {@link ForkingMixIn}. */
export interface ForkingOptions {
  readonly forking?: WorkerPoolOptions & {
    /**
     * Worker processes, an integer from 1 to 1 024. Each takes about 70 MB, 20 of them its own, and 50 to 100 ms to start.
     * @defaultValue `os.availableParallelism()`
     */
    readonly processes?: number;
  };
}

/** What {@link ForkingMixIn} adds to a server. */
declare abstract class ForkingMembers extends WorkerMembers {
  readonly options: { readonly forking: ResolvedPoolOptions & { readonly processes: number } };
}
export type { ForkingMembers };

const PROCESSES: WorkerTraits = {
  kind: "process",
  loadLinks: async () => {
    const { ProcessLink } = await import("../worker/process-link.ts");
    return (_id, limits) => new ProcessLink(limits);
  },
  handOver: () => HandOver.send,
  poolOf: (options) => {
    const { forking } = options as ForkingMembers["options"];
    return { size: forking.processes, pool: forking };
  },
};

/**
 * Run requests in child processes: each process runs many at once on an event loop of its own, and whatever a handler does to its process (it
 * computes, leaks, or crashes in native code) holds up or ends only the connections of that process.
 *
 * Processes are started before they are needed and serve many requests, other than Python's; `recycleAfterRequests: 1` gives a fresh one for each.
 * An accepted TCP or Unix socket itself is sent to the process, datagrams one by one; `handOver` tells. There the request meets a replica of this
 * server, constructed again from the same class, address, handler class and options; so both classes must be exported by the program's main module,
 * or say where they are with `static readonly module = import.meta.url`, and a program starts its server inside of `if (import.meta.main)`.
 *
 * Nothing is shared: not memory, not `BroadcastChannel`. Children inherit stdout and stderr, arguments and environment. They leave signals to their
 * parent: Ctrl-C reaches them too, and the parent decides how they end. If it dies, so do they.
 *
 * Changes `processRequest`.
 *
 * @example
 * ```ts run
 * import { BaseRequestHandler, ForkingMixIn, TCPServer } from "@socketserver/core";
 * import { serve, talk } from "@socketserver/testing";
 *
 * export class ProcessHandler extends BaseRequestHandler {
 *   override async handle(): Promise<void> {
 *     await this.request.sendAll(String(process.pid));
 *   }
 * }
 *
 * export class ForkingServer extends ForkingMixIn(TCPServer) {}
 *
 * if (import.meta.main) {
 *   await using running = await serve(ProcessHandler, { server: ForkingServer, options: { forking: { processes: 2 } } });
 *   const [first, second] = [await talk(running.address, ""), await talk(running.address, "")];
 *   console.log("own process:", Number(first) === process.pid, "same process:", first.equals(second));
 * }
 * ```
 *
 * ```text
 * own process: false same process: false
 * ```
 *
 * @see {@link https://docs.python.org/3/library/socketserver.html#socketserver.ForkingMixIn | ForkingMixIn}
 */
export function ForkingMixIn<Base extends ServerConstructor>(base: Base): Mixed<Base, ForkingMembers, ForkingOptions> {
  abstract class ForkingServer extends WorkerMixIn(base, PROCESSES) {
    static readonly [serverExtension]: ServerExtension = {
      name: "ForkingMixIn",
      replaces: ["processRequest"],
      options: {
        forking: {
          processes: integer({ defaultValue: availableParallelism(), min: 1, max: 1_024 }),
          ...POOL_OPTION_RULES,
        },
      },
    };
  }
  return ForkingServer as unknown as Mixed<Base, ForkingMembers, ForkingOptions>;
}
