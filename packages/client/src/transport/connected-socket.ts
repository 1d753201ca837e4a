import { ErrorCode, SocketServerError, type InternetAddress } from "@socketserver/core";
import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { lookup } from "node:dns/promises";
import { isIP } from "node:net";

import type { SourceAddress } from "./connect-options.ts";

/** What is heard of a {@link ConnectedSocket}. */
export interface SocketEars {
  /** A datagram came from the other end. */
  received(packet: Buffer): void;
  /** A datagram of ours met nobody (`ECONNREFUSED`). The socket is as good as before: someone may be there next time. */
  refused(error: Error): void;
  /** The socket has failed, and is closed. */
  failed(error: Error): void;
}

/**
 * How often a datagram is sent again because the system told of an earlier one instead of sending it. Each time takes away what it had to tell, so that a second time
 * takes many datagrams at once, and ever more of them are through.
 */
const MAX_REFUSALS = 16;

/**
 * A UDP socket that is connected: the system takes datagrams from nobody but the other end for it, and tells it that nobody is there.
 *
 * Whoever opens it closes it, at any time.
 */
export class ConnectedSocket {
  readonly #to: InternetAddress;
  readonly #from: SourceAddress | undefined;
  readonly #ears: SocketEars;
  /** Those who wait for it to open or to send: Node forgets the callbacks of a socket that is closed. */
  readonly #waiting = new Set<(error: Error) => void>();
  #socket: Socket | undefined;
  /** Who the other end is, as the system writes it. */
  #peer = "";
  #failure: Error | undefined;
  #closing: Promise<void> | undefined;

  constructor(to: InternetAddress, from: SourceAddress | undefined, ears: SocketEars) {
    this.#to = to;
    this.#from = from;
    this.#ears = ears;
  }

  /** Whether it is, and can send no more. */
  get closed(): boolean {
    return this.#closing !== undefined;
  }

  /**
   * Look the name up, and connect. Call it once.
   *
   * @throws the system's error, such as `ENOTFOUND`, `EACCES`, `EADDRINUSE`; then it is closed. `ERR_SOCKETSERVER_CONNECTION_CLOSED` if it is closed meanwhile.
   */
  async open(): Promise<void> {
    try {
      const { address, family } = await this.#orClosed(this.#addressOf(this.#to.host));
      await this.#orClosed(this.#connect(address, family));
    } catch (error) {
      void this.close();
      throw error;
    }
  }

  /**
   * Send one datagram; resolves when the system has it.
   *
   * @throws the system's error, such as `EMSGSIZE`, or the one with which the socket has failed; `ERR_SOCKETSERVER_CONNECTION_CLOSED` if it is closed before.
   */
  async send(packet: Uint8Array): Promise<void> {
    for (let refusals = 1; ; refusals++) {
      try {
        await this.#orClosed(this.#sendOnce(packet));
        return;
      } catch (error) {
        if (!isRefusal(error) || refusals === MAX_REFUSALS) throw error;
        this.#ears.refused(error);
      }
    }
  }

  /** Close it; nothing is heard of it any more. Idempotent; never rejects. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #addressOf(host: string): Promise<{ readonly address: string; readonly family: number }> {
    const family = isIP(host);
    // With the family of our own end, if that is given.
    return family === 0 ? lookup(host, { family: isIP(this.#from?.host ?? "") }) : { address: host, family };
  }

  #connect(address: string, family: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    // Closed while the name was looked up.
    if (this.closed) return promise;
    const { host, port = 0 } = this.#from ?? {};
    const socket = createSocket({ type: family === 6 ? "udp6" : "udp4" });
    this.#socket = socket;
    socket.on("error", reject);
    // Bound first: what Node queues up until a socket is bound, close() included, is lost if it cannot be.
    socket.bind({ ...(host !== undefined && { address: host }), port, exclusive: true }, () => {
      socket.connect(this.#to.port, address, (error?: Error) => {
        if (error) reject(error);
        else this.#listen(socket, resolve);
      });
    });
    return promise;
  }

  #listen(socket: Socket, connected: () => void): void {
    const { address, port } = socket.remoteAddress();
    this.#peer = `${address} ${port}`;
    socket.removeAllListeners("error").on("error", (error) => this.#hearError(error));
    socket.on("message", (packet, sender) => this.#hear(packet, sender));
    connected();
  }

  #hear(packet: Buffer, { address, port }: RemoteInfo): void {
    // What came between bind() and connect() is still delivered, whoever sent it.
    if (!this.closed && `${address} ${port}` === this.#peer) this.#ears.received(packet);
  }

  #hearError(error: Error): void {
    if (this.closed) return;
    if (isRefusal(error)) {
      this.#ears.refused(error);
      return;
    }
    this.#failure = error;
    void this.close();
    this.#ears.failed(error);
  }

  #sendOnce(packet: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      // If it is closed, that is told already.
      this.#socket?.send(packet, (error) => {
        if (error === null) resolve();
        else reject(error);
      });
    });
  }

  /** What comes of the work, unless the socket is closed first. */
  async #orClosed<Value>(work: Promise<Value>): Promise<Value> {
    const { promise, reject } = Promise.withResolvers<never>();
    this.#waiting.add(reject);
    if (this.closed) this.#rejectAll();
    try {
      return await Promise.race([work, promise]);
    } finally {
      this.#waiting.delete(reject);
    }
  }

  async #close(): Promise<void> {
    const socket = this.#socket;
    this.#socket = undefined;
    const { promise, resolve } = Promise.withResolvers<void>();
    if (socket === undefined) resolve();
    else socket.close(resolve);
    await promise;
    this.#rejectAll();
  }

  #rejectAll(): void {
    const closed = new SocketServerError(ErrorCode.connectionClosed, "Cannot use socket: it is closed");
    for (const reject of this.#waiting) reject(this.#failure ?? closed);
    this.#waiting.clear();
  }
}

function isRefusal(error: unknown): error is Error {
  return (error as NodeJS.ErrnoException).code === "ECONNREFUSED";
}
