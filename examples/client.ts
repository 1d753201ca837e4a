/**
 * A client for the servers of this folder (TCP, RFC 9293): it sends one message and prints one answer.
 *
 * Shows `connect()`: the same `Connection` that handlers have, a time-out, and an error that says which address failed and why. `await using` closes it,
 * whatever happens.
 *
 *     node examples/plain-server.ts              (in another terminal)
 *     node examples/client.ts                    (or with the port of another server: node examples/client.ts 5051)
 */
import { connect, type Target } from "@socketserver/client";
import { SocketServerError, formatAddress } from "@socketserver/core";

import { portOr } from "./start.ts";

/** Send a message, and answer the first piece of what comes back, at most 1024 bytes. */
export async function ask(server: Target, message: string): Promise<string> {
  await using connection = await connect(server, { connectTimeoutMs: 5_000, idleTimeoutMs: 10_000 });
  await connection.sendAll(message);
  const data = await connection.recv(1024);
  return data.toString();
}

if (import.meta.main) {
  const address = { host: "127.0.0.1", port: portOr(12345) };
  const message = "Hello from the client!";
  try {
    const answer = await ask(address, message);
    console.log(`Sent to ${formatAddress(address)}: ${message}`);
    console.log(`Received from server: ${JSON.stringify(answer)}`);
  } catch (error) {
    if (!(error instanceof SocketServerError)) throw error;
    console.error(`${error.message}; is the server running?`);
    process.exitCode = 1;
  }
}
