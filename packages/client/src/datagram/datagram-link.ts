import { ErrorCode, SocketServerError, type InternetAddress } from "@socketserver/core";

import type { SourceAddress } from "../transport/connect-options.ts";
import { ConnectedSocket } from "../transport/connected-socket.ts";

/** Where a link leads, and from where. */
export interface LinkEnds {
  readonly address: InternetAddress;
  readonly sourceAddress: SourceAddress | undefined;
}

/** How often to look again for what has come: the system keeps about 200 datagrams for a socket, and the runtime takes 32 of them in a turn of the event loop. */
const MAX_LOOKS = 16;

/** The way to the server: a socket that is opened when one is needed, and anew when that one has failed. Whoever made it closes it. */
export class DatagramLink {
  readonly #ends: LinkEnds;
  readonly #received: (packet: Buffer) => void;
  #socket: ConnectedSocket | undefined;
  #opening: Promise<ConnectedSocket> | undefined;
  #closing: Promise<void> | undefined;
  #arrivals = 0;
  #trouble: { readonly error: unknown; readonly at: number } | undefined;

  /** @param received - Called with what the server sends. What it throws is trouble, and no more. */
  constructor(ends: LinkEnds, received: (packet: Buffer) => void) {
    this.#ends = ends;
    this.#received = received;
  }

  /**
   * A socket to send with, until that is closed.
   *
   * @throws as `ConnectedSocket.open()` does; `ERR_SOCKETSERVER_CONNECTION_CLOSED` if the link is closed.
   */
  async open(): Promise<ConnectedSocket> {
    if (this.#closing !== undefined) {
      throw new SocketServerError(ErrorCode.connectionClosed, "Cannot open socket: the link is closed");
    }
    if (this.#socket === undefined || this.#opening === undefined) {
      this.#socket = this.#newSocket();
      this.#opening = this.#open(this.#socket);
    }
    return this.#opening;
  }

  /** The last sign, since then, that the server is not there, or is not what it should be. */
  troubleSince(time: number): unknown {
    return this.#trouble !== undefined && this.#trouble.at >= time ? this.#trouble.error : undefined;
  }

  /** Call back when everything that waits in the system by now was looked at: after a turn of the event loop that brought nothing, or many that did. */
  afterArrivals(callback: () => void): void {
    // The turn that runs now may have looked already.
    setImmediate(() => this.#look(callback, MAX_LOOKS));
  }

  /** Close the socket, if there is one. Idempotent; never rejects. */
  close(): Promise<void> {
    this.#closing ??= this.#socket?.close() ?? Promise.resolve();
    return this.#closing;
  }

  #look(callback: () => void, looks: number): void {
    const seen = this.#arrivals;
    setImmediate(() => {
      if (this.#arrivals === seen || looks === 1) callback();
      else this.#look(callback, looks - 1);
    });
  }

  #newSocket(): ConnectedSocket {
    const { address, sourceAddress } = this.#ends;
    const socket = new ConnectedSocket(address, sourceAddress, {
      received: (packet) => this.#receive(packet),
      refused: (error) => this.#note(error),
      failed: (error) => {
        this.#forget(socket);
        this.#note(error);
      },
    });
    return socket;
  }

  async #open(socket: ConnectedSocket): Promise<ConnectedSocket> {
    try {
      await socket.open();
      return socket;
    } catch (error) {
      this.#forget(socket);
      throw error;
    }
  }

  #forget(socket: ConnectedSocket): void {
    if (this.#socket === socket) this.#socket = undefined;
  }

  #receive(packet: Buffer): void {
    this.#arrivals++;
    try {
      this.#received(packet);
    } catch (error) {
      this.#note(error);
    }
  }

  #note(error: unknown): void {
    this.#trouble = { error, at: performance.now() };
  }
}
