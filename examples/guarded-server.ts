/**
 * A guarded echo service: who does not know the password is not let in again, and nobody can flood, drip or stay without end.
 *
 * Shows admission, clocks, and the lame-duck time in which a load balancer, which asks the line `health`, sees that the server is about to go.
 *
 *     node examples/guarded-server.ts            (or: node examples/guarded-server.ts 6000, or PORT=6000)
 *     nc 127.0.0.1 5062                          (say `please`, then anything; say something else, and try again)
 */
import { AsyncTCPServer, StreamRequestHandler } from "@socketserver/core";

import { portOr, start } from "./start.ts";

export class GuardedHandler extends StreamRequestHandler {
  override async handle(): Promise<void> {
    const first = (await this.rfile.readLine(128)).toString().trim();
    if (first === "health") await this.wfile.write(this.server.ready ? "ready\n" : "leaving\n");
    else if (first === "please") for await (const line of this.rfile) await this.wfile.write(line);
    // Who connects and leaves has said nothing wrong.
    else if (first !== "") {
      await this.wfile.write("never again\n");
      await this.server.deny(this.clientAddress);
    }
  }
}

if (import.meta.main) {
  await using server = new AsyncTCPServer({ port: portOr(5062) }, GuardedHandler, {
    maxConnectionsPerAddress: 20,
    maxAcceptRatePerAddress: 100,
    firstByteTimeoutMs: 10_000,
    minReadRate: 240,
    lameDuckMs: 2_000,
  });
  server.on("drop", ({ reason }) => console.log(`[REFUSED] ${reason}`));
  server.on("lameDuck", () => console.log("[LEAVING] still serving for 2 s"));
  await start(server, ({ host, port }) => `  nc ${host} ${port}`);
}
