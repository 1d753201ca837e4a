/**
 * The upper-case server, in threads: one `recv(1024)` for each connection, answered in upper case.
 *
 * Shows that a mixin is all it takes: the accepted sockets move to worker threads, the handler stays what it is.
 *
 *     npm start                                  (or: npm start -- 6000, or PORT=6000 npm start)
 *     printf 'hello' | nc -N 127.0.0.1 5051
 */
import { BaseRequestHandler, TCPServer, ThreadingMixIn, formatAddress } from "@socketserver/core";

export class ThreadedTCPRequestHandler extends BaseRequestHandler {
  override async handle(): Promise<void> {
    const data = await this.request.recv(1024);
    console.log(`[${formatAddress(this.clientAddress)}] Received: ${data.toString().trim()}`);
    await this.request.sendAll(data.toString().trim().toUpperCase());
  }
}

export class ThreadedTCPServer extends ThreadingMixIn(TCPServer) {}

if (import.meta.main) {
  const port = Number(process.argv[2] ?? process.env["PORT"] ?? 5051);
  await using server = new ThreadedTCPServer({ host: "127.0.0.1", port }, ThreadedTCPRequestHandler);
  server.on("request", ({ clientAddress }) => console.log(`[NEW CONNECTION] ${formatAddress(clientAddress)} connected.`));
  server.on("requestClosed", ({ clientAddress, reason }) => console.log(`[CLOSE CONNECTION] ${formatAddress(clientAddress)} disconnected (${reason}).`));
  server.on("draining", () => console.log("\n[SHUTTING DOWN] Server is shutting down."));
  server.on("listening", (address) => console.log(`[LISTENING] Server is listening on ${formatAddress(address)}`));
  await server.serveForever({ signals: true });
}
