/** Ours: a line comes as a string, and what `handleMessage()` returns goes. */
import { AsyncTCPServer, type InternetAddress } from "@socketserver/core";
import { lines, MessageRequestHandler } from "@socketserver/framing";

import { listening } from "./listening.ts";

class MessageHandler extends MessageRequestHandler(lines().text()) {
  override handleMessage(line: string): string {
    return line;
  }
}

const server = new AsyncTCPServer({ host: "127.0.0.1", port: 0 }, MessageHandler);
const { port } = (await server.listen()) as InternetAddress;
listening(port);
await server.serveForever();
