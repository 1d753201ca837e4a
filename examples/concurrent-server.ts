/**
 * An acknowledging server for TCP (RFC 9293): it answers every piece of data with `ACK: ` and the data, until the client leaves.
 *
 * Shows many clients at once on one event loop, and how the program follows them through events.
 *
 *     node examples/concurrent-server.ts         (or: node examples/concurrent-server.ts 6000, or PORT=6000)
 *     nc 127.0.0.1 5050                          (in several terminals; type, and end with Ctrl-C)
 */
import { AsyncTCPServer, BaseRequestHandler, formatAddress } from "@socketserver/core";

import { portOr, start } from "./start.ts";

export class AckHandler extends BaseRequestHandler {
  override async handle(): Promise<void> {
    for await (const data of this.request) {
      console.log(`[${formatAddress(this.clientAddress)}] Received: ${JSON.stringify(data.toString())}`);
      // The bytes as they came: a piece may end in the middle of a character.
      await this.request.sendAll(Buffer.concat([Buffer.from("ACK: "), data]));
    }
  }
}

if (import.meta.main) {
  await using server = new AsyncTCPServer({ port: portOr(5050) }, AckHandler);
  server.on("request", ({ clientAddress }) => {
    console.log(`[NEW CONNECTION] ${formatAddress(clientAddress)} connected.`);
    console.log(`[ACTIVE CONNECTIONS] ${server.activeRequests}`);
  });
  server.on("requestClosed", ({ clientAddress, reason }) => {
    console.log(`[CLOSE CONNECTION] ${formatAddress(clientAddress)} disconnected (${reason}).`);
  });
  await start(server, ({ host, port }) => `  nc ${host} ${port}`);
}
