import { CloseReason, Connection, ErrorCode, PeerError, resolveOptions, show, typeError } from "@socketserver/core";
import { MessageStream, assertCodec, type Codec } from "@socketserver/framing";

import { ClientErrorCode } from "../client-error-code.ts";
import { codeOf } from "../code-of.ts";
import { idFields } from "../correlation.ts";
import { encodeRequest, type EncodedRequest } from "../encoded-request.ts";
import { checkPatience, type Patience } from "../patience.ts";
import { orRejected } from "../or-rejected.ts";
import { pickOptions } from "../pick-options.ts";
import { RequestError } from "../request-error.ts";
import type { Target } from "../target.ts";
import { CONNECT_SETTING_RULES } from "../transport/connect-options.ts";
import { connect, type ConnectSettings } from "../transport/connect.ts";
import { Waiter } from "../waiter.ts";
import type { ChannelEnd } from "./channel-end.ts";
import { CHANNEL_OPTION_RULES, type ChannelOptions, type ResolvedChannelOptions } from "./channel-options.ts";
import { Inbox } from "./inbox.ts";
import { Outgoing, type OutgoingMessage } from "./outgoing.ts";
import type { PendingReplies, PendingReply } from "./pending-reply.ts";
import { Reading } from "./reading.ts";
import { RepliesById } from "./replies-by-id.ts";
import { RepliesInOrder } from "./replies-in-order.ts";

/** How to connect a channel, and how it asks and listens. */
export type ChannelSettings<In, Out> = ConnectSettings & ChannelOptions<In, Out>;

/**
 * A connection that speaks in messages: `request()` and its reply, `send()` without one, `receive()` for what the server says by itself.
 *
 * Messages leave in the order of the calls. The channel closes its connection: when it is closed itself, when the server ends its side, and when what comes is no
 * message. Use `await using`.
 *
 * @typeParam In - What comes.
 * @typeParam Out - What can be sent.
 *
 * @example
 * ```ts
 * import { Channel } from "@socketserver/client";
 * import { lines } from "@socketserver/framing";
 *
 * await using channel = await Channel.connect({ host: "127.0.0.1", port: 5057 }, lines().text());
 * const [one, two] = await Promise.all([channel.request("one"), channel.request("two")]);
 * console.log(one, two);
 * ```
 */
export class Channel<In, Out = In> implements AsyncIterable<In>, AsyncDisposable {
  /** The connection underneath. What is read of it past this object is lost to it. */
  readonly connection: Connection;
  /** What the messages are encoded with. */
  readonly codec: Codec<In, Out>;
  readonly #options: ResolvedChannelOptions;
  readonly #replies: PendingReplies<In>;
  readonly #outgoing: Outgoing;
  readonly #inbox: Inbox<In>;
  readonly #reading: Reading<In>;
  readonly #idleTimeoutMs: number;
  #end: ChannelEnd | undefined;
  #onEnd: ((end: ChannelEnd) => void) | undefined;
  #closing: Promise<void> | undefined;

