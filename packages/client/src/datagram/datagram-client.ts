import {
  ErrorCode,
  formatAddress,
  resolveInternetAddress,
  type InternetAddress,
  type InternetAddressInput,
} from "@socketserver/core";
import { assertCodec, encodeDatagram, type Codec } from "@socketserver/framing";

import { ClientErrorCode } from "../client-error-code.ts";
import { idFields } from "../correlation.ts";
import { encodeRequest } from "../encoded-request.ts";
import { checkPatience, type Patience } from "../patience.ts";
import { orRejected } from "../or-rejected.ts";
import { RequestError } from "../request-error.ts";
import type { ConnectedSocket } from "../transport/connected-socket.ts";
import {
  resolveDatagramClientOptions,
  type DatagramClientOptions,
  type ResolvedDatagramClientOptions,
} from "./datagram-options.ts";
import { DatagramRequest } from "./datagram-request.ts";
import { PortPerRequest } from "./port-per-request.ts";
import type { ReplyPorts } from "./reply-ports.ts";
import { SharedPort } from "./shared-port.ts";
import { systemFailure } from "./system-failure.ts";
import { Turns } from "./turns.ts";

/**
 * Asks a server in datagrams, each of which is one message: `request()` sends again until the reply comes, `send()` hopes for the best.
 *
 * UDP loses datagrams, doubles them, and delivers anybody's. So a request is sent several times, with growing pauses (RFC 8085, section 3.1.1), and what comes counts
 * only if the server sent it, from the very address and port that were asked, and only for the request that it belongs to: because it came to the port of that
 * request (RFC 5452), or because it has its id (`correlateBy`). Everything else is ignored: what comes late, twice, from others, or is no message. That nobody listens
 * at the port is no end either, because someone may before the next try.
 *
 * Nothing is opened before the first call. Whoever made the client closes it: use `await using`. Not for broadcast or multicast, which others answer than were asked.
 *
 * @typeParam In - What comes.
 * @typeParam Out - What can be sent.
 * @see {@link https://www.rfc-editor.org/rfc/rfc8085 | RFC 8085}
 * @see {@link https://www.rfc-editor.org/rfc/rfc5452 | RFC 5452}
 *
 * @example
 * ```ts run
 * import { DatagramClient } from "@socketserver/client";
 * import { AsyncUDPServer } from "@socketserver/core";
 * import { MessageRequestHandler, unframedText } from "@socketserver/framing";
 * import { serve } from "@socketserver/testing";
 *
 * class UpperHandler extends MessageRequestHandler(unframedText()) {
 *   override handleMessage(message: string): string {
 *     return message.toUpperCase();
 *   }
 * }
 *
 * await using running = await serve(UpperHandler, { server: AsyncUDPServer });
 * await using client = new DatagramClient({ host: "127.0.0.1", port: running.port }, unframedText());
 * console.log(await client.request("hello"));
 * console.log(await client.request("quick", { timeoutMs: 500 }));
 * await client.send("fire and forget");
 * ```
 *
 * ```text
 * HELLO
 * QUICK
 * ```
 */
export class DatagramClient<In, Out = In> implements AsyncDisposable {
  /** Where the server is. */
  readonly address: InternetAddress;
  /** What the messages are encoded with. */
  readonly codec: Codec<In, Out>;
  readonly #options: ResolvedDatagramClientOptions;
  readonly #ports: ReplyPorts<In>;
  readonly #turns: Turns;
  readonly #pending = new Set<DatagramRequest<In>>();
  #closing: Promise<void> | undefined;

  /**
   * Only remembers.
   *
   * @param address - Where the server is; `host` is `127.0.0.1` unless set. A name stands for the first of its addresses, and is looked up for each socket.
   * @throws `TypeError` or `RangeError` `ERR_SOCKETSERVER_INVALID_ADDRESS`, `ERR_SOCKETSERVER_INVALID_OPTION`, or `ERR_SOCKETSERVER_INVALID_ARGUMENT` about what is
   * no codec, that shows the value.
   */
  constructor(address: InternetAddressInput, codec: Codec<In, Out>, options?: DatagramClientOptions<In, Out>) {
    this.address = resolveInternetAddress(address, "Cannot connect", 1);
    assertCodec(codec);
    this.codec = codec;
    this.#options = resolveDatagramClientOptions(options);
    const { correlateBy, sourceAddress, maxConcurrentRequests, requestQueueSize } = this.#options;
    const ends = { address: this.address, sourceAddress };
    this.#ports =
      correlateBy === undefined ? new PortPerRequest(ends, codec) : new SharedPort(ends, codec, idFields(correlateBy));
    this.#turns = new Turns(maxConcurrentRequests, requestQueueSize);
  }

