/**
 * A hello server for TCP (RFC 9293): it takes a message, says hello, and hangs up.
 *
 * Shows a server without a mixin: one client at a time; the next ones wait until it is their turn.
 *
 *     node examples/plain-server.ts              (or: node examples/plain-server.ts 6000, or PORT=6000)
 *     node examples/client.ts
 */
import { BaseRequestHandler, TCPServer, formatAddress } from "@socketserver/core";

import { portOr, start } from "./start.ts";

export class HelloHandler extends BaseRequestHandler {
  override async handle(): Promise<void> {
    console.log(`Connection established with ${formatAddress(this.clientAddress)}`);
    const data = await this.request.recv(1024);
    // Quoted, here and in the other examples: what a peer sends must not steer our terminal.
    console.log(`Received from client: ${JSON.stringify(data.toString())}`);
    await this.request.sendAll("Hello from the server!");
  }
}

if (import.meta.main) {
  await using server = new TCPServer({ port: portOr(12345) }, HelloHandler);
  server.on("requestClosed", ({ clientAddress }) =>
    console.log(`Connection with ${formatAddress(clientAddress)} closed.`),
  );
  await start(server, ({ port }) => `  node examples/client.ts ${port}`);
}
