import {
  AsyncTCPServer,
  AsyncUnixStreamServer,
  TCPServer,
  ThreadingTCPServer,
  UnixStreamServer,
} from "@socketserver/core";
import type { AnyServerClass } from "@socketserver/testing";

import { temporaryPath } from "./temporary-path.ts";

/** A server class for connections, and where to listen. */
export interface StreamCell {
  readonly name: string;
  readonly server: AnyServerClass;
  readonly address: () => Promise<unknown>;
}

const port = async (): Promise<unknown> => ({ port: 0 });
const path = async (): Promise<unknown> => ({ path: await temporaryPath("server") });

/** Every server class that accepts connections. */
export const STREAM_SERVERS: readonly StreamCell[] = [
  { name: "TCPServer", server: TCPServer, address: port },
  { name: "AsyncTCPServer", server: AsyncTCPServer, address: port },
  { name: "ThreadingTCPServer", server: ThreadingTCPServer, address: port },
  { name: "UnixStreamServer", server: UnixStreamServer, address: path },
  { name: "AsyncUnixStreamServer", server: AsyncUnixStreamServer, address: path },
];
