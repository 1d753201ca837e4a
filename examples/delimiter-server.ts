/**
 * An acknowledging server for TCP (RFC 9293) whose messages end with a delimiter: each is answered with `ACK: ` and the message.
 *
 * Shows messages instead of bytes: however TCP cuts the stream, `handleMessage()` gets each message once, whole, and without its delimiter. The same
 * server without them is concurrent-server.ts; the same messages behind their length are in prefix-server.ts.
 *
 *     node examples/delimiter-server.ts          (or: node examples/delimiter-server.ts 6000, or PORT=6000)
 *     printf 'one\ntwo\n' | nc -N 127.0.0.1 5057
 */
import { AsyncTCPServer, formatAddress } from "@socketserver/core";
import { MessageRequestHandler, delimited } from "@socketserver/framing";

import { portOr, start } from "./start.ts";

/** Messages are UTF-8 of at most 1024 bytes. Any other delimiter would do, of one byte or several. */
export class AckHandler extends MessageRequestHandler(delimited("\n", { maxLength: 1024 }).text()) {
  override handleMessage(message: string): string {
    console.log(`[${formatAddress(this.clientAddress)}] Received: ${JSON.stringify(message)}`);
    return `ACK: ${message}`;
  }
}

if (import.meta.main) {
  await using server = new AsyncTCPServer({ port: portOr(5057) }, AckHandler);
  server.on("request", ({ clientAddress }) => {
    console.log(`[NEW CONNECTION] ${formatAddress(clientAddress)} connected.`);
    console.log(`[ACTIVE CONNECTIONS] ${server.activeRequests}`);
  });
  server.on("requestClosed", ({ clientAddress, reason }) => {
    console.log(`[CLOSE CONNECTION] ${formatAddress(clientAddress)} disconnected (${reason}).`);
  });
  await start(server, ({ host, port }) => `  printf 'one\\ntwo\\n' | nc -N ${host} ${port}`);
}
