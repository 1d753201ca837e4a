import type { BaseServer, WorkerMembers, WorkerPoolOptions } from "@socketserver/core";
import type { AnyServerClass } from "@socketserver/testing";

import {
  JournalingForkingTCPServer,
  JournalingForkingUDPServer,
  JournalingForkingUnixStreamServer,
  JournalingThreadingTCPServer,
  JournalingThreadingUDPServer,
  JournalingThreadingUnixStreamServer,
  type Hooks,
  type JournalingMembers,
} from "../fixtures/worker-commands.ts";

/** What every server with workers has, of whichever kind. */
export type WorkerServer = BaseServer & WorkerMembers & JournalingMembers;

/** Options of such a server, beside the number of its workers. */
export interface KindOptions {
  readonly pool?: WorkerPoolOptions;
  readonly hooks?: Hooks;
  readonly graceMs?: number;
  readonly requestQueueSize?: number;
}

/** One kind of workers: server classes that differ in nothing else. */
export interface WorkerKindCell {
  readonly name: string;
  readonly TCP: AnyServerClass<WorkerServer>;
  readonly Unix: AnyServerClass<WorkerServer>;
  readonly UDP: AnyServerClass<WorkerServer>;
  /** Options for so many workers. */
  readonly workers: (count: number, options?: KindOptions) => object;
}

/** Threads and processes. */
export const WORKER_KINDS: readonly WorkerKindCell[] = [
  {
    name: "threads",
    TCP: JournalingThreadingTCPServer,
    Unix: JournalingThreadingUnixStreamServer,
    UDP: JournalingThreadingUDPServer,
    workers: (count, { pool, ...others } = {}) => ({ threading: { threads: count, ...pool }, ...others }),
  },
  {
    name: "processes",
    TCP: JournalingForkingTCPServer,
    Unix: JournalingForkingUnixStreamServer,
    UDP: JournalingForkingUDPServer,
    workers: (count, { pool, ...others } = {}) => ({ forking: { processes: count, ...pool }, ...others }),
  },
];
