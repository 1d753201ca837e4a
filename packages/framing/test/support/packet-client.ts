import type { Address } from "@socketserver/core";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";

/** Sends datagrams to a server, and remembers what comes back. */
export class PacketClient implements AsyncDisposable {
  /** Every datagram that came, in order. */
  readonly received: Buffer[] = [];
  readonly #socket: Socket = createSocket("udp4");
  readonly #address: { readonly host: string; readonly port: number };

  constructor(address: Address) {
    if ("path" in address) throw new TypeError(`Cannot send datagrams: the server listens on ${address.path}`);
    this.#address = address;
    this.#socket.on("message", (packet) => this.received.push(packet));
  }

  send(packet: string | Uint8Array): void {
    this.#socket.send(packet, this.#address.port, this.#address.host);
  }

  /** Resolves when as many datagrams have come. */
  async count(count: number): Promise<readonly Buffer[]> {
    while (this.received.length < count) await once(this.#socket, "message");
    return this.received;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.close();
    await once(this.#socket, "close");
  }
}
