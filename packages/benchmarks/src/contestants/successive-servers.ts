/**
 * Servers that take over from each other while clients are connected: the old one drains, and a new one goes on with the same socket.
 *
 * @module
 */
import { AsyncTCPServer, BaseRequestHandler, type InternetAddress } from "@socketserver/core";

import { listening } from "./listening.ts";

const PERIOD_MS = 400;

class EchoHandler extends BaseRequestHandler {
  override async handle(): Promise<void> {
    for (;;) {
      const data = await this.request.recv();
      if (data.length === 0) return;
      await this.request.sendAll(data);
    }
  }
}

const newServer = (): AsyncTCPServer => new AsyncTCPServer({ host: "127.0.0.1", port: 0 }, EchoHandler);

let server = newServer();
const { port } = (await server.listen()) as InternetAddress;
void server.serveForever();
let drained: Promise<unknown> = Promise.resolve();

async function succeed(): Promise<void> {
  const next = newServer();
  await next.takeOver(server);
  drained = server.close();
  server = next;
  await Promise.all([drained, next.serveForever()]);
}

// While nobody is there, other contestants have their turn.
setInterval(() => {
  if (server.activeRequests > 0) void succeed();
}, PERIOD_MS);
listening(port);
