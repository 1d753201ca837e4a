/**
 * What one would write by hand to echo in a child process: accept without reading, send the socket, and there `data` events, the end, and the errors
 * that nobody wants to hear of.
 *
 * @module
 */
import { fork } from "node:child_process";
import { createServer, type AddressInfo, type Socket } from "node:net";

import { listening } from "./listening.ts";

const CHILD = "child";

function accept(): void {
  const child = fork(import.meta.filename, [CHILD]);
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (socket) => {
    // Node would wait for the child's word on each connection, for ever if the child is lost: this one is not counted any more.
    (socket as { server?: unknown }).server = null;
    child.send("socket", socket, { keepOpen: true }, () => socket.destroy());
  });
  server.listen(0, "127.0.0.1", () => listening((server.address() as AddressInfo).port));
}

function echo(socket: Socket): void {
  socket.on("data", (data) => socket.write(data));
  socket.on("end", () => socket.end());
  socket.on("error", () => socket.destroy());
}

if (process.argv[2] === CHILD) {
  // A client that resets at once leaves no socket.
  process.on("message", (_message, socket: Socket | undefined) => socket !== undefined && echo(socket));
  process.on("disconnect", () => process.exit());
} else {
  accept();
}
