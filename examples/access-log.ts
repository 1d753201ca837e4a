/**
 * An access log: one line for each connection, with address, bytes, duration and how it ended; also for those that were refused.
 *
 * Shows what events are for: neither the server nor the handler (here the one of echo.ts) knows that somebody writes a log.
 *
 *     node examples/access-log.ts                (or: node examples/access-log.ts 6000, or PORT=6000)
 *     printf 'hello\n' | nc -N 127.0.0.1 5053
 */
import { AsyncTCPServer, formatAddress, type BaseServer } from "@socketserver/core";

import { EchoHandler } from "./echo.ts";
import { portOr, start } from "./start.ts";

/** Log the requests of any server. */
export function logAccess(server: BaseServer, write: (line: string) => void = console.log): void {
  const log = (...columns: readonly string[]): void => write([new Date().toISOString(), ...columns].join(" "));
  server.on("requestClosed", ({ clientAddress, bytesRead, bytesWritten, durationMs, reason }) =>
    log(formatAddress(clientAddress), `in=${bytesRead}`, `out=${bytesWritten}`, `ms=${durationMs.toFixed(1)}`, reason),
  );
  server.on("drop", ({ clientAddress, reason }) => log(formatAddress(clientAddress), "refused", reason));
}

if (import.meta.main) {
  await using server = new AsyncTCPServer({ port: portOr(5053) }, EchoHandler);
  logAccess(server);
  await start(server, ({ host, port }) => `  printf 'hello\\n' | nc -N ${host} ${port}`);
}
