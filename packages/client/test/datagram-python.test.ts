import { DatagramClient } from "@socketserver/client";
import { lines } from "@socketserver/framing";
import { leakCheck } from "@socketserver/testing";
import { beforeEach, describe, expect, test } from "vitest";

import { needs } from "../../core/test/support/peers.ts";
import { Program } from "../../core/test/support/program.ts";

beforeEach(() => leakCheck());
beforeEach(needs("python3"));

/** Python's own server: it loses the first datagram of each id, and answers the second one twice. */
const SERVER = `
import json, socketserver

seen = set()

class Handler(socketserver.DatagramRequestHandler):
    def handle(self):
        request = json.loads(self.rfile.read())
        if request["id"] not in seen:
            seen.add(request["id"])
            return
        reply = json.dumps({"id": request["id"], "text": request["text"].upper()}).encode()
        self.wfile.write(reply)
        self.socket.sendto(reply, self.client_address)

    def finish(self):
        if self.wfile.getvalue():
            super().finish()

with socketserver.UDPServer(("127.0.0.1", 0), Handler) as server:
    print(server.server_address[1], flush=True)
    server.serve_forever()
`;

describe("DatagramClient and Python's socketserver.UDPServer", () => {
  test.each([["a port for each request", {}] as const, ["one port for all", { correlateBy: "id" }] as const])(
    "understand each other over datagrams that are lost and doubled: %s",
    async (_kind, options) => {
      await using program = new Program("python3", ["-c", SERVER]);
      const [, port] = await program.line(/^(\d+)$/);
      const retry = { minDelayMs: 50, maxDelayMs: 200, jitter: 0, maxAttempts: Infinity };
      await using client = new DatagramClient({ port: Number(port) }, lines().json(), { ...options, retry });
      const texts = ["hello", "grüße", "", "x".repeat(8_000)];
      const replies = await Promise.all(texts.map((text, id) => client.request({ id, text })));
      expect(replies).toEqual(texts.map((text, id) => ({ id, text: text.toUpperCase() })));
    },
  );
});
