import { createServer, type ListenOptions, type Server, type Socket } from "node:net";
import type { Duplex } from "node:stream";

import { formatAddress, internetAddress, type Address } from "../address.ts";
import { SocketServerError } from "../errors.ts";
import { DropReason } from "../events.ts";
import { AcceptQueue } from "./accept-queue.ts";
import { Connection } from "./connection.ts";
import { boundsOf, type ConnectionOptions } from "./connection-options.ts";
import { DescriptorGuard } from "./descriptor-guard.ts";
import { listenError } from "./listen-error.ts";
import type { Accepted, RequestSource, SourceOwner } from "./request-source.ts";
import { resetStream } from "./reset-stream.ts";
import { claimUnixPath, UnixPathOwner } from "./unix-path.ts";

/** What a listener needs of its server's options. */
export interface ListenerOptions extends ConnectionOptions {
  readonly backlog: number;
  readonly requestQueueSize: number;
  readonly reservedDescriptors: number;
}

/** One who waits outside, for one server. */
interface Outsider {
  readonly clientAddress: Address;
}

/**
 * Accepts TCP and Unix connections: paused and unread, so that they can wait their turn or move to a worker.
 *
 * Node's server cannot pause accepting, therefore those who wait do so here, bounded, and the rest is refused with a reset: a peer that was
 * not served must not mistake the end of the connection for an empty answer.
 */
export class StreamListener implements RequestSource<Connection> {
  queue: AcceptQueue<Accepted<Connection>>;

  readonly #address: Address;
  readonly #backlog: number;
  #owner: SourceOwner<Connection>;
  /** What every connection is made with. */
  #bounds: ConnectionOptions;
  readonly #reservedDescriptors: number;
  #guard: DescriptorGuard | undefined;
  readonly #server: Server;
  /** Accepted, and not yet admitted. */
  readonly #outside = new Map<Socket, Outsider>();
  #unixPath: UnixPathOwner | undefined;
  #opened = false;
  #failing = false;
  #stopped: Promise<void> | undefined;

  constructor(address: Address, options: ListenerOptions, owner: SourceOwner<Connection>) {
    this.queue = new AcceptQueue(options.requestQueueSize);
    this.#address = address;
    this.#backlog = options.backlog;
    this.#reservedDescriptors = options.reservedDescriptors;
    this.#owner = owner;
    this.#bounds = this.#boundsFor(owner, options);
    this.#server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => this.#accept(socket));
  }

  async open(): Promise<Address> {
    const backlog = this.#backlog;
    const address = this.#address;
    if ("path" in address) {
      await claimUnixPath(address.path);
      await this.#listen({ path: address.path, backlog });
      this.#unixPath = await UnixPathOwner.of(address.path);
    } else {
      await this.#listen({ host: address.host, port: address.port, backlog });
    }
    this.#opened = true;
    this.#guard = this.#guardFor(this.#reservedDescriptors);
    this.#server.on("error", (error) => this.#fail(error));
    return this.#realAddress();
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  adopt(owner: SourceOwner<Connection>, options: ListenerOptions): readonly Connection[] {
    const waiting = this.queue.clear();
    const outside = [...this.#outside];
    this.#outside.clear();
    this.#owner = owner;
    this.#bounds = this.#boundsFor(owner, options);
    this.queue = new AcceptQueue(options.requestQueueSize);
    this.#guard?.close();
    this.#guard = this.#guardFor(options.reservedDescriptors);
    // They were admitted once. Their bounds are those of the server that will serve them.
    for (const [connection, clientAddress] of waiting) {
      if (!connection.destroyed) this.#take(connection.detach(), clientAddress);
    }
    for (const [socket, { clientAddress }] of outside) this.#judge(socket.off("error", ignoreReset), clientAddress);
    return waiting.map(([connection]) => connection);
  }

  async close(): Promise<void> {
    // Connections need nothing of it.
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
    this.#guard?.close();
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
    if (this.#guard?.admit() === false) this.#refuse(socket, clientAddress, DropReason.descriptors);
    else this.#judge(socket, clientAddress);
  }

  #judge(socket: Socket, clientAddress: Address): void {
    const refusal = this.#stopped === undefined ? this.#owner.admit(clientAddress) : DropReason.draining;
    if (refusal === undefined) this.#take(socket, clientAddress);
    else if (!this.#letWait(socket, clientAddress, refusal)) this.#refuse(socket, clientAddress, refusal);
  }

  /** Leave it outside, unread, until there is room; false if it may not wait. */
  #letWait(socket: Socket, clientAddress: Address, refusal: DropReason): boolean {
    const outsider = { clientAddress };
    const waits = this.#owner.wait(clientAddress, refusal, (last) => {
      // It may wait for another server by now.
      if (this.#outside.get(socket) !== outsider) return;
      this.#outside.delete(socket);
      socket.off("error", ignoreReset);
      if (socket.destroyed) return;
      if (last === undefined) this.#take(socket, clientAddress);
      else this.#refuse(socket, clientAddress, last);
    });
    if (!waits) return false;
    this.#outside.set(socket, outsider);
    socket.on("error", ignoreReset);
    return true;
  }

  #take(stream: Duplex, clientAddress: Address): void {
    const connection = new Connection(stream, { ...this.#bounds, remoteAddress: clientAddress });
    if (this.queue.offer([connection, clientAddress])) this.#owner.accepted(connection, clientAddress);
    else this.#refuse(connection.detach(), clientAddress, DropReason.queueFull);
  }

  #guardFor(reserve: number): DescriptorGuard | undefined {
    if (reserve === 0) return undefined;
    const guard = new DescriptorGuard(reserve, () => this.#owner.failed(exhausted(guard.limit)));
    return guard;
  }

  #boundsFor({ budget }: SourceOwner<Connection>, options: ListenerOptions): ConnectionOptions {
    const address = this.#address;
    return { ...boundsOf(options), budget, held: true, ...("path" in address ? { localAddress: address } : {}) };
  }

  #refuse(stream: Duplex, clientAddress: Address, reason: DropReason): void {
    stream.on("error", ignoreReset);
    resetStream(stream);
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

function exhausted(limit: number): SocketServerError {
  return new SocketServerError(
    "EMFILE",
    `Cannot accept: file descriptors run out, this process may have ${limit}; raise that limit (ulimit -n), or lower maxConnections`,
  );
}

function ignoreReset(): void {
  // The connection is over either way.
}
