import { AsyncUDPServer, ForkingUDPServer, ThreadingUDPServer, UDPServer } from "@socketserver/core";
import { serve, type AnyServerClass, type RunningServer } from "@socketserver/testing";

import { STREAM_SERVERS } from "../../../core/test/support/stream-servers.ts";

/** A server class, where to listen, and with how many workers. */
export interface MessageServerCell {
  readonly name: string;
  readonly server: AnyServerClass;
  readonly address: () => Promise<unknown>;
  readonly workers: object;
}

/** Every server class that accepts connections; those with workers a second time, relaying the bytes of sockets that could move. */
export const CONNECTION_SERVERS: readonly MessageServerCell[] = STREAM_SERVERS;

/** Those that serve several connections at once. */
export const CONCURRENT_SERVERS = CONNECTION_SERVERS.filter(({ name }) => !/^(TCP|Unix)/.test(name));

const port = async (): Promise<unknown> => ({ port: 0 });

/** Every server class that receives datagrams. */
export const DATAGRAM_SERVERS: readonly MessageServerCell[] = [
  { name: "UDPServer", server: UDPServer, address: port, workers: {} },
  { name: "AsyncUDPServer", server: AsyncUDPServer, address: port, workers: {} },
  { name: "ThreadingUDPServer", server: ThreadingUDPServer, address: port, workers: { threading: { threads: 1 } } },
  { name: "ForkingUDPServer", server: ForkingUDPServer, address: port, workers: { forking: { processes: 1 } } },
];

/** Serve in a cell; whoever calls it closes it. The grace is far longer than a test may take: what ends, ends by itself. */
export async function serveIn(
  { server, address, workers }: MessageServerCell,
  handler: unknown,
  options: object = {},
): Promise<RunningServer> {
  return serve(handler, { server, address: await address(), options: { ...workers, graceMs: 25_000, ...options } });
}
