import { ErrorCode } from "@socketserver/core";
import type { MessageStream } from "@socketserver/framing";
import { ProtocolError } from "@socketserver/framing";

import { asError } from "../as-error.ts";
import type { Inbox } from "./inbox.ts";
import type { PendingReplies } from "./pending-reply.ts";

/** What a {@link Reading} tells. */
export interface ReadingListener {
  /** A request was answered: there is room for another one. */
  answered(): void;
  /** Nothing more will come: the other side has ended, this side has closed, or this is what broke. */
  ended(cause: Error | undefined): void;
}

/** Reads what comes over a connection, and gives each message to whom it is for: to the request that it answers, or to the inbox. */
export class Reading<In> {
  readonly #stream: MessageStream<In, never>;
  readonly #replies: PendingReplies<In>;
  readonly #inbox: Inbox<In>;
  readonly #listener: ReadingListener;
  #begun = false;

  constructor(
    stream: MessageStream<In, never>,
    replies: PendingReplies<In>,
    inbox: Inbox<In>,
    listener: ReadingListener,
  ) {
    this.#stream = stream;
    this.#replies = replies;
    this.#inbox = inbox;
    this.#listener = listener;
  }

  /** Read from now on, if it does not already. */
  begin(): void {
    if (this.#begun) return;
    this.#begun = true;
    const { connection } = this.#stream;
    // Silence is no fault of a connection on which nobody waits, and those who wait have times of their own.
    connection.idleTimeoutMs = Infinity;
    // What is over is read to its end, although nobody takes it: whoever waits for a reply must be told.
    connection.onClosed(() => this.#inbox.unbind());
    this.#read().then(
      () => this.#listener.ended(undefined),
      (error: unknown) => this.#listener.ended(asError(error)),
    );
  }

  async #read(): Promise<void> {
    for (;;) {
      const room = this.#inbox.room();
      if (room !== undefined) await room;
      try {
        const message = await this.#stream.receive();
        if (message === undefined) return;
        this.#deliver(message);
        this.#deliverRest();
      } catch (error) {
        if (!this.#passOver(error)) throw error;
      }
    }
  }

  /** What is here is delivered in one go: whoever goes on with the first of it is to find a message that nobody asked for, and not to get it as a reply. */
  #deliverRest(): void {
    while (!this.#inbox.full) {
      const message = this.#stream.take();
      if (message === undefined) return;
      this.#deliver(message);
    }
  }

  #deliver(message: In): void {
    const pending = this.#replies.take(message);
    if (pending === undefined) {
      this.#inbox.put(message);
      return;
    }
    pending?.waiter.resolve(message);
    this.#listener.answered();
  }

  /** Tell whoever a wrong message is for, and go on behind it; false if it is not known who that is, or where it ends. */
  #passOver(error: unknown): boolean {
    // One that the end has cut off is lost, and not wrong.
    if (!(error instanceof ProtocolError) || error.code === ErrorCode.incompleteRead) return false;
    const nobodyWaits = this.#replies.outstanding === 0;
    if (!nobodyWaits && !this.#replies.knowsUndecodable) return false;
    const skipped = this.#stream.skip();
    if (!nobodyWaits) this.#replies.take(undefined)?.waiter.reject(error);
    else if (skipped) this.#inbox.putError(error);
    if (skipped) this.#listener.answered();
    return skipped;
  }
}
