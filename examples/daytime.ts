/**
 * The daytime service, RFC 867, over TCP: whoever connects is told the time in one line, and what they send is ignored.
 *
 * Shows a handler that never reads: the connection ends when `handle()` does, and input that nobody read does not cost the client its answer.
 *
 *     node examples/daytime.ts                   (or: node examples/daytime.ts 6000, or PORT=6000; the RFC's port is 13)
 *     nc -d 127.0.0.1 5013
 */
import { BaseRequestHandler, TCPServer } from "@socketserver/core";

import { portOr, start } from "./start.ts";

export class DaytimeHandler extends BaseRequestHandler {
  override async handle(): Promise<void> {
    await this.request.sendAll(`${new Date().toUTCString()}\r\n`);
  }
}

if (import.meta.main) {
  await using server = new TCPServer({ port: portOr(5013) }, DaytimeHandler);
  await start(server, ({ host, port }) => `  nc -d ${host} ${port}`);
}
