import type { RemoteInfo, Socket } from "node:dgram";

import { formatAddress, internetAddress, type Address, type InternetAddress } from "../address.ts";
import { ErrorCode, SocketServerError } from "../errors.ts";
import { DropReason } from "../events.ts";
import { AcceptQueue } from "./accept-queue.ts";
import { checkDatagram, type DatagramSocket } from "./datagram-socket.ts";
import { Datagram } from "./datagram.ts";
import { listenError } from "./listen-error.ts";
import type { Accepted, RequestSource, SourceOwner } from "./request-source.ts";

/** What a port needs of its server's options. */
export interface DatagramPortOptions {
  readonly requestQueueSize: number;
  readonly maxPacketSize: number;
}

/** A bound UDP socket: receives datagrams into a bounded queue, and sends. */
export class DatagramPort implements RequestSource<Datagram>, DatagramSocket {
  queue: AcceptQueue<Accepted<Datagram>>;

  readonly #address: InternetAddress;
  #options: DatagramPortOptions;
  #owner: SourceOwner<Datagram>;
  #socket: Socket | undefined;
  /** Node forgets the callbacks of sends that are under way when the socket is closed. */
  readonly #sending = new Set<(error: Error) => void>();
  /** How many servers need it: the present one, and those before it that drain. */
  #servers = 1;
  #accepting = false;
  #failing = false;

  constructor(address: InternetAddress, options: DatagramPortOptions, owner: SourceOwner<Datagram>) {
    this.queue = new AcceptQueue(options.requestQueueSize);
    this.#address = address;
    this.#options = options;
    this.#owner = owner;
  }

  async open(): Promise<Address> {
    const { host, port } = this.#address;
    const name = formatAddress(this.#address);
    // Most programs have no datagrams: these two take time to load.
    const [{ createSocket }, { lookup }] = await Promise.all([import("node:dgram"), import("node:dns/promises")]);
    const { address, family } = await lookup(host).catch((error: unknown) => {
      throw listenError(error as Error, name);
    });
    const socket = createSocket({ type: family === 6 ? "udp6" : "udp4" });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onError = (error: Error): void => reject(listenError(error, name));
    socket.once("error", onError);
    socket.bind({ address, port, exclusive: true }, resolve);
    try {
      await promise;
    } catch (error) {
      socket.close();
      throw error;
    }
    socket.off("error", onError);
    socket.on("error", (error) => this.#fail(error));
    socket.on("message", (packet, sender) => this.#receive(packet, sender));
    this.#socket = socket;
    this.#accepting = true;
    const bound = socket.address();
    return internetAddress(bound.address, bound.port);
  }

  /** Stop receiving; answers can still be sent until `close()`. */
  async stop(): Promise<void> {
    this.#accepting = false;
  }

  adopt(owner: SourceOwner<Datagram>, options: DatagramPortOptions): readonly Datagram[] {
    const waiting = this.queue.clear();
    this.#servers++;
    this.#owner = owner;
    this.#options = options;
    this.queue = new AcceptQueue(options.requestQueueSize);
    // New ones: a request is known to one server.
    for (const [{ packet }, clientAddress] of waiting)
      this.#take(new Datagram(packet, this, clientAddress), clientAddress);
    return waiting.map(([datagram]) => datagram);
  }

  /** Those who had it before may still answer. */
  async close(): Promise<void> {
    if (--this.#servers > 0) return;
    this.#accepting = false;
    const socket = this.#socket;
    this.#socket = undefined;
    if (socket === undefined) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    socket.close(resolve);
    await promise;
    for (const reject of this.#sending)
      reject(new SocketServerError(ErrorCode.serverClosed, "Cannot send: the server is closed"));
    this.#sending.clear();
  }

  /** {@inheritDoc DatagramSocket.sendTo} */
  async sendTo(data: string | Uint8Array, address: Address): Promise<void> {
    const socket = this.#socket;
    if (socket === undefined) {
      throw new SocketServerError(ErrorCode.serverClosed, "Cannot send: the server is closed");
    }
    checkDatagram(data, address);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#sending.add(reject);
    try {
      const { host, port } = address as InternetAddress;
      socket.send(data, port, this.#destination(host), (error) => {
        this.#sending.delete(reject);
        if (error === null) resolve();
        else reject(error);
      });
    } catch (error) {
      // A spoofed sender can have port 0, which Node refuses at once.
      this.#sending.delete(reject);
      reject(error);
    }
    await promise;
  }

  /** An IPv6 socket that serves IPv4, too, knows such peers by their mapped address. */
  #destination(host: string): string {
    return this.#socket?.address().family === "IPv6" && /^\d+\.\d+\.\d+\.\d+$/.test(host) ? `::ffff:${host}` : host;
  }

  #receive(packet: Buffer, sender: RemoteInfo): void {
    if (!this.#accepting) return;
    this.#failing = false;
    const clientAddress = internetAddress(sender.address, sender.port);
    const refusal =
      packet.length > this.#options.maxPacketSize ? DropReason.packetTooBig : this.#owner.admit(clientAddress);
    if (refusal !== undefined) {
      this.#owner.dropped(clientAddress, refusal);
      return;
    }
    this.#take(new Datagram(packet, this, clientAddress), clientAddress);
  }

  #take(datagram: Datagram, clientAddress: Address): void {
    if (this.queue.offer([datagram, clientAddress])) this.#owner.accepted(datagram, clientAddress);
    else this.#owner.dropped(clientAddress, DropReason.queueFull);
  }

  #fail(error: Error): void {
    if (this.#failing) return;
    this.#failing = true;
    this.#owner.failed(error);
  }
}
