import type { AnyServerClass } from "@socketserver/testing";

import {
  StagedAsyncTCPServer,
  StagedAsyncUDPServer,
  StagedAsyncUnixStreamServer,
  StagedForkingTCPServer,
  StagedForkingUDPServer,
  StagedPacketHandler,
  StagedStreamHandler,
  StagedTCPServer,
  StagedThreadingTCPServer,
  StagedThreadingUDPServer,
  StagedThreadingUnixStreamServer,
  StagedUDPServer,
  StagedUnixStreamServer,
  type StagedServer,
} from "../fixtures/drain-phases.ts";

/** A server class of drain cases. */
export interface Stage {
  readonly server: AnyServerClass<StagedServer>;
  /** Options for so many handlers at once. */
  readonly options: (atOnce: number) => object;
  /** Whether handlers run one at a time whatever the options say. */
  readonly single: boolean;
  readonly inWorkers: boolean;
  readonly packets: boolean;
  readonly path: boolean;
}

const single = { options: () => ({}), single: true, inWorkers: false, packets: false, path: false };
const async = {
  ...single,
  options: (atOnce: number) => ({ async: { maxConcurrentRequests: atOnce } }),
  single: false,
};
const threads = {
  ...async,
  options: (atOnce: number) => ({ threading: { threads: 1, requestsPerWorker: atOnce } }),
  inWorkers: true,
};
const processes = {
  ...threads,
  options: (atOnce: number) => ({ forking: { processes: 1, requestsPerWorker: atOnce } }),
};

/** Every kind of servers that drain cases have. */
export const STAGES = {
  TCP: { ...single, server: StagedTCPServer },
  AsyncTCP: { ...async, server: StagedAsyncTCPServer },
  Unix: { ...single, server: StagedUnixStreamServer, path: true },
  AsyncUnix: { ...async, server: StagedAsyncUnixStreamServer, path: true },
  UDP: { ...single, server: StagedUDPServer, packets: true },
  AsyncUDP: { ...async, server: StagedAsyncUDPServer, packets: true },
  ThreadingTCP: { ...threads, server: StagedThreadingTCPServer },
  ThreadingUnix: { ...threads, server: StagedThreadingUnixStreamServer, path: true },
  ThreadingUDP: { ...threads, server: StagedThreadingUDPServer, packets: true },
  ForkingTCP: { ...processes, server: StagedForkingTCPServer },
  ForkingUDP: { ...processes, server: StagedForkingUDPServer, packets: true },
} as const satisfies Readonly<Record<string, Stage>>;

/** The name of a kind of servers. */
export type StageName = keyof typeof STAGES;

/** The handler for servers of this kind. */
export function handlerFor({ packets }: Stage): unknown {
  return packets ? StagedPacketHandler : StagedStreamHandler;
}
