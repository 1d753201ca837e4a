import { createSocket } from "node:dgram";
import { once } from "node:events";
import { setImmediate as nextTurn } from "node:timers/promises";

/** Turns of the event loop in which the kernel's queue of datagrams is surely taken. */
const TURNS = 10;

/** Send as many datagrams to a port of the loopback interface, from one of its addresses, in parts, so that none is lost in the kernel. */
export async function floodDatagrams(port: number, packet: string, count: number, from = "127.0.0.1"): Promise<void> {
  const socket = createSocket("udp4");
  socket.bind(0, from);
  await once(socket, "listening");
  for (let sent = 1; sent <= count; sent++) {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    socket.send(packet, port, "127.0.0.1", (error) => (error === null ? resolve() : reject(error)));
    await promise;
    if (sent % TURNS === 0) await nextTurn();
  }
  socket.close();
  await once(socket, "close");
  for (let turn = 0; turn < TURNS; turn++) await nextTurn();
}
