/** Ours: what comes goes back, with Python's two calls. */
import { AsyncTCPServer, BaseRequestHandler, type InternetAddress } from "@socketserver/core";

import { listening } from "./listening.ts";

class EchoHandler extends BaseRequestHandler {
  override async handle(): Promise<void> {
    for (;;) {
      const data = await this.request.recv();
      if (data.length === 0) return;
      await this.request.sendAll(data);
    }
  }
}

const server = new AsyncTCPServer({ host: "127.0.0.1", port: 0 }, EchoHandler);
const { port } = (await server.listen()) as InternetAddress;
listening(port);
await server.serveForever();
