/**
 * What is said over one connection: which messages leave when, and whose what comes is.
 *
 * It ends once, and then knows why; whoever waits is told, those first whose messages were sent. It closes the connection.
 *
 * @module
 */

import { CloseReason, ErrorCode, PeerError, type Connection } from "@socketserver/core";
import { MessageStream, type Codec } from "@socketserver/framing";

import { ClientErrorCode } from "../client-error-code.ts";
import { codeOf } from "../code-of.ts";
import { idFields } from "../correlation.ts";
import type { EncodedRequest } from "../encoded-request.ts";
import type { Patience } from "../patience.ts";
import { RequestError } from "../request-error.ts";
import { Waiter, type Confirmation } from "../waiter.ts";
import type { ResolvedChannelOptions } from "./channel-options.ts";
import type { ConversationEnd } from "./conversation-end.ts";
import { Inbox } from "./inbox.ts";
import { Outgoing, type OutgoingMessage } from "./outgoing.ts";
import type { PendingReplies, PendingReply } from "./pending-reply.ts";
import { Reading } from "./reading.ts";
import { RepliesById } from "./replies-by-id.ts";
import { RepliesInOrder } from "./replies-in-order.ts";

/** How often to look again for a reply that comes in pieces, before it is too late. */
const MAX_LOOKS = 64;

/** How long a message may wait, and whether it has a place where it waits. */
export interface Turn extends Patience {
  /** Whether it waited elsewhere before. @defaultValue `false` */
  readonly hasPlace?: boolean;
}

/** Requests with their replies, and messages without, over one connection. */
export class Conversation<In> {
  /** A reply that is here already, and was not looked at, is in time, even if the kernel holds it in several pieces. */
  readonly confirm: Confirmation = (callback) => this.#lookForReplies(callback, MAX_LOOKS);
  readonly #connection: Connection;
  readonly #options: ResolvedChannelOptions;
  readonly #replies: PendingReplies<In>;
  readonly #outgoing: Outgoing;
  readonly #inbox: Inbox<In>;
  readonly #reading: Reading<In>;
  /** What the connection was made with: while it is read here, silence is no fault of it. */
  readonly #idleTimeoutMs: number;
  #end: ConversationEnd | undefined;
  #onEnd: ((end: ConversationEnd) => void) | undefined;
  #closing: Promise<void> | undefined;

