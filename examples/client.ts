/**
 * A client for the servers of this folder (TCP, RFC 9293): it sends one message and prints one answer.
 *
 * Shows that `Connection` is for clients, too: it wraps a socket of `node:net`, and `await using` closes it, whatever happens.
 *
 *     node examples/plain-server.ts              (in another terminal)
 *     node examples/client.ts                    (or with the port of another server: node examples/client.ts 5051)
 */
import { Connection, formatAddress, type InternetAddress } from "@socketserver/core";
import { once } from "node:events";
import { connect } from "node:net";

import { portOr } from "./start.ts";

/** Send a message, and answer the first piece of what comes back, at most 1024 bytes. */
export async function ask(address: InternetAddress, message: string): Promise<string> {
  const socket = connect(address);
  await once(socket, "connect");
  await using connection = new Connection(socket);
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
    console.error(`Cannot ask ${formatAddress(address)}: ${(error as Error).message}; is the server running?`);
    process.exitCode = 1;
  }
}
