import type { RequestId } from "../correlation.ts";
import type { Waiter } from "../waiter.ts";

/** A request that waits for its reply. */
export interface PendingReply<Reply> {
  readonly waiter: Waiter<Reply>;
  /** What tells it from others; undefined if their order does. */
  readonly id: RequestId | undefined;
  /** Whether it was sent. */
  sent: boolean;
  /** When it was given up. */
  abandonedAt?: number;
}

/** Requests that wait, and whose reply a message is. */
export interface PendingReplies<Reply> {
  /** Requests that were sent, and whose reply is still to come. */
  readonly outstanding: number;
  /**
   * Someone is going to send a request.
   *
   * @throws `RangeError` `ERR_SOCKETSERVER_INVALID_MESSAGE` if its replies could not be told from those to another one.
   */
  add(pending: PendingReply<Reply>): void;
  /** It was sent. */
  sent(pending: PendingReply<Reply>): void;
  /** Nobody waits for it any more. */
  abandon(pending: PendingReply<Reply>): void;
  /** Whose reply has come: nobody's (null) if it is late or foreign, undefined if it is no reply. He waits no more. A message that cannot be decoded is undefined. */
  take(message: Reply | undefined): PendingReply<Reply> | null | undefined;
  /** If replies are still to come, and nobody waits for any of them: since when that is so and no reply has come, on the clock of `performance.now()`. */
  readonly stuckSince: number | undefined;
  /** Whether it is known whose reply a message is that cannot be decoded. */
  readonly knowsUndecodable: boolean;
  /** Everybody who waits, in the order of their requests. Nobody waits any more. */
  clear(): readonly PendingReply<Reply>[];
}