  /**
   * Speak in messages over a connection that is there already, and was not read as yet. The channel closes it.
   *
   * @throws `TypeError` `ERR_SOCKETSERVER_INVALID_ARGUMENT` about what is no connection or no codec; `TypeError` or `RangeError`
   * `ERR_SOCKETSERVER_INVALID_OPTION` that shows the value.
   */
  constructor(connection: Connection, codec: Codec<In, Out>, options: ChannelOptions<In, Out> = {}) {
    assertConnection(connection);
    assertCodec(codec);
    this.#options = resolveOptions(CHANNEL_OPTION_RULES, options, "", "channel") as unknown as ResolvedChannelOptions;
    const { correlateBy, maxPipelinedRequests, requestQueueSize, inboxSize } = this.#options;
    this.connection = connection;
    this.codec = codec;
    this.#replies = correlateBy === undefined ? new RepliesInOrder() : new RepliesById(idFields(correlateBy));
    const mayAsk = (): boolean => this.#replies.outstanding < maxPipelinedRequests;
    this.#outgoing = new Outgoing(connection, requestQueueSize, mayAsk, (cause) => this.#ended(cause));
    this.#inbox = new Inbox(inboxSize);
    this.#reading = new Reading(new MessageStream(connection, codec), this.#replies, this.#inbox, {
      answered: () => this.#outgoing.flush(),
      ended: (cause) => this.#ended(cause),
    });
    this.#idleTimeoutMs = connection.idleTimeoutMs;
  }

  /**
   * Connect to a server, and speak in messages. Whoever calls it closes the channel.
   *
   * @throws as `connect()` does, and as the constructor does.
   */
  static async connect<In, Out>(
    target: Target | readonly Target[],
    codec: Codec<In, Out>,
    settings: ChannelSettings<In, Out> = {},
  ): Promise<Channel<In, Out>> {
    assertCodec(codec);
    const rules = { ...CONNECT_SETTING_RULES, ...CHANNEL_OPTION_RULES };
    const resolved = resolveOptions(rules, settings, "", "channel");
    const connection = await connect(target, pickOptions(resolved, CONNECT_SETTING_RULES));
    try {
      const channel = new Channel(connection, codec, pickOptions(resolved, CHANNEL_OPTION_RULES));
      channel.#reading.begin();
      return channel;
    } catch (error) {
      // A codec that makes no decoder: whoever called gets nothing that he could close.
      connection.abort();
      throw error;
    }
  }

  /** Whether messages can still come and go. */
  get open(): boolean {
    return this.#end === undefined && !this.connection.destroyed;
  }

  /** Why the connection is closed, or undefined while it is open. */
  get closeReason(): CloseReason | undefined {
    return this.connection.closeReason;
  }

  /** Resolves with the reason when the connection is closed; never rejects. */
  get closed(): Promise<CloseReason> {
    return this.connection.closed;
  }

  /**
   * Send a request, and wait for its reply.
   *
   * A request that is given up, for its time or by its signal, is not sent if it still waits; else its reply is passed over when it comes.
   *
   * @throws {@link RequestError} `ERR_SOCKETSERVER_REQUEST_TIMEOUT`; `ERR_SOCKETSERVER_QUEUE_FULL`; the code of what ended the connection before the reply came
   * (`ERR_SOCKETSERVER_INCOMPLETE_READ` if the server ended it, `ERR_SOCKETSERVER_CONNECTION_CLOSED` if this side did, `ECONNRESET`, ...). `sent` tells whether the
   * server may have got it.
   * @throws {@link RequestError} `ERR_SOCKETSERVER_OUT_OF_STEP`, without ids, after a message that nobody had asked for, and that nobody receives.
   * @throws `ProtocolError` if the reply is no message; `TypeError` or `RangeError` `ERR_SOCKETSERVER_INVALID_MESSAGE` if the request is none, or its id is in use;
   * the reason of the signal.
   */
  request(message: Out, patience: Patience = {}): Promise<In> {
    return orRejected(() => {
      checkPatience(patience, "Cannot request");
      return this.ask(
        encodeRequest(message, (each) => this.codec.encode(each), this.#options.correlateBy),
        patience,
      );
    });
  }

  /**
   * Send a message to which no reply comes; resolves when it has left, behind the messages before it, and there is room for more.
   *
   * @param patience - `timeoutMs` is `requestTimeoutMs` unless given.
   * @throws {@link RequestError} `ERR_SOCKETSERVER_REQUEST_TIMEOUT` if that takes too long; otherwise as `request()` does.
   */
  send(message: Out, patience: Patience = {}): Promise<void> {
    return orRejected(() => {
      checkPatience(patience, "Cannot send");
      return this.tell(this.codec.encode(message), patience);
    });
  }

  /**
   * Wait for the next message that is no reply; undefined at the end of the stream, and after this side has closed it. One receiver at a time.
   *
   * @param patience - `timeoutMs` is the `idleTimeoutMs` that the connection was given unless given here.
   * @throws `PeerError` `ERR_SOCKETSERVER_IDLE_TIMEOUT` if none comes in time; whatever broke the connection; `ProtocolError` for what is no message;
   * `SocketServerError` `ERR_SOCKETSERVER_CONCURRENT_READ`; the reason of the signal.
   */
  async receive(patience: Patience = {}): Promise<In | undefined> {
    checkPatience(patience, "Cannot receive");
    this.#reading.begin();
    const { timeoutMs = this.#idleTimeoutMs } = patience;
    const problem = `Cannot receive: no message came within ${timeoutMs} ms`;
    const surroundings = { timedOut: () => new PeerError(ErrorCode.idleTimeout, problem), confirm: this.#confirm };
    return this.#inbox.receive({ ...patience, timeoutMs }, surroundings);
  }

  /** The messages that come and are no replies, until the server ends its side. Leaving the loop early closes nothing. */
  async *[Symbol.asyncIterator](): AsyncGenerator<In, void, void> {
    for (let message = await this.receive(); message !== undefined; message = await this.receive()) yield message;
  }

  /**
   * End our side behind everything that was sent, and close the connection as its `close()` does, which waits up to `lingerMs` for the server to end its side. Whoever
   * waits, for a reply or to send, is rejected; a rejection that nobody handles does no harm then. Idempotent; never rejects.
   */
  close(): Promise<void> {
    this.#finish({ code: ErrorCode.connectionClosed, why: "this side closed the channel" });
    this.#closing ??= this.connection.close();
    return this.#closing;
  }

  /** Reset the connection now: what is pending is lost, and the server sees it. Idempotent. */
  abort(): void {
    this.#finish({ code: ErrorCode.connectionClosed, why: "this side aborted the channel" });
    this.connection.abort();
  }

  /** {@link Channel.close}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  // For the package itself.

  /** @internal Send a request that is encoded already; see `request()`. */
  ask({ bytes, id }: EncodedRequest, patience: Patience): Promise<In> {
    this.#requireStep();
    const timeoutMs = patience.timeoutMs ?? this.#options.requestTimeoutMs;
    const waiter: Waiter<In> = new Waiter(
      { ...patience, timeoutMs },
      {
        timedOut: () => timedOut("Cannot request: no reply came", timeoutMs, pending.sent),
        gaveUp: () => {
          this.#replies.abandon(pending);
          this.#outgoing.remove(message);
        },
        // To what was not sent no reply can be here.
        confirm: (callback) => (pending.sent ? this.#confirm(callback) : callback()),
      },
    );
    const pending: PendingReply<In> = { waiter, id, sent: false };
    const message: OutgoingMessage = {
      bytes,
      isRequest: true,
      left: () => {
        pending.sent = true;
        this.#replies.sent(pending);
      },
      failed: (cause) => {
        this.#replies.abandon(pending);
        waiter.reject(this.#lost("Cannot request", false, cause));
      },
    };
    try {
      this.#replies.add(pending);
      this.#put(message);
    } catch (error) {
      this.#replies.abandon(pending);
      waiter.reject(error);
    }
    return waiter.promise;
  }

  /** @internal Send a message that is encoded already; see `send()`. */
  tell(bytes: Uint8Array, patience: Patience): Promise<void> {
    const timeoutMs = patience.timeoutMs ?? this.#options.requestTimeoutMs;
    let sent = false;
    const waiter: Waiter<void> = new Waiter(
      { ...patience, timeoutMs },
      {
        timedOut: () => timedOut("Cannot send: there was no room", timeoutMs, sent),
        gaveUp: () => this.#outgoing.remove(message),
      },
    );
    const message: OutgoingMessage = {
      bytes,
      isRequest: false,
      left: () => {
        sent = true;
      },
      hasRoom: () => waiter.resolve(),
      failed: (cause) => waiter.reject(this.#lost("Cannot send", sent, cause)),
    };
    try {
      this.#put(message);
    } catch (error) {
      waiter.reject(error);
    }
    return waiter.promise;
  }

  /** @internal Call back when nothing more will come; at once if that is so. The last one who asks is called. */
  onEnd(listener: (end: ChannelEnd) => void): void {
    if (this.#end === undefined) this.#onEnd = listener;
    else listener(this.#end);
  }

  /** @internal Somebody is going to receive what the server says by itself. */
  expectMessages(): void {
    this.#inbox.asked = true;
  }

  /** @internal Take what has come and was not received. */
  takeRest(): readonly In[] {
    return this.#inbox.takeAll();
  }

  #put(message: OutgoingMessage): void {
    this.#reading.begin();
    if (this.#end !== undefined) throw this.#lost(message.isRequest ? "Cannot request" : "Cannot send", false);
    if (this.#outgoing.add(message)) return;
    const { requestQueueSize } = this.#options;
    const problem = `Cannot send: ${requestQueueSize} messages wait already (requestQueueSize)`;
    throw new RequestError(ClientErrorCode.queueFull, problem, { sent: false });
  }

  /** A reply that nobody asked for would be taken for that to the next request, and all after it for those to others. */
  #requireStep(): void {
    if (this.#options.correlateBy !== undefined || this.#inbox.asked || this.#inbox.length === 0) return;
    const why =
      "the server sent a message that nobody asked for; receive() what it says by itself before the first request";
    const cause = new PeerError(ClientErrorCode.outOfStep, `Cannot request: ${why}`);
    this.#fail(cause, why);
  }

  #ended(cause: Error | undefined): void {
    if (cause !== undefined) {
      this.#fail(cause, `the connection is lost (${codeOf(cause) ?? cause.message})`);
      return;
    }
    // Whoever has the connection may have closed it past this object.
    const closedHere = this.connection.inbound.unwanted;
    if (closedHere) this.#finish({ code: ErrorCode.connectionClosed, why: "this side closed the connection" });
    else this.#finish({ code: ErrorCode.incompleteRead, why: "the server ended the connection" });
    this.#closing ??= this.connection.close();
  }

  #fail(cause: Error, why: string): void {
    this.#finish({ code: codeOf(cause) ?? ErrorCode.protocol, why, cause });
    // Does nothing if the connection is gone already.
    this.connection.cut(reasonOf(cause));
  }

  #finish(end: ChannelEnd): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    for (const { waiter, sent } of this.#replies.clear()) {
      if (sent) waiter.reject(this.#lost("Cannot request", true));
    }
    // Then those that were not sent, whether they expect a reply or not: who goes on elsewhere, goes on in the order of the calls.
    this.#outgoing.fail();
    this.#inbox.end(end.cause);
    this.#onEnd?.(end);
  }

  #lost(problem: string, sent: boolean, cause?: Error): RequestError {
    const broken = { code: codeOf(cause) ?? ErrorCode.connectionClosed, why: "the connection is lost", cause };
    const { code, why, ...end } = this.#end ?? broken;
    return new RequestError(code, `${problem}: ${why}`, { sent, cause: end.cause });
  }

  /** A reply that is here already, and was not looked at, is in time. */
  readonly #confirm = (callback: () => void): void => this.connection.afterArrivals(callback);
}

function reasonOf(cause: Error): CloseReason {
  if (!(cause instanceof PeerError)) return CloseReason.aborted;
  if (cause.code === ErrorCode.slowSender) return CloseReason.slowSender;
  return cause.code === ErrorCode.tooBig ? CloseReason.tooBig : CloseReason.protocol;
}

function timedOut(problem: string, timeoutMs: number, sent: boolean): RequestError {
  return new RequestError(ClientErrorCode.requestTimeout, `${problem} within ${timeoutMs} ms`, { sent });
}

function assertConnection(connection: unknown): void {
  if (connection instanceof Connection) return;
  throw typeError(
    ErrorCode.invalidArgument,
    `Cannot create channel: connection must be a Connection, received ${show(connection)}`,
  );
}
