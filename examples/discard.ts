/**
 * The discard service, RFC 863, over TCP: whatever comes is thrown away, and nothing is answered.
 *
 * Shows `drainSignal`: a server that goes away ends reads between two requests by itself, but where nothing is ever answered, nobody can tell
 * where a request ends. So this handler says what Ctrl-C means for it.
 *
 *     node examples/discard.ts                   (or: node examples/discard.ts 6000, or PORT=6000; the RFC's port is 9)
 *     head -c 100000000 /dev/zero | nc -N 127.0.0.1 5009
 */
import { AsyncTCPServer, BaseRequestHandler } from "@socketserver/core";

import { portOr, start } from "./start.ts";

export class DiscardHandler extends BaseRequestHandler {
  override async handle(): Promise<void> {
    this.drainSignal.addEventListener("abort", () => this.request.shutdown("read"));
    while ((await this.request.recv()).length > 0) {
      // Nothing: what was read is gone.
    }
  }
}

if (import.meta.main) {
  await using server = new AsyncTCPServer({ port: portOr(5009) }, DiscardHandler);
  await start(server, ({ host, port }) => `  head -c 100000000 /dev/zero | nc -N ${host} ${port}`);
}
