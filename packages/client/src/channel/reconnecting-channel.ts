import {
  ErrorCode,
  GuardedEmitter,
  PeerError,
  SocketServerError,
  resolveOptions,
  show,
  typeError,
} from "@socketserver/core";
import { assertCodec, type Codec } from "@socketserver/framing";

import { checkBackoff } from "../backoff.ts";
import { ClientErrorCode } from "../client-error-code.ts";
import { encodeRequest } from "../encoded-request.ts";
import { lastTurns } from "../last-turns.ts";
import { checkPatience, type Patience } from "../patience.ts";
import { orRejected } from "../or-rejected.ts";
import { pickOptions } from "../pick-options.ts";
import { Queue } from "../queue.ts";
import { RequestError } from "../request-error.ts";
import { resolveTargets, type Target } from "../target.ts";
import {
  CONNECT_OPTION_RULES,
  type ConnectOptions,
  type ResolvedConnectOptions,
} from "../transport/connect-options.ts";
import type { ReconnectingChannelEvents } from "./channel-events.ts";
import { CHANNEL_OPTION_RULES, type ChannelOptions, type ResolvedChannelOptions } from "./channel-options.ts";
import { ChannelState } from "./channel-state.ts";
import { Channel, type ChannelSettings } from "./channel.ts";
import { RECONNECT_OPTION_RULES, type ReconnectOptions, type ResolvedReconnectOptions } from "./reconnect-options.ts";
import { LOST } from "./reconnecting-call.ts";
import { ReconnectingCalls } from "./reconnecting-calls.ts";
import { Reconnector, type ChannelMaker } from "./reconnector.ts";
import { runSetup } from "./run-setup.ts";

/** How to connect, how to ask and listen, and when to connect again. All of it is plain data. */
export type ReconnectingChannelOptions<In, Out> = ConnectOptions & ChannelOptions<In, Out> & ReconnectOptions;

/** How a request is made. */
export interface RequestOptions extends Patience {
  /**
   * Whether the server may get the request twice without harm. Then it is sent again if the connection is lost before its reply came; else it is rejected, because nobody
   * knows what became of it.
   * @defaultValue false
   */
  readonly idempotent?: boolean;
}

const ALL_RULES = { ...CONNECT_OPTION_RULES, ...CHANNEL_OPTION_RULES, ...RECONNECT_OPTION_RULES };

/**
 * A {@link Channel} that comes back: when its connection is lost, it makes another one, after pauses that grow.
 *
 * It connects when it is first used. Every request is answered or rejected, once, whatever becomes of the connections. What was not sent as yet waits for the next one;
 * what was sent is rejected (`sent` is true), unless it was said to be idempotent. A message of `send()` that has left may be lost with its connection.
 *
 * Override `setup()` for what each new connection begins with. Whoever makes the channel closes it: use `await using`.
 *
 * @typeParam In - What comes.
 * @typeParam Out - What can be sent.
 * @see {@link https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/ | Timeouts, retries and backoff with jitter}
 *
 * @example
 * ```ts run
 * import { ReconnectingChannel } from "@socketserver/client";
 * import { lines, MessageRequestHandler } from "@socketserver/framing";
 * import { serve } from "@socketserver/testing";
 *
 * class GreedyHandler extends MessageRequestHandler(lines().text()) {
 *   // One answer for each connection: the next request needs another one.
 *   override async handle(): Promise<void> {
 *     await this.send(`hello ${(await this.receive()) ?? "nobody"}`);
 *   }
 * }
 *
 * await using running = await serve(GreedyHandler);
 * await using channel = new ReconnectingChannel({ host: "127.0.0.1", port: running.port }, lines().text());
 * channel.on("disconnected", ({ error }) => console.log("disconnected:", error?.message ?? "the server left"));
 * console.log(await channel.request("one", { idempotent: true }));
 * console.log(await channel.request("two", { idempotent: true }));
 * ```
 *
 * ```text
 * hello one
 * disconnected: the server left
 * hello two
 * disconnected: the server left
 * ```
 */
