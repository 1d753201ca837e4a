import { once } from "node:events";
import { connect, type Socket } from "node:net";

import { bounded } from "./bounded.ts";

/** Connections that are closed together. */
export interface OpenConnections extends AsyncDisposable {
  readonly sockets: readonly Socket[];
}

/** Open so many connections to a port of this machine, before anything is measured. */
export async function openConnections(port: number, count: number): Promise<OpenConnections> {
  const sockets = Array.from({ length: count }, () => connect({ host: "127.0.0.1", port, noDelay: true }));
  const closeAll = async (): Promise<void> => {
    await Promise.all(sockets.map(close));
  };
  try {
    await bounded(Promise.all(sockets.map((socket) => once(socket, "connect"))), `${count} connections`);
  } catch (error) {
    await closeAll();
    throw error;
  }
  return { sockets, [Symbol.asyncDispose]: closeAll };
}

async function close(socket: Socket): Promise<void> {
  if (socket.closed) return;
  const closed = once(
    socket.on("error", () => {}),
    "close",
  );
  socket.destroy();
  await closed;
}
