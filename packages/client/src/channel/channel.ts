import { Connection, ErrorCode, resolveOptions, show, typeError, type CloseReason } from "@socketserver/core";
import { assertCodec, type Codec } from "@socketserver/framing";

import { encodeRequest } from "../encoded-request.ts";
import { orRejected } from "../or-rejected.ts";
import { checkPatience, type Patience } from "../patience.ts";
import { pickOptions } from "../pick-options.ts";
import type { Target } from "../target.ts";
import { CONNECT_SETTING_RULES } from "../transport/connect-options.ts";
import { connect, type ConnectSettings } from "../transport/connect.ts";
import { CHANNEL_OPTION_RULES, type ChannelOptions, type ResolvedChannelOptions } from "./channel-options.ts";
import { Conversation } from "./conversation.ts";

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
 * ```ts run
 * import { Channel } from "@socketserver/client";
 * import { lines, MessageRequestHandler } from "@socketserver/framing";
 * import { serve } from "@socketserver/testing";
 *
 * class UpperHandler extends MessageRequestHandler(lines().text()) {
 *   override handleMessage(line: string): string {
 *     return line.toUpperCase();
 *   }
 * }
 *
 * await using running = await serve(UpperHandler);
 * await using channel = await Channel.connect({ host: "127.0.0.1", port: running.port }, lines().text());
 * const [one, two] = await Promise.all([channel.request("one"), channel.request("two")]);
 * console.log(one, two);
 * ```
 *
 * ```text
 * ONE TWO
 * ```
 */
export class Channel<In, Out = In> implements AsyncIterable<In>, AsyncDisposable {
  /** The connection underneath. What is read of it past this object is lost to it. */
  readonly connection: Connection;
  /** What the messages are encoded with. */
  readonly codec: Codec<In, Out>;
  /** @internal For the package itself. */
  readonly conversation: Conversation<In>;
  readonly #correlateBy: ResolvedChannelOptions["correlateBy"];

  /**
   * Speak in messages over a connection that is there already, and was not read as yet. The channel closes it.
   *
   * @throws `TypeError` `ERR_SOCKETSERVER_INVALID_ARGUMENT` about what is no connection or no codec; `TypeError` or `RangeError`
   * `ERR_SOCKETSERVER_INVALID_OPTION` that shows the value.
   */
  constructor(connection: Connection, codec: Codec<In, Out>, options: ChannelOptions<In, Out> = {}) {
    assertConnection(connection);
    assertCodec(codec);
    const resolved = resolveOptions(CHANNEL_OPTION_RULES, options, "", "channel") as unknown as ResolvedChannelOptions;
    this.connection = connection;
    this.codec = codec;
    this.conversation = new Conversation(connection, codec, resolved);
    this.#correlateBy = resolved.correlateBy;
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
      channel.conversation.begin();
      return channel;
    } catch (error) {
      // A codec that makes no decoder: whoever called gets nothing that he could close.
      connection.abort();
      throw error;
    }
  }

  /** Whether messages can still come and go. */
  get open(): boolean {
    return this.conversation.open;
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
   * @throws `RequestError` `ERR_SOCKETSERVER_REQUEST_TIMEOUT`; `ERR_SOCKETSERVER_QUEUE_FULL`; the code of what ended the connection before the reply came
   * (`ERR_SOCKETSERVER_INCOMPLETE_READ` if the server ended it, `ERR_SOCKETSERVER_CONNECTION_CLOSED` if this side did, `ECONNRESET`, ...). `sent` tells whether the
   * server may have got it.
   * @throws `RequestError` `ERR_SOCKETSERVER_OUT_OF_STEP`, without ids, after a message that nobody had asked for, and that nobody receives.
   * @throws `ProtocolError` if the reply is no message; with ids nobody knows whose reply that is, and the connection ends. `TypeError` or `RangeError` `ERR_SOCKETSERVER_INVALID_MESSAGE` if the request is none, or its id is in use;
   * the reason of the signal.
   */
  request(message: Out, patience: Patience = {}): Promise<In> {
    return orRejected(() => {
      checkPatience(patience, "Cannot request");
      const request = encodeRequest(message, (each) => this.codec.encode(each), this.#correlateBy);
      return this.conversation.ask(request, patience);
    });
  }

  /**
   * Send a message to which no reply comes; resolves when it has left, behind the messages before it, and there is room for more.
   *
   * @param patience - `timeoutMs` is `requestTimeoutMs` unless given.
   * @throws `RequestError` `ERR_SOCKETSERVER_REQUEST_TIMEOUT` if that takes too long; otherwise as `request()` does.
   */
  send(message: Out, patience: Patience = {}): Promise<void> {
    return orRejected(() => {
      checkPatience(patience, "Cannot send");
      const { bytes } = encodeRequest(message, (each) => this.codec.encode(each), undefined);
      return this.conversation.tell(bytes, patience);
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
    return this.conversation.receive(patience);
  }

  /** The messages that come and are no replies, until the server ends its side; rejects as `receive()` does. Leaving the loop early closes nothing. */
  async *[Symbol.asyncIterator](): AsyncGenerator<In, void, void> {
    for (let message = await this.receive(); message !== undefined; message = await this.receive()) yield message;
  }

  /**
   * End our side behind everything that was sent, and close the connection as its `close()` does, which waits up to `lingerMs` for the server to end its side. Whoever
   * waits, for a reply or to send, is rejected; a rejection that nobody handles does no harm then. Idempotent; never rejects.
   */
  close(): Promise<void> {
    return this.conversation.close();
  }

  /** Reset the connection now: what is pending is lost, and the server sees it. Idempotent. */
  abort(): void {
    this.conversation.abort();
  }

  /** {@link Channel.close}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

function assertConnection(connection: unknown): void {
  if (connection instanceof Connection) return;
  throw typeError(
    ErrorCode.invalidArgument,
    `Cannot create channel: connection must be a Connection, received ${show(connection)}`,
  );
}
