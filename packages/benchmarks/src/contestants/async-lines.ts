/** Ours: a line comes, a line goes, through the two files of Python's StreamRequestHandler. Small writes go at once, as with all who speak in lines here. */
import { AsyncTCPServer, StreamRequestHandler, type InternetAddress } from "@socketserver/core";

import { listening } from "./listening.ts";

class LineHandler extends StreamRequestHandler {
  override disableNagleAlgorithm = true;

  override async handle(): Promise<void> {
    for (;;) {
      const line = await this.rfile.readLine();
      if (line.length === 0) return;
      await this.wfile.write(line);
    }
  }
}

const server = new AsyncTCPServer({ host: "127.0.0.1", port: 0 }, LineHandler);
const { port } = (await server.listen()) as InternetAddress;
listening(port);
await server.serveForever();
