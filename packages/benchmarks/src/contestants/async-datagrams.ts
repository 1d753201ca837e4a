/** Echoes datagrams. */
import { AsyncUDPServer, DatagramRequestHandler, type InternetAddress } from "@socketserver/core";

import { listening } from "./listening.ts";

export class DatagramEchoHandler extends DatagramRequestHandler {
  override async handle(): Promise<void> {
    await this.wfile.write(this.packet);
  }
}

if (import.meta.main) {
  const server = new AsyncUDPServer({ host: "127.0.0.1", port: 0 }, DatagramEchoHandler);
  const { port } = (await server.listen()) as InternetAddress;
  listening(port);
  await server.serveForever();
}
