import { createServer, type ListenOptions, type Server, type Socket } from "node:net";

import { formatAddress, internetAddress, type Address } from "../address.ts";
import { DropReason } from "../events.ts";
import { AcceptQueue } from "./accept-queue.ts";
import { Connection, type ConnectionOptions } from "./connection.ts";
import { listenError } from "./listen-error.ts";
import type { Accepted, RequestSource, SourceOwner } from "./request-source.ts";
import { resetStream } from "./reset-stream.ts";
import { claimUnixPath, UnixPathOwner } from "./unix-path.ts";

/** What a listener needs of its server's options. */
export interface ListenerOptions extends ConnectionOptions {
  readonly backlog: number;
  readonly requestQueueSize: number;
}

/**
 * Accepts TCP and Unix connections: paused and unread, so that they can wait their turn or move to a worker.
 *
 * Node's server cannot pause accepting, therefore those who wait do so here, bounded, and the rest is refused with a reset: a peer that was
 * not served must not mistake the end of the connection for an empty answer.
 */
export class StreamListener implements RequestSource<Connection> {
  readonly queue: AcceptQueue<Accepted<Connection>>;

  readonly #address: Address;
  readonly #options: ListenerOptions;
  readonly #owner: SourceOwner<Connection>;
  readonly #server: Server;
  #unixPath: UnixPathOwner | undefined;
  #opened = false;
  #failing = false;
  #stopped: Promise<void> | undefined;

  constructor(address: Address, options: ListenerOptions, owner: SourceOwner<Connection>) {
    this.queue = new AcceptQueue(options.requestQueueSize);
    this.#address = address;
    this.#options = options;
    this.#owner = owner;
    this.#server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => this.#accept(socket));
  }

  async open(): Promise<Address> {
    const { backlog } = this.#options;
    const address = this.#address;
    if ("path" in address) {
      await claimUnixPath(address.path);
      await this.#listen({ path: address.path, backlog });
      this.#unixPath = await UnixPathOwner.of(address.path);
    } else {
      await this.#listen({ host: address.host, port: address.port, backlog });
    }
    this.#opened = true;
    this.#server.on("error", (error) => this.#fail(error));
    return this.#realAddress();
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async close(): Promise<void> {
    await this.stop();
  }

  #listen(options: ListenOptions): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onError = (error: Error): void => reject(listenError(error, formatAddress(this.#address)));
    this.#server.once("error", onError);
    this.#server.listen(options, () => {
      this.#server.off("error", onError);
      resolve();
    });
    return promise;
  }

  #realAddress(): Address {
    const bound = this.#server.address();
    if (bound === null || typeof bound === "string") return this.#address;
    return internetAddress(bound.address, bound.port);
  }

  async #stop(): Promise<void> {
    if (!this.#opened) return;
    // The callback of close() would wait for connections that are still open; the listening socket itself closes at once.
    if (this.#unixPath === undefined) this.#server.close();
    else await this.#unixPath.release(() => this.#server.close());
  }

  #accept(socket: Socket): void {
    this.#failing = false;
    if (isGone(socket, this.#address)) {
      socket.on("error", ignoreReset).destroy();
      return;
    }
    const clientAddress = addressOf(socket);
    const refusal = this.#stopped === undefined ? this.#owner.admit(clientAddress) : DropReason.draining;
    if (refusal !== undefined) {
      this.#refuse(socket, clientAddress, refusal);
      return;
    }
    const connection = new Connection(socket, {
      ...this.#options,
      held: true,
      remoteAddress: clientAddress,
      ...this.#localAddress(),
    });
    if (this.queue.offer([connection, clientAddress])) this.#owner.accepted(connection, clientAddress);
    else this.#refuse(socket, clientAddress, DropReason.queueFull);
  }

  #localAddress(): { localAddress?: Address } {
    return "path" in this.#address ? { localAddress: this.#address } : {};
  }

  #refuse(socket: Socket, clientAddress: Address, reason: DropReason): void {
    socket.on("error", ignoreReset);
    resetStream(socket);
    this.#owner.dropped(clientAddress, reason);
  }

  #fail(error: Error): void {
    // One event for each episode, not one for each failed attempt.
    if (this.#failing) return;
    this.#failing = true;
    this.#owner.failed(error);
  }
}

function addressOf(socket: Socket): Address {
  if (socket.remoteAddress === undefined || socket.remotePort === undefined) return { path: "" };
  return internetAddress(socket.remoteAddress, socket.remotePort);
}

/** A TCP client that was reset before it was accepted has no address any more. */
function isGone(socket: Socket, listening: Address): boolean {
  return !("path" in listening) && socket.remoteAddress === undefined;
}

function ignoreReset(): void {
  // The connection is over either way.
}
