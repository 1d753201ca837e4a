import type { Address } from "../address.ts";
import { CloseReason } from "../close-reason.ts";
import { ErrorCode, SocketServerError } from "../errors.ts";
import { afterArrivals } from "./after-arrivals.ts";
import { cutError } from "./cut-error.ts";
import type { DatagramSocket } from "./datagram-socket.ts";
import { Inbound } from "./inbound.ts";
import { LazySignal } from "./lazy-signal.ts";
import type { ServerRequest } from "./server-request.ts";

/** A datagram that was received, and the way to answer it. Python's pair of packet and socket. */
export class Datagram implements ServerRequest {
  /** What came. An empty datagram is a request, too. */
  readonly packet: Buffer;
  /** The socket through which it came. Shared by all requests: nobody but the server closes it. */
  readonly socket: DatagramSocket;
  readonly remoteAddress: Address;
  idleTimeoutMs = Infinity;
  endOnDrain = true;

  readonly #over = new LazySignal();
  readonly #drain = new LazySignal();
  readonly #replies = new Set<Promise<void>>();
  #inbound: Inbound | undefined;
  #outcome: CloseReason | undefined;
  #finalReason: CloseReason | undefined;
  /** Why it was cut. */
  #cause: Error | undefined;
  #bytesWritten = 0;
  #lastActivity = performance.now();
  #closedListeners: ((reason: CloseReason) => void)[] = [];

  constructor(packet: Buffer, socket: DatagramSocket, remoteAddress: Address) {
    this.packet = packet;
    this.socket = socket;
    this.remoteAddress = remoteAddress;
  }

  /** Bytes of the packet. */
  get bytesRead(): number {
    return this.packet.length;
  }

  /** Bytes of the replies. */
  get bytesWritten(): number {
    return this.#bytesWritten;
  }

  /** When something was last received or sent, on the clock of `performance.now()`. */
  get lastActivity(): number {
    return this.#lastActivity;
  }

  /** How it ended, or undefined while its handler runs. */
  get closeReason(): CloseReason | undefined {
    return this.#finalReason;
  }

  /** How its handler ended, or undefined while it runs. */
  get outcome(): CloseReason | undefined {
    return this.#outcome;
  }

  /** Aborted when the request is over: handled, past a deadline, cut. */
  get signal(): AbortSignal {
    return this.#over.signal;
  }

  /** Aborted when the server begins to drain. */
  get drainSignal(): AbortSignal {
    return this.#drain.signal;
  }

  /**
   * Send one datagram back to the sender; resolves when the kernel has it. UDP promises nothing about its arrival.
   *
   * @throws the system's error, such as `EMSGSIZE` for data that does not fit a datagram; `SocketServerError` when the request is over.
   */
  async reply(data: string | Uint8Array): Promise<void> {
    if (this.#cause !== undefined) throw this.#cause;
    const bytes = typeof data === "string" ? Buffer.from(data) : data;
    this.#lastActivity = performance.now();
    const sent = this.socket.sendTo(bytes, this.remoteAddress);
    this.#replies.add(sent);
    try {
      await sent;
      this.#bytesWritten += bytes.length;
    } catch (error) {
      // The server has gone on without it, and perhaps closed: that is no failure of its handler.
      throw this.#cause ?? error;
    } finally {
      this.#replies.delete(sent);
    }
  }

  /** The packet, for readers such as `rfile`. */
  get inbound(): Inbound {
    this.#inbound ??= packetInbound(this.packet);
    return this.#inbound;
  }

  /** {@inheritDoc ServerRequest.destroyed} */
  get destroyed(): boolean {
    return this.#finalReason !== undefined;
  }

  /** {@inheritDoc ServerRequest.owns} */
  owns(error: unknown): boolean {
    return (error !== undefined && error === this.#cause) || this.#inbound?.owns(error) === true;
  }

  /** {@inheritDoc ServerRequest.afterArrivals} */
  afterArrivals(callback: () => void): void {
    afterArrivals(undefined, callback);
  }

  /** {@inheritDoc ServerRequest.begin} */
  begin(): void {
    // A packet has been read already.
  }

  /** {@inheritDoc ServerRequest.drain} */
  drain(): void {
    this.#drain.abort(new SocketServerError(ErrorCode.serverClosed, "Cannot go on for long: the server is draining"));
  }

  /** {@inheritDoc ServerRequest.conclude} */
  conclude(reason: CloseReason): void {
    this.#outcome ??= reason;
  }

  /** {@inheritDoc ServerRequest.linger} */
  async linger(): Promise<void> {
    await Promise.allSettled(this.#replies);
  }

  /** {@inheritDoc ServerRequest.destroy} */
  destroy(): void {
    this.cut(this.#outcome ?? CloseReason.done);
  }

  /** {@inheritDoc ServerRequest.cut} */
  cut(reason: CloseReason): void {
    if (this.#finalReason !== undefined) return;
    this.#finalReason = reason;
    this.#cause = cutError(reason, "Cannot use request: it is over");
    this.#over.abort(this.#cause);
    const listeners = this.#closedListeners;
    this.#closedListeners = [];
    for (const listener of listeners) listener(reason);
  }

  /** {@inheritDoc ServerRequest.onClosed} */
  onClosed(listener: (reason: CloseReason) => void): void {
    if (this.#finalReason === undefined) this.#closedListeners.push(listener);
    else listener(this.#finalReason);
  }
}

function packetInbound(packet: Buffer): Inbound {
  const still = { resume: () => {}, pause: () => {} };
  const inbound = new Inbound(still, Infinity, Infinity);
  inbound.receive(packet);
  inbound.end();
  return inbound;
}
