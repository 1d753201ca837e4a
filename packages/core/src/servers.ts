/**
 * The ready-made combinations, with empty bodies, as in Python. Compose your own in the same way.
 *
 * @module
 */

import { AsyncMixIn } from "./mixin/async-mixin.ts";
import { ForkingMixIn } from "./mixin/forking-mixin.ts";
import { ThreadingMixIn } from "./mixin/threading-mixin.ts";
import { TCPServer } from "./server/tcp-server.ts";
import { UDPServer } from "./server/udp-server.ts";
import { UnixStreamServer } from "./server/unix-stream-server.ts";

/** Serves TCP connections concurrently on this event loop. */
export class AsyncTCPServer extends AsyncMixIn(TCPServer) {}

/** Serves UDP datagrams concurrently on this event loop. */
export class AsyncUDPServer extends AsyncMixIn(UDPServer) {}

/** Serves connections to a Unix socket concurrently on this event loop. */
export class AsyncUnixStreamServer extends AsyncMixIn(UnixStreamServer) {}

/** Serves TCP connections in worker threads. */
export class ThreadingTCPServer extends ThreadingMixIn(TCPServer) {
  static readonly module = import.meta.url;
}

/** Serves UDP datagrams in worker threads. */
export class ThreadingUDPServer extends ThreadingMixIn(UDPServer) {
  static readonly module = import.meta.url;
}

/** Serves connections to a Unix socket in worker threads. */
export class ThreadingUnixStreamServer extends ThreadingMixIn(UnixStreamServer) {
  static readonly module = import.meta.url;
}

/** Serves TCP connections in child processes. */
export class ForkingTCPServer extends ForkingMixIn(TCPServer) {
  static readonly module = import.meta.url;
}

/** Serves UDP datagrams in child processes. */
export class ForkingUDPServer extends ForkingMixIn(UDPServer) {
  static readonly module = import.meta.url;
}

/** Serves connections to a Unix socket in child processes. */
export class ForkingUnixStreamServer extends ForkingMixIn(UnixStreamServer) {
  static readonly module = import.meta.url;
}