  /**
   * Send a request, again and again if need be, and wait for its reply. The message is encoded now, and may change afterwards.
   *
   * A request that is given up, for its time or by its signal, is not sent again, and what still comes for it is ignored.
   *
   * @throws {@link RequestError} `ERR_SOCKETSERVER_REQUEST_TIMEOUT` when its time or its tries are over; the `cause` is the last sign of trouble, such as
   * `ECONNREFUSED` or a reply that was no message. `ERR_SOCKETSERVER_QUEUE_FULL`; `ERR_SOCKETSERVER_CONNECTION_CLOSED` if the client is closed; the system's code if it
   * will not look up, open or send (`ENOTFOUND`, `EMFILE`, `EMSGSIZE`, ...). `sent` tells whether the server may have got it.
   * @throws `TypeError` or `RangeError` `ERR_SOCKETSERVER_INVALID_MESSAGE` if the codec cannot tell the message, or its id is missing or in use,
   * `ERR_SOCKETSERVER_INVALID_ARGUMENT` about `patience`; the reason of the signal.
   */
  request(message: Out, patience: Patience = {}): Promise<In> {
    return orRejected(() => {
      checkPatience(patience, "Cannot request");
      const encode = (each: Out): Uint8Array => encodeDatagram(this.codec, each);
      const encoded = encodeRequest(message, encode, this.#options.correlateBy);
      if (this.#closing !== undefined) throw this.#closed("ask", false);
      const { timeoutMs = this.#options.requestTimeoutMs, signal } = patience;
      const request: DatagramRequest<In> = new DatagramRequest<In>(
        encoded,
        { timeoutMs, signal },
        { address: this.address, retry: this.#options.retry, ports: this.#ports, over: () => this.#over(request) },
      );
      this.#pending.add(request);
      if (!this.#turns.enter(request.start)) request.fail(this.#queueFull());
      return request.reply;
    });
  }

  /**
   * Send a message once, and wait for no reply: if one comes, it is ignored. Resolves when the system has it, which promises nothing about its arrival. The message is
   * encoded now, and may change afterwards.
   *
   * @throws {@link RequestError} with the system's code if it will not look up, open or send (`ENOTFOUND`, `EMSGSIZE`, ...); `ERR_SOCKETSERVER_CONNECTION_CLOSED` if
   * the client is closed.
   * @throws `TypeError` or `RangeError` `ERR_SOCKETSERVER_INVALID_MESSAGE` if the codec cannot tell the message.
   */
  async send(message: Out): Promise<void> {
    const { bytes } = encodeRequest(message, (each) => encodeDatagram(this.codec, each), undefined);
    let socket: ConnectedSocket | undefined;
    try {
      socket = await this.#ports.oneWay.open();
      await socket.send(bytes);
    } catch (error) {
      // Of a socket that was closed meanwhile, or has failed, nobody knows what became of it.
      const sent = socket?.closed ?? false;
      if (this.#closing !== undefined) throw this.#closed("send to", sent);
      throw systemFailure("send to", { address: this.address, sent }, error);
    }
  }

  /**
   * Close every socket. What waits rejects with `ERR_SOCKETSERVER_CONNECTION_CLOSED`, and so does every later call. Idempotent; never rejects.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** {@link DatagramClient.close}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #over(request: DatagramRequest<In>): void {
    this.#pending.delete(request);
    this.#turns.leave(request.start);
  }

  async #close(): Promise<void> {
    // First: those who get a turn by the end of others find no way any more.
    const closing = this.#ports.close();
    for (const request of this.#pending) request.fail(this.#closed("ask", request.sent));
    await closing;
  }

  #closed(verb: string, sent: boolean): RequestError {
    const message = `Cannot ${verb} ${formatAddress(this.address)}: the client is closed`;
    return new RequestError(ErrorCode.connectionClosed, message, { sent });
  }

  #queueFull(): RequestError {
    const { requestQueueSize } = this.#options;
    const message = `Cannot ask ${formatAddress(this.address)}: as many requests wait as requestQueueSize allows, ${requestQueueSize}`;
    return new RequestError(ClientErrorCode.queueFull, message, { sent: false });
  }
}
