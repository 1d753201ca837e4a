import type { Address } from "@socketserver/core";
import { createSocket } from "node:dgram";
import { once } from "node:events";

/** Send one datagram, and wait for no answer. */
export async function sendDatagram(address: Address, packet: string): Promise<void> {
  if ("path" in address)
    throw new TypeError(`Cannot send datagram: address must have host and port, received ${address.path}`);
  const socket = createSocket("udp4");
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  socket.send(packet, address.port, address.host, (error) => (error === null ? resolve() : reject(error)));
  await promise;
  socket.close();
  await once(socket, "close");
}
