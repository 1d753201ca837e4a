/**
 * The echo service, RFC 862, over UDP: every datagram goes back to its sender, the empty one too.
 *
 * Shows datagrams: `rfile` and `packet` are what came, and what is written to `wfile` becomes the answer, one datagram.
 *
 *     node examples/udp-echo.ts                  (or: node examples/udp-echo.ts 6000, or PORT=6000; the RFC's port is 7)
 *     printf 'hello\n' | nc -u -w 1 127.0.0.1 5007
 */
import { DatagramRequestHandler, UDPServer } from "@socketserver/core";

import { portOr, start } from "./start.ts";

export class DatagramEchoHandler extends DatagramRequestHandler {
  override async handle(): Promise<void> {
    await this.wfile.write(this.packet);
  }
}

if (import.meta.main) {
  await using server = new UDPServer({ port: portOr(5007) }, DatagramEchoHandler);
  await start(server, ({ host, port }) => `  printf 'hello\\n' | nc -u -w 1 ${host} ${port}`);
}
