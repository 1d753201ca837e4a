/**
 * The echo service, RFC 862, over TCP: whatever comes goes back, until the client ends its side.
 *
 * Shows a stream without messages: `for await` takes what has come, and `sendAll` waits for a client that does not read.
 *
 *     node examples/echo.ts                      (or: node examples/echo.ts 6000, or PORT=6000; the RFC's port is 7)
 *     printf 'hello\n' | nc -N 127.0.0.1 5007
 */
import { AsyncTCPServer, BaseRequestHandler } from "@socketserver/core";

import { portOr, start } from "./start.ts";

export class EchoHandler extends BaseRequestHandler {
  override async handle(): Promise<void> {
    for await (const data of this.request) await this.request.sendAll(data);
  }
}

if (import.meta.main) {
  await using server = new AsyncTCPServer({ port: portOr(5007) }, EchoHandler);
  await start(server, ({ host, port }) => `  printf 'hello\\n' | nc -N ${host} ${port}`);
}