  constructor(connection: Connection, codec: Codec<In, never>, options: ResolvedChannelOptions) {
    const { correlateBy, maxPipelinedRequests, requestQueueSize, inboxSize } = options;
    this.#connection = connection;
    this.#options = options;
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

  /** Whether messages can still come and go. */
  get open(): boolean {
    return this.#end === undefined && !this.#connection.destroyed;
  }

  /** Read from now on, if it does not already. */
  begin(): void {
    this.#reading.begin();
  }

  /** Send a request, and wait for its reply; see `Channel.request()`. */
  ask({ bytes, id }: EncodedRequest, turn: Turn): Promise<In> {
    this.#requireStep();
    const { timeoutMs = this.#options.requestTimeoutMs, signal, hasPlace = false } = turn;
    const waiter: Waiter<In> = new Waiter(
      { timeoutMs, signal },
      {
        timedOut: () => timedOut("Cannot request: no reply came", timeoutMs, pending.sent),
        gaveUp: (expired) => {
          this.#replies.abandon(pending);
          this.#outgoing.remove(message);
          if (expired && !pending.sent) this.#requireReplies();
        },
        // To what was not sent no reply can be here.
        confirm: (callback) => (pending.sent ? this.confirm(callback) : callback()),
      },
    );
    const pending: PendingReply<In> = { waiter, id, sent: false };
    const message: OutgoingMessage = {
      bytes,
      isRequest: true,
      hasPlace,
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

  /** Send a message to which no reply comes; see `Channel.send()`. */
  tell(bytes: Uint8Array, turn: Turn): Promise<void> {
    const { timeoutMs = this.#options.requestTimeoutMs, signal, hasPlace = false } = turn;
    let sent = false;
    const waiter: Waiter<void> = new Waiter(
      { timeoutMs, signal },
      {
        timedOut: () => timedOut("Cannot send: there was no room", timeoutMs, sent),
        gaveUp: () => this.#outgoing.remove(message),
      },
    );
    const message: OutgoingMessage = {
      bytes,
      isRequest: false,
      hasPlace,
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

  /** Wait for the next message that is no reply; see `Channel.receive()`. */
  receive(patience: Patience): Promise<In | undefined> {
    this.#reading.begin();
    const { timeoutMs = this.#idleTimeoutMs } = patience;
    const problem = `Cannot receive: no message came within ${timeoutMs} ms`;
    const surroundings = { timedOut: () => new PeerError(ErrorCode.idleTimeout, problem), confirm: this.confirm };
    return this.#inbox.receive({ ...patience, timeoutMs }, surroundings);
  }

  /** Somebody is going to receive what the server says by itself. */
  expectMessages(): void {
    this.#inbox.asked = true;
  }

  /** Take what has come and was not received. */
  takeRest(): readonly In[] {
    return this.#inbox.takeAll();
  }

  /** Call back when nothing more will come; at once if that is so. The last one who asks is called. */
  onEnd(listener: (end: ConversationEnd) => void): void {
    if (this.#end === undefined) this.#onEnd = listener;
    else listener(this.#end);
  }

  /** End it, and close the connection in order; never rejects. */
  close(): Promise<void> {
    this.#finish({ code: ErrorCode.connectionClosed, why: "this side closed the channel" });
    this.#closing ??= this.#connection.close();
    return this.#closing;
  }

  /** End it, and reset the connection. */
  abort(): void {
    this.#finish({ code: ErrorCode.connectionClosed, why: "this side aborted the channel" });
    this.#connection.abort();
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

  /** A server that answers nobody, not even late, holds up everybody else. */
  #requireReplies(): void {
    const { stuckSince } = this.#replies;
    if (stuckSince === undefined || performance.now() - stuckSince < this.#options.requestTimeoutMs) return;
    const why = `the server answered none of ${this.#replies.outstanding} requests, not even late`;
    this.#fail(new PeerError(ErrorCode.idleTimeout, `Cannot request: ${why}`), why);
  }

  #ended(cause: Error | undefined): void {
    if (cause !== undefined) {
      this.#fail(cause, `the connection is lost (${codeOf(cause) ?? cause.message})`);
      return;
    }
    // Whoever has the connection may have closed it past this object.
    const closedHere = this.#connection.inbound.unwanted;
    if (closedHere) this.#finish({ code: ErrorCode.connectionClosed, why: "this side closed the connection" });
    else this.#finish({ code: ErrorCode.incompleteRead, why: "the server ended the connection" });
    this.#closing ??= this.#connection.close();
  }

  #fail(cause: Error, why: string): void {
    this.#finish({ code: codeOf(cause) ?? ErrorCode.protocol, why, cause });
    // Does nothing if the connection is gone already.
    this.#connection.cut(reasonOf(cause));
  }

  #finish(end: ConversationEnd): void {
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

  #lookForReplies(callback: () => void, looks: number): void {
    const { bytesRead } = this.#connection;
    this.#connection.afterArrivals(() => {
      if (this.#connection.bytesRead === bytesRead || looks === 1) callback();
      else this.#lookForReplies(callback, looks - 1);
    });
  }
}

function reasonOf(cause: Error): CloseReason {
  if (!(cause instanceof PeerError)) return CloseReason.aborted;
  if (cause.code === ErrorCode.slowSender) return CloseReason.slowSender;
  if (cause.code === ErrorCode.idleTimeout) return CloseReason.idle;
  return cause.code === ErrorCode.tooBig ? CloseReason.tooBig : CloseReason.protocol;
}

function timedOut(problem: string, timeoutMs: number, sent: boolean): RequestError {
  return new RequestError(ClientErrorCode.requestTimeout, `${problem} within ${timeoutMs} ms`, { sent });
}
