/**
 * What one would write by hand to echo in a thread: accept without reading, transfer the socket, and there `data` events, the end, and the errors that
 * nobody wants to hear of.
 *
 * @module
 */
import { createServer, type AddressInfo, type Socket } from "node:net";
import { isMainThread, parentPort, Worker } from "node:worker_threads";

import { listening } from "./listening.ts";

function accept(): void {
  const thread = new Worker(new URL(import.meta.url));
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (socket) => {
    // Node's types do not know yet that a socket can move.
    thread.postMessage(socket, [socket as never]);
  });
  server.listen(0, "127.0.0.1", () => listening((server.address() as AddressInfo).port));
}

function echo(socket: Socket): void {
  socket.on("data", (data) => socket.write(data));
  socket.on("end", () => socket.end());
  socket.on("error", () => socket.destroy());
}

if (isMainThread) accept();
else parentPort?.on("message", echo);
