import type { InternetAddress } from "@socketserver/core";
import { createSocket, type Socket } from "node:dgram";
import { EventEmitter, once } from "node:events";

/** A datagram that came, and from which port. */
export interface Arrival {
  readonly text: string;
  readonly port: number;
  /** When, on the clock of `performance.now()`. */
  readonly at: number;
}

/** Does with the arrivals what the test wants; none is answered by itself. */
export type Script = (arrival: Arrival, peer: UdpPeer) => void;

/** The other end of a datagram client, or someone who only claims to be: a bare socket on the loopback interface. */
export class UdpPeer implements AsyncDisposable {
  /** Everything that came, in order. */
  readonly arrivals: Arrival[] = [];
  readonly #socket: Socket;
  readonly #news = new EventEmitter();

  /** Use `bind()`. */
  constructor(socket: Socket, script: Script) {
    this.#socket = socket;
    socket.on("message", (packet, { port }) => {
      const arrival = { text: packet.toString(), port, at: performance.now() };
      this.arrivals.push(arrival);
      script(arrival, this);
      this.#news.emit("arrival");
    });
  }

  /** Bind one; the test closes it. */
  static async bind(script: Script = () => {}, { host = "127.0.0.1", port = 0 } = {}): Promise<UdpPeer> {
    const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
    socket.bind(port, host);
    await once(socket, "listening");
    return new UdpPeer(socket, script);
  }

  /** Where it is. */
  get address(): InternetAddress {
    const { address, port } = this.#socket.address();
    return { host: address, port };
  }

  /** The texts of what came. */
  get texts(): readonly string[] {
    return this.arrivals.map(({ text }) => text);
  }

  /** Resolves when as many datagrams have come; at once if they have. */
  async count(count: number): Promise<readonly Arrival[]> {
    while (this.arrivals.length < count) await once(this.#news, "arrival");
    return this.arrivals;
  }

  /** Send to a port of its own host, or of another. */
  send(packet: string | Uint8Array, port: number, host = this.address.host): void {
    this.#socket.send(packet, port, host, () => {
      // Whether anybody is there is the matter of the test.
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.close();
    await once(this.#socket, "close");
  }
}
