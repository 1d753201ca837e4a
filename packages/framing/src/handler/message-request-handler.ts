import {
  BaseRequestHandler,
  Connection,
  ErrorCode,
  integer,
  typeError,
  type BaseServer,
  type Datagram,
} from "@socketserver/core";

import { assertCodec, type Codec } from "../codec.ts";
import { ProtocolError } from "../protocol-error.ts";
import { ConcurrentMessages } from "./concurrent-messages.ts";
import { MessageDatagram } from "./message-datagram.ts";
import type { MessageExchange } from "./message-exchange.ts";
import { MessageStream } from "./message-stream.ts";

/** What `handleMessage()` answers: a reply, or nothing. */
export type Reply<Out> = Out | undefined | void;

/** Messages that come and messages that go: what a handler of messages offers its subclass. */
export interface Messages<In, Out> {
  /** The messages that come, until the peer ends its side or the server drains between two of them. */
  readonly messages: AsyncIterable<In>;
  /** Wait for the next message; undefined at the end. */
  receive(): Promise<In | undefined>;
  /** Send a message. */
  send(message: Out): Promise<void>;
}

const CONCURRENCY = integer({ defaultValue: 1, min: 1 });

/**
 * Handles messages instead of bytes: the base of what {@link MessageRequestHandler} gives you to extend.
 *
 * Write `handleMessage()`, which is called for each message and whose answer is the reply; or `handle()`, with a loop over `this.messages`. It works on
 * TCP and Unix sockets, in threads and processes, and on datagrams, each of which is one message.
 *
 * A subclass that overrides `setup()` calls `super`'s.
 *
 * @typeParam In - What comes.
 * @typeParam Out - What can be sent.
 * @typeParam Server - The class of `this.server`.
 */
