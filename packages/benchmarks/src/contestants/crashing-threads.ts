/**
 * Echo in two threads, one of which crashes again and again while clients are connected, and is replaced.
 *
 * @module
 */
import { BaseRequestHandler, ThreadingTCPServer, type InternetAddress } from "@socketserver/core";
import { once } from "node:events";
import { connect } from "node:net";

import { listening } from "./listening.ts";

const THREADS = 2;
const PERIOD_MS = 400;

/** What no client of the benchmark sends: its messages begin with a number far below. */
const CRASH = 0xff;

export class CrashingEchoHandler extends BaseRequestHandler {
  static readonly module = import.meta.url;

  override async handle(): Promise<void> {
    for (;;) {
      const data = await this.request.recv();
      if (data.length === 0) return;
      if (data[0] === CRASH) process.exit(1);
      await this.request.sendAll(data);
    }
  }
}

if (import.meta.main) {
  const address = { host: "127.0.0.1", port: 0 };
  const server = new ThreadingTCPServer(address, CrashingEchoHandler, { threading: { threads: THREADS } });
  // The loss of a worker is the point, and no news.
  server.on("requestError", () => {});
  const { port } = (await server.listen()) as InternetAddress;
  const crash = async (): Promise<void> => {
    const socket = connect({ host: "127.0.0.1", port });
    socket.on("error", () => {});
    socket.write(Uint8Array.of(CRASH));
    await once(socket, "close");
  };
  // One at a time; and none while nobody is there and other contestants have their turn.
  setInterval(() => {
    const ready = server.workers.filter(({ state }) => state === "ready");
    if (ready.length === THREADS && server.activeRequests > 0) void crash();
  }, PERIOD_MS);
  listening(port);
  await server.serveForever();
}
