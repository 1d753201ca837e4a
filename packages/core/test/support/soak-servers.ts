import {
  AsyncTCPServer,
  AsyncUDPServer,
  AsyncUnixStreamServer,
  ForkingTCPServer,
  ThreadingTCPServer,
  type BaseServer,
  type WorkerView,
} from "@socketserver/core";

import { SoakHandler, SoakPacketHandler } from "../fixtures/soak-handlers.ts";

/** A server that takes part, with its workers if it has any. */
export type SoakServer = BaseServer & { readonly workers?: readonly WorkerView[] };

/** The names of the server classes that take part. */
export type SoakServerName = keyof typeof MAKERS;

const ADDRESS = { host: "127.0.0.1", port: 0 };
/** Handlers that run at once, in all workers together. */
const CONCURRENT = 16;
export const SOAK_WORKERS = 2;

/** Clients from here are refused. */
export const DENIED = { subnet: "127.200.0.0/16", host: "127.200.0.1" };

/** Below what a burst of clients asks for, and below what a bad client waits for. */
const LIMITS = { requestQueueSize: 8, writeStallMs: 100, lingerMs: 100, denyAddresses: [DENIED.subnet] };
/** The last ones are never reached: what is kept for each connection because of them must not be kept for longer. */
const STREAM_LIMITS = {
  ...LIMITS,
  firstByteTimeoutMs: 100,
  minReadRate: 100,
  rateGraceMs: 100,
  minWriteRate: 1,
  deadlineMs: 600_000,
  maxAgeMs: 600_000,
  maxBufferedBytes: 1_073_741_824,
};
const TCP_LIMITS = { ...STREAM_LIMITS, maxConnectionsPerAddress: 12, maxConnectionsPerSubnet: 1_000 };
/** Some of those for whom there is no room may wait for it. */
const UNIX_LIMITS = { ...STREAM_LIMITS, maxConnections: CONCURRENT + 4, admissionWaitMs: 30, admissionQueueSize: 10 };
const ASYNC = { async: { maxConcurrentRequests: CONCURRENT } };
const POOL = { requestsPerWorker: CONCURRENT / SOAK_WORKERS };

const MAKERS = {
  AsyncTCPServer: () => new AsyncTCPServer(ADDRESS, SoakHandler, { ...TCP_LIMITS, ...ASYNC }),
  ThreadingTCPServer: () => {
    const threading = { ...POOL, threads: SOAK_WORKERS };
    return new ThreadingTCPServer(ADDRESS, SoakHandler, { ...TCP_LIMITS, threading });
  },
  ForkingTCPServer: () => {
    const forking = { ...POOL, processes: SOAK_WORKERS };
    return new ForkingTCPServer(ADDRESS, SoakHandler, { ...TCP_LIMITS, forking });
  },
  AsyncUnixStreamServer: (path: string) =>
    new AsyncUnixStreamServer({ path }, SoakHandler, { ...UNIX_LIMITS, ...ASYNC }),
  AsyncUDPServer: () => new AsyncUDPServer(ADDRESS, SoakPacketHandler, { ...LIMITS, ...ASYNC, maxPacketSize: 4_096 }),
} as const satisfies Readonly<Record<string, (path: string) => SoakServer>>;

export const SOAK_SERVER_NAMES = Object.keys(MAKERS) as readonly SoakServerName[];

/** Make one of them; `path` is where it listens if it is one of a Unix socket. */
export function newSoakServer(name: SoakServerName, path: string): SoakServer {
  return MAKERS[name](path);
}