export class ReconnectingChannel<In, Out = In>
  extends GuardedEmitter<ReconnectingChannelEvents>
  implements AsyncIterable<In>, AsyncDisposable
{
  /** What the messages are encoded with. */
  readonly codec: Codec<In, Out>;
  readonly #target: Target | readonly Target[];
  readonly #connecting: ResolvedConnectOptions;
  readonly #options: ResolvedChannelOptions;
  readonly #reconnecting: ResolvedReconnectOptions;
  readonly #reconnector: Reconnector<In, Out>;
  readonly #calls: ReconnectingCalls<Channel<In, Out>>;
  #state: ChannelState = ChannelState.idle;
  /** Messages of lost connections that were not received. */
  readonly #rest = new Queue<In>();
  #receiving = false;
  #expectsMessages = false;
  /** What has made it give up. */
  #failure: RequestError | undefined;
  #closing: Promise<void> | undefined;

  /**
   * Remembers where to connect to, and checks everything; nothing is opened.
   *
   * @throws `TypeError` or `RangeError` `ERR_SOCKETSERVER_INVALID_ADDRESS`, `ERR_SOCKETSERVER_INVALID_OPTION`, `ERR_SOCKETSERVER_INVALID_ARGUMENT` that shows the value.
   */
  constructor(
    target: Target | readonly Target[],
    codec: Codec<In, Out>,
    options: ReconnectingChannelOptions<In, Out> = {},
  ) {
    super();
    this.#target = resolveTargets(target);
    assertCodec(codec);
    this.codec = codec;
    const resolved = resolveOptions(ALL_RULES, options, "", "channel");
    this.#connecting = pickOptions(resolved, CONNECT_OPTION_RULES) as unknown as ResolvedConnectOptions;
    this.#options = pickOptions(resolved, CHANNEL_OPTION_RULES) as unknown as ResolvedChannelOptions;
    this.#reconnecting = pickOptions(resolved, RECONNECT_OPTION_RULES) as unknown as ResolvedReconnectOptions;
    checkBackoff(this.#reconnecting.backoff, "channel", "backoff");
    this.#calls = new ReconnectingCalls(this.#options.requestQueueSize, () => this.#reconnector.start());
    const maker: ChannelMaker<In, Out> = {
      connect: (signal) => this.#connect(signal),
      setUp: (channel, signal) => {
        const timeoutMs = this.#connecting.connectTimeoutMs;
        return runSetup(channel, async (each) => this.setup(each), { timeoutMs, signal });
      },
      shouldReconnect: (error) => this.shouldReconnect(error),
    };
    this.#reconnector = new Reconnector(maker, this.#reconnecting, {
      connecting: (info) => this.#enter(ChannelState.connecting, () => this.emit("connecting", info)),
      connected: (channel, info) => {
        this.#use(channel);
        this.#enter(ChannelState.connected, () => this.emit("connected", info));
      },
      lost: (channel) => this.#lose(channel),
      disconnected: (info) => this.emit("disconnected", info),
      waiting: (info) => {
        this.#calls.failed(info.error);
        this.#enter(ChannelState.waiting, () => this.emit("waiting", info));
      },
      gaveUp: (why, error) => this.#giveUp(why, error),
    });
  }

  /** Where it is: see {@link ChannelState}. */
  get state(): ChannelState {
    return this.#state;
  }

  /**
   * Connect now, and not at the first use; resolves when there is a connection and its `setup()` has ended.
   *
   * @param patience - `timeoutMs` is `Infinity` unless given: attempts go on.
   * @throws {@link RequestError} `ERR_SOCKETSERVER_CONNECT_TIMEOUT`; `ERR_SOCKETSERVER_RECONNECT_FAILED` after `maxAttempts`, with the last error as its `cause`;
   * `ERR_SOCKETSERVER_CONNECTION_CLOSED` if this side closes it; the reason of the signal.
   */
  connect(patience: Patience = {}): Promise<void> {
    return orRejected(() => {
      checkPatience(patience, "Cannot connect");
      const { timeoutMs = Infinity, signal } = patience;
      const problem = `Cannot connect: there was no connection within ${timeoutMs} ms`;
      return this.#calls.call<void>({
        attempt: () => Promise.resolve(),
        // A connection that came about while this process was held up is in time.
        confirm: lastTurns,
        timedOut: () => this.#calls.timedOut(ClientErrorCode.connectTimeout, problem, false),
        timeoutMs,
        signal,
        resends: 0,
        bounded: false,
      });
    });
  }

  /**
   * Send a request, and wait for its reply, however many connections that takes; see {@link Channel.request}.
   *
   * @throws as `Channel.request()` does, and {@link RequestError} `ERR_SOCKETSERVER_RECONNECT_FAILED`. `sent` tells whether the server may have got it, over any connection.
   */
  request(message: Out, options: RequestOptions = {}): Promise<In> {
    return orRejected(() => {
      checkPatience(options, "Cannot request", ["idempotent"]);
      const { idempotent = false, timeoutMs = this.#options.requestTimeoutMs, signal } = options;
      checkIdempotent(idempotent);
      const request = encodeRequest(message, (each) => this.codec.encode(each), this.#options.correlateBy);
      const problem = `Cannot request: no reply came within ${timeoutMs} ms`;
      const resends = idempotent ? this.#reconnecting.maxResends : 0;
      return this.#calls.call<In>({
        attempt: (channel, turn) => channel.conversation.ask(request, turn),
        timedOut: (sent) => this.#calls.timedOut(ClientErrorCode.requestTimeout, problem, sent),
        timeoutMs,
        signal,
        resends,
        bounded: true,
      });
    });
  }

  /**
   * Send a message to which no reply comes; resolves when it has left over a connection, which may then still be lost.
   *
   * @throws as `request()` does.
   */
  send(message: Out, patience: Patience = {}): Promise<void> {
    return orRejected(() => {
      checkPatience(patience, "Cannot send");
      const { timeoutMs = this.#options.requestTimeoutMs, signal } = patience;
      const { bytes } = encodeRequest(message, (each) => this.codec.encode(each), undefined);
      const problem = `Cannot send: the message did not leave within ${timeoutMs} ms`;
      return this.#calls.call<void>({
        attempt: (channel, turn) => channel.conversation.tell(bytes, turn),
        timedOut: (sent) => this.#calls.timedOut(ClientErrorCode.requestTimeout, problem, sent),
        timeoutMs,
        signal,
        resends: 0,
        bounded: true,
      });
    });
  }

  /**
   * Wait for the next message that is no reply, over whatever connection it comes; undefined after this side has closed the channel. One receiver at a time. Of messages
   * that were left over by lost connections the last `inboxSize` are kept.
   *
   * @param patience - `timeoutMs` is `idleTimeoutMs` unless given.
   * @throws `PeerError` `ERR_SOCKETSERVER_IDLE_TIMEOUT` if none comes in time; {@link RequestError} `ERR_SOCKETSERVER_RECONNECT_FAILED`; `ProtocolError` for what is no
   * message; `SocketServerError` `ERR_SOCKETSERVER_CONCURRENT_READ`; the reason of the signal.
   */
  async receive(patience: Patience = {}): Promise<In | undefined> {
    checkPatience(patience, "Cannot receive");
    if (this.#receiving) {
      const problem = "Cannot receive: another receive() of this channel is waiting";
      throw new SocketServerError(ErrorCode.concurrentRead, problem);
    }
    this.#receiving = true;
    try {
      return await this.#receive(patience);
    } finally {
      this.#receiving = false;
    }
  }

  /**
   * The messages that come and are no replies, over all connections, until this side closes the channel; rejects as `receive()` does, after `idleTimeoutMs` without one too.
   * Leaving the loop early closes nothing.
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<In, void, void> {
    for (let message = await this.receive(); message !== undefined; message = await this.receive()) yield message;
  }

  /** Close the connection as {@link Channel.close} does, and make no other one. Whoever waits is rejected; resolves when nothing is left. Idempotent; never rejects. */
  close(): Promise<void> {
    return this.#close(undefined);
  }

  /** {@link ReconnectingChannel.close}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /**
   * What each new connection begins with: to log in, to subscribe again. Requests of others wait until it has ended; `channel` is for this connection alone, and closed by
   * the framework. Use that, and not `this`, whose requests wait for the end of it; a server that greets has to be heard here, with `channel.receive()`. If it throws, or
   * takes longer than `connectTimeoutMs`, the attempt has failed.
   */
  protected setup(_channel: Channel<In, Out>): void | Promise<void> {
    // Most protocols begin with nothing.
  }

  /**
   * Whether to try again after an attempt that failed, or a connection that was lost: true unless overridden. If it is not, all that waits is rejected with
   * `ERR_SOCKETSERVER_RECONNECT_FAILED` and this error as its `cause`, and the channel is closed.
   *
   * @param _error - What went wrong, that of `setup()` too; undefined if the server ended the connection in order.
   */
  protected shouldReconnect(_error: Error | undefined): boolean {
    return true;
  }

  /** A listener threw, or rejected: that is an error which nobody caught, as with the listeners of any `EventTarget`. */
  protected override listenerFailed(_event: string | symbol, error: unknown): void {
    process.nextTick(() => {
      throw error;
    });
  }

  async #receive({ timeoutMs = this.#connecting.idleTimeoutMs, signal }: Patience): Promise<In | undefined> {
    this.#expectsMessages = true;
    this.#calls.current?.conversation.expectMessages();
    if (this.#rest.length > 0) return this.#rest.shift();
    const problem = `Cannot receive: no message came within ${timeoutMs} ms`;
    try {
      return await this.#calls.call<In>({
        attempt: (channel, patience) => receiveUnlessLost(channel, patience),
        timedOut: () => new PeerError(ErrorCode.idleTimeout, problem),
        timeoutMs,
        signal,
        resends: 0,
        bounded: false,
      });
    } catch (error) {
      if (this.#state === ChannelState.closed && this.#failure === undefined) return undefined;
      throw error;
    }
  }

  #connect(signal: AbortSignal): Promise<Channel<In, Out>> {
    const settings = { ...this.#connecting, ...this.#options, signal } as ChannelSettings<In, Out>;
    return Channel.connect(this.#target, this.codec, settings);
  }

  #use(channel: Channel<In, Out>): void {
    if (this.#expectsMessages) channel.conversation.expectMessages();
    this.#calls.use(channel);
  }

  #lose(channel: Channel<In, Out>): void {
    this.#enter(ChannelState.waiting, () => undefined);
    this.#calls.lose(channel);
    for (const message of channel.conversation.takeRest()) this.#rest.push(message);
    while (this.#rest.length > this.#options.inboxSize) this.#rest.shift();
  }

  #enter(state: ChannelState, tell: () => void): void {
    if (this.#state === ChannelState.closed) return;
    this.#state = state;
    tell();
  }

  #giveUp(why: string, cause: Error | undefined): void {
    const problem = `Cannot connect: ${why}${cause === undefined ? "" : `; the last error: ${cause.message}`}`;
    this.#failure = new RequestError(ClientErrorCode.reconnectFailed, problem, { cause, sent: false });
    void this.#close(this.#failure);
  }

  #close(failure: RequestError | undefined): Promise<void> {
    this.#state = ChannelState.closed;
    if (this.#closing === undefined) {
      // Known before it begins: a listener that hears of it may call this again.
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#closing = promise;
      void this.#stop(failure).then(resolve);
    }
    return this.#closing;
  }

  async #stop(failure: RequestError | undefined): Promise<void> {
    this.#calls.close(failure);
    await this.#reconnector.stop();
    this.emit("close", failure);
  }
}

/** What a receiver has to know of a connection that is lost is told by an event: he waits for the next one. */
async function receiveUnlessLost<In>(channel: Channel<In, never>, patience: Patience): Promise<In | typeof LOST> {
  try {
    return (await channel.conversation.receive(patience)) ?? LOST;
  } catch (error) {
    if (channel.open || patience.signal?.aborted === true) throw error;
    return LOST;
  }
}

function checkIdempotent(idempotent: unknown): void {
  if (typeof idempotent === "boolean") return;
  throw typeError(
    ErrorCode.invalidArgument,
    `Cannot request: idempotent must be true or false, received ${show(idempotent)}`,
  );
}
