import { formatAddress, type InternetAddress } from "@socketserver/core";

import { Backoff } from "../backoff.ts";
import { ClientErrorCode } from "../client-error-code.ts";
import { codeOf } from "../code-of.ts";
import type { RequestId } from "../correlation.ts";
import { describeError } from "../describe-error.ts";
import type { EncodedRequest } from "../encoded-request.ts";
import type { Patience } from "../patience.ts";
import { RequestError } from "../request-error.ts";
import type { ConnectedSocket } from "../transport/connected-socket.ts";
import { Waiter } from "../waiter.ts";
import type { DatagramLink } from "./datagram-link.ts";
import type { RetryOptions } from "./datagram-options.ts";
import type { ReplyPorts, WaitingRequest } from "./reply-ports.ts";
import { systemFailure } from "./system-failure.ts";

/** What surrounds a {@link DatagramRequest}. */
export interface RequestSurroundings<Reply> {
  readonly address: InternetAddress;
  readonly retry: Required<RetryOptions>;
  readonly ports: ReplyPorts<Reply>;
  /** Called once, when it is settled. */
  over(): void;
}

/** A request: sent, and sent again after longer and longer pauses, until its reply has come, its tries are over, or nobody waits any more. */
export class DatagramRequest<Reply> implements WaitingRequest<Reply> {
  readonly id: RequestId | undefined;
  readonly #bytes: Uint8Array;
  readonly #surroundings: RequestSurroundings<Reply>;
  readonly #link: DatagramLink;
  readonly #waiter: Waiter<Reply>;
  readonly #backoff: Backoff;
  readonly #calledAt = performance.now();
  #running = false;
  #attempts = 0;
  /** Datagrams that the system has, or is about to have. */
  #sent = 0;
  #pause: NodeJS.Timeout | undefined;

  /**
   * Waits from now on.
   *
   * @param patience - Checked already.
   * @throws as `ReplyPorts.add()` does.
   */
  constructor({ bytes, id }: EncodedRequest, patience: Patience, surroundings: RequestSurroundings<Reply>) {
    this.id = id;
    this.#bytes = bytes;
    this.#surroundings = surroundings;
    // First: if it throws, nothing has begun.
    this.#link = surroundings.ports.add(this);
    this.#backoff = new Backoff(surroundings.retry);
    this.#waiter = new Waiter<Reply>(patience, {
      timedOut: () => this.#timedOut(),
      gaveUp: () => this.#end(),
      confirm: (callback) => this.#link.afterArrivals(callback),
    });
  }

  /** The reply. */
  get reply(): Promise<Reply> {
    return this.#waiter.promise;
  }

  get sent(): boolean {
    return this.#sent > 0;
  }

  /** Its turn has come: send it. */
  readonly start = (): void => {
    this.#running = true;
    void this.#try();
  };

  answer(reply: Reply): void {
    if (this.#waiter.resolve(reply)) this.#end();
  }

  /** No reply will come. */
  fail(error: Error): void {
    if (this.#waiter.reject(error)) this.#end();
  }

  #end(): void {
    clearTimeout(this.#pause);
    this.#surroundings.ports.remove(this);
    this.#surroundings.over();
  }

  async #try(): Promise<void> {
    let socket: ConnectedSocket | undefined;
    try {
      socket = await this.#link.open();
      if (this.#waiter.settled) return;
      this.#attempts++;
      await this.#send(socket);
    } catch (error) {
      const code = codeOf(error);
      // Nobody is there now, or the socket has failed: there is another try.
      const mayPass = socket !== undefined && (code === "ECONNREFUSED" || socket.closed);
      if (!mayPass) this.fail(systemFailure("ask", { address: this.#surroundings.address, sent: this.sent }, error));
    }
    if (!this.#waiter.settled) this.#pause = setTimeout(this.#goOn, this.#backoff.next());
  }

  async #send(socket: ConnectedSocket): Promise<void> {
    this.#sent++;
    try {
      await socket.send(this.#bytes);
    } catch (error) {
      // Of a socket that has failed nobody knows what became of it.
      if (!socket.closed) this.#sent--;
      throw error;
    }
  }

  /** The pause is over. A reply that came while this process was held up is not asked for again. */
  readonly #goOn = (): void => {
    this.#link.afterArrivals(() => {
      if (this.#waiter.settled) return;
      if (this.#attempts < this.#surroundings.retry.maxAttempts) void this.#try();
      else this.fail(this.#timedOut());
    });
  };

  #timedOut(): RequestError {
    const trouble = this.#link.troubleSince(this.#calledAt);
    const reason = trouble === undefined ? "" : `; the last trouble: ${describeError(trouble)}`;
    return new RequestError(
      ClientErrorCode.requestTimeout,
      `Cannot ask ${formatAddress(this.#surroundings.address)}: ${this.#whatHappened()}${reason}`,
      { sent: this.sent, cause: trouble },
    );
  }

  #whatHappened(): string {
    const elapsed = `${Math.round(performance.now() - this.#calledAt)} ms`;
    if (this.#sent === 1) return `1 datagram was not answered within ${elapsed}`;
    if (this.#sent > 1) return `${this.#sent} datagrams were not answered within ${elapsed}`;
    return this.#running ? `no datagram could be sent within ${elapsed}` : `other requests came first for ${elapsed}`;
  }
}
