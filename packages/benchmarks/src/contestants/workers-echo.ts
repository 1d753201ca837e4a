/**
 * Echo in one worker: a thread or a process, as the argument says. One, like the transfers written by hand that it is compared with.
 *
 * @module
 */
import { BaseRequestHandler, ForkingTCPServer, ThreadingTCPServer, type InternetAddress } from "@socketserver/core";

import { listening } from "./listening.ts";

const ADDRESS = { host: "127.0.0.1", port: 0 };

export class WorkerEchoHandler extends BaseRequestHandler {
  static readonly module = import.meta.url;

  override async handle(): Promise<void> {
    for (;;) {
      const data = await this.request.recv();
      if (data.length === 0) return;
      await this.request.sendAll(data);
    }
  }
}

if (import.meta.main) {
  const server =
    process.argv[2] === "processes"
      ? new ForkingTCPServer(ADDRESS, WorkerEchoHandler, { forking: { processes: 1 } })
      : new ThreadingTCPServer(ADDRESS, WorkerEchoHandler, { threading: { threads: 1 } });
  const { port } = (await server.listen()) as InternetAddress;
  listening(port);
  await server.serveForever();
}
