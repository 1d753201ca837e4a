/**
 * The upper-case server for TCP (RFC 9293), in threads: one `recv(1024)` for each connection, answered in upper case.
 *
 * Shows that a mixin is all it takes: the accepted sockets move to worker threads, the handler stays what it is.
 *
 *     npm start                                  (or: npm start -- 6000, or PORT=6000 npm start)
 *     printf 'hello' | nc -N 127.0.0.1 5051
 */
import { BaseRequestHandler, TCPServer, ThreadingMixIn, formatAddress } from "@socketserver/core";

import { portOr, start } from "./start.ts";

export class ThreadedTCPRequestHandler extends BaseRequestHandler {
  override async handle(): Promise<void> {
    const data = await this.request.recv(1024);
    const text = data.toString().trim();
    console.log(`[${formatAddress(this.clientAddress)}] Received: ${JSON.stringify(text)}`);
    await this.request.sendAll(text.toUpperCase());
  }
}

export class ThreadedTCPServer extends ThreadingMixIn(TCPServer) {}

if (import.meta.main) {
  await using server = new ThreadedTCPServer({ host: "127.0.0.1", port: portOr(5051) }, ThreadedTCPRequestHandler);
  server.on("request", ({ clientAddress }) => {
    console.log(`[NEW CONNECTION] ${formatAddress(clientAddress)} connected.`);
  });
  server.on("requestClosed", ({ clientAddress, reason }) => {
    console.log(`[CLOSE CONNECTION] ${formatAddress(clientAddress)} disconnected (${reason}).`);
  });
  await start(server, ({ host, port }) => {
    const python = `import socket; s = socket.create_connection(("${host}", ${port})); s.sendall(b"hello"); print(s.recv(1024).decode())`;
    return `  printf 'hello' | nc -N ${host} ${port}\n  python3 -c '${python}'`;
  });
}
