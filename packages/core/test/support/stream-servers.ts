import {
  AsyncTCPServer,
  AsyncUnixStreamServer,
  ForkingTCPServer,
  ForkingUnixStreamServer,
  TCPServer,
  ThreadingTCPServer,
  ThreadingUnixStreamServer,
  UnixStreamServer,
} from "@socketserver/core";
import type { AnyServerClass } from "@socketserver/testing";

import { temporaryPath } from "./temporary-path.ts";

/** A server class for connections, where to listen, and with how many workers. */
export interface StreamCell {
  readonly name: string;
  readonly server: AnyServerClass;
  readonly address: () => Promise<unknown>;
  readonly workers: object;
}

const port = async (): Promise<unknown> => ({ port: 0 });
const path = async (): Promise<unknown> => ({ path: await temporaryPath("server") });

const THREADS = { threads: 1 };
const PROCESSES = { processes: 1 };

/** Every server class that accepts connections, and those whose bytes are relayed to workers though their sockets could move. */
export const STREAM_SERVERS: readonly StreamCell[] = [
  { name: "TCPServer", server: TCPServer, address: port, workers: {} },
  { name: "AsyncTCPServer", server: AsyncTCPServer, address: port, workers: {} },
  { name: "ThreadingTCPServer", server: ThreadingTCPServer, address: port, workers: { threading: THREADS } },
  {
    name: "ThreadingTCPServer (relay)",
    server: ThreadingTCPServer,
    address: port,
    workers: { threading: { ...THREADS, relay: true } },
  },
  { name: "ForkingTCPServer", server: ForkingTCPServer, address: port, workers: { forking: PROCESSES } },
  {
    name: "ForkingTCPServer (relay)",
    server: ForkingTCPServer,
    address: port,
    workers: { forking: { ...PROCESSES, relay: true } },
  },
  { name: "UnixStreamServer", server: UnixStreamServer, address: path, workers: {} },
  { name: "AsyncUnixStreamServer", server: AsyncUnixStreamServer, address: path, workers: {} },
  {
    name: "ThreadingUnixStreamServer",
    server: ThreadingUnixStreamServer,
    address: path,
    workers: { threading: THREADS },
  },
  { name: "ForkingUnixStreamServer", server: ForkingUnixStreamServer, address: path, workers: { forking: PROCESSES } },
];