export class BaseMessageHandler<In, Out, Server extends BaseServer = BaseServer>
  extends BaseRequestHandler<Server, Connection | Datagram>
  implements Messages<In, Out>
{
  /** What the messages are encoded with, to begin with. A subclass may have another one for the same messages. */
  declare readonly codec: Codec<In, Out>;

  /**
   * Messages of this connection that are handled at once, an integer >= 1. With 1 a message waits until the one before it is handled and its reply sent.
   * With more, a failure ends the connection when the replies before it are sent, or those under way if they have no order; a wrong message waits for all before it.
   * @defaultValue 1
   */
  maxConcurrentMessages = 1;

  /**
   * Whether replies leave in the order of their messages when several are handled at once. If not, each leaves when it is ready, and must tell what it answers.
   * @defaultValue true
   */
  repliesInOrder = true;

  /**
   * Send small writes at once (TCP_NODELAY). Replies are collected before they are sent, so that waiting for more to fill a packet would only delay them.
   * @defaultValue true
   */
  disableNagleAlgorithm = true;

  #exchange: MessageExchange<In, Out> | undefined;
  #atOnce: ConcurrentMessages<In, Reply<Out>> | undefined;

  /**
   * Handle one message. What is returned is sent as the reply, unless it is undefined; for more replies than one there is `send()`.
   *
   * What it throws ends the connection, as in `handle()`.
   */
  handleMessage(_message: In): Reply<Out> | Promise<Reply<Out>> {
    throw typeError(
      ErrorCode.invalidHandler,
      `Cannot run ${this.constructor.name}: it must have a method handleMessage() or handle()`,
    );
  }

  /**
   * Called when the peer sent something that is no message, or too long, or ended in the middle of one.
   *
   * To close the connection, throw the error, as this method does unless overridden: the close reason is then `too-big` or `protocol`. To go on behind
   * the wrong message, return. If its end is not known (`error.skippable` is false) the connection is closed all the same. Either way an answer may be
   * sent before. Nothing is printed; `requestError` is emitted if the connection is closed.
   */
  handleProtocolError(error: ProtocolError): void | Promise<void> {
    throw error;
  }

  /** The connection: the same as `request`. A datagram has none: asking for it throws a `TypeError`. */
  get connection(): Connection {
    if (this.request instanceof Connection) return this.request;
    throw typeError(
      ErrorCode.invalidHandler,
      `Cannot use connection of ${this.constructor.name}: it handles a datagram`,
    );
  }

  get messages(): AsyncIterable<In> {
    const next = async (): Promise<IteratorResult<In, undefined>> => {
      const value = await this.receive();
      return value === undefined ? { done: true, value: undefined } : { done: false, value };
    };
    return { [Symbol.asyncIterator]: () => ({ next }) };
  }

  /**
   * Wait for the next message; undefined at the end of the stream, after this side has closed it, or if the server drains and no message has begun.
   *
   * @throws what `handleProtocolError()` throws; {@link ProtocolError} `ERR_SOCKETSERVER_PROTOCOL`, `ERR_SOCKETSERVER_TOO_BIG`,
   * `ERR_SOCKETSERVER_INCOMPLETE_READ` if that goes on and nothing can come; whatever `recv()` of the connection throws.
   */
  async receive(): Promise<In | undefined> {
    for (;;) {
      try {
        return await this.#messages.receive();
      } catch (error) {
        await this.#passOver(error);
      }
    }
  }

  /**
   * Send a message; resolves when less than the connection's `highWaterMark` is pending. What is sent while one chunk of input is worked on leaves in one
   * write.
   *
   * A call that is not awaited needs a `catch`: the peer may be gone.
   *
   * @throws `TypeError` or `RangeError` `ERR_SOCKETSERVER_INVALID_MESSAGE` if the codec cannot tell it; whatever `sendAll()` of the connection throws.
   */
  async send(message: Out): Promise<void> {
    await this.#messages.post(message);
  }

  /**
   * Go on with another codec, in both directions: what came behind the last message is decoded with it, and what is sent from now on, a reply that is returned
   * included, is encoded with it. Send what belongs before with `send()`.
   *
   * @returns this handler, with the types of the new codec. `handleMessage()` keeps its own: begin with a codec of both kinds of messages, or loop over what
   * is returned.
   * @throws `TypeError` `ERR_SOCKETSERVER_INVALID_ARGUMENT` if it is no codec, `ERR_SOCKETSERVER_INVALID_HANDLER` while several messages are handled:
   * some of them would be answered with the wrong one.
   */
  switchCodec<NextIn, NextOut>(codec: Codec<NextIn, NextOut>): Messages<NextIn, NextOut> {
    const running = this.#atOnce?.running ?? 0;
    if (running > 1) {
      throw typeError(
        ErrorCode.invalidHandler,
        `Cannot switch codec: ${this.constructor.name} handles ${running} messages at once; handle the one that switches alone`,
      );
    }
    this.#messages.switchTo(codec);
    return this as unknown as Messages<NextIn, NextOut>;
  }

  override setup(): void | Promise<void> {
    assertCodec(this.codec, this.constructor.name);
    CONCURRENCY.check("maxConcurrentMessages", this.maxConcurrentMessages, this.constructor.name);
    if (this.disableNagleAlgorithm && this.request instanceof Connection) this.request.setNoDelay(true);
  }

  /** Call `handleMessage()` for each message, and send what it answers. */
  override handle(): Promise<void> {
    return this.maxConcurrentMessages === 1 ? this.#handleInTurn() : this.#handleAtOnce();
  }

  get #messages(): MessageExchange<In, Out> {
    const { request } = this;
    this.#exchange ??=
      request instanceof Connection ? new MessageStream(request, this.codec) : new MessageDatagram(request, this.codec);
    return this.#exchange;
  }

  /** Without a promise for what need not wait: a chunk of small messages is handled in one go. */
  async #handleInTurn(): Promise<void> {
    const messages = this.#messages;
    for (;;) {
      const pause = messages.pause();
      if (pause !== undefined) await pause;
      let message: In | undefined;
      try {
        message = messages.take();
        if (message === undefined) message = await messages.receive();
      } catch (error) {
        await this.#passOver(error);
        continue;
      }
      if (message === undefined) return;
      const answer = this.handleMessage(message);
      const reply = isPromise(answer) ? await answer : answer;
      if (reply === undefined) continue;
      const room = messages.post(reply);
      if (room !== undefined) await room;
    }
  }

  #handleAtOnce(): Promise<void> {
    this.#atOnce = new ConcurrentMessages<In, Reply<Out>>({
      limit: this.maxConcurrentMessages,
      inOrder: this.repliesInOrder,
      next: () => this.#messages.receive(),
      passOver: (error) => this.#passOver(error),
      handle: async (message) => this.handleMessage(message),
      reply: async (reply) => {
        if (reply !== undefined) await this.#messages.post(reply);
      },
    });
    return this.#atOnce.run();
  }

  /** Returns if the stream goes on behind what is wrong. */
  async #passOver(error: unknown): Promise<void> {
    if (!(error instanceof ProtocolError)) throw error;
    // Before it is handled: whoever handles it may switch to another codec behind the wrong message.
    const goesOn = this.#messages.skip();
    await this.handleProtocolError(error);
    if (!goesOn) throw error;
  }
}

/** A class of handlers of messages, to be extended. */
export type MessageRequestHandlerClass<In, Out> = new <Server extends BaseServer = BaseServer>(
  request: Connection | Datagram,
  clientAddress: BaseMessageHandler<In, Out>["clientAddress"],
  server: Server,
) => BaseMessageHandler<In, Out, Server>;

/**
 * A class to extend, whose messages are those of the codec.
 *
 * @example
 * ```ts run
 * import { MessageRequestHandler, lines } from "@socketserver/framing";
 * import { serve, talk } from "@socketserver/testing";
 *
 * class ShoutHandler extends MessageRequestHandler(lines().text()) {
 *   override handleMessage(line: string): string {
 *     return line.toUpperCase();
 *   }
 * }
 *
 * await using running = await serve(ShoutHandler);
 * process.stdout.write(await talk(running.address, "one\ntwo\n"));
 * ```
 *
 * ```text
 * ONE
 * TWO
 * ```
 *
 * @throws `TypeError` `ERR_SOCKETSERVER_INVALID_ARGUMENT` if it is no codec.
 */
export function MessageRequestHandler<In, Out>(codec: Codec<In, Out>): MessageRequestHandlerClass<In, Out> {
  assertCodec(codec);
  return class CodecMessageHandler<Server extends BaseServer> extends BaseMessageHandler<In, Out, Server> {
    override readonly codec = codec;
  };
}

function isPromise<Value>(value: Value | Promise<Value>): value is Promise<Value> {
  return typeof (value as Partial<Promise<Value>> | null | undefined)?.then === "function";
}
