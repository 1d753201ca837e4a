import type { PendingReplies, PendingReply } from "./pending-reply.ts";

/** Replies come in the order of the requests: one that was given up keeps its place, because its reply is still to come. */
export class RepliesInOrder<Reply> implements PendingReplies<Reply> {
  readonly knowsUndecodable = true;
  /** Not sent yet. */
  readonly #unsent = new Set<PendingReply<Reply>>();
  /** Sent, in that order. */
  readonly #sent = new Set<PendingReply<Reply>>();
  /** When a reply came last. */
  #repliedAt = 0;

  get outstanding(): number {
    return this.#sent.size;
  }

  get stuckSince(): number | undefined {
    if (this.#sent.size === 0) return undefined;
    let since = this.#repliedAt;
    for (const { waiter, abandonedAt = 0 } of this.#sent) {
      if (!waiter.settled) return undefined;
      since = Math.max(since, abandonedAt);
    }
    return since;
  }

  add(pending: PendingReply<Reply>): void {
    this.#unsent.add(pending);
  }

  sent(pending: PendingReply<Reply>): void {
    this.#unsent.delete(pending);
    this.#sent.add(pending);
  }

  abandon(pending: PendingReply<Reply>): void {
    this.#unsent.delete(pending);
    pending.abandonedAt = performance.now();
  }

  take(): PendingReply<Reply> | null | undefined {
    const [first] = this.#sent;
    if (first === undefined) return undefined;
    this.#sent.delete(first);
    this.#repliedAt = performance.now();
    return first.waiter.settled ? null : first;
  }

  clear(): readonly PendingReply<Reply>[] {
    const all = [...this.#sent, ...this.#unsent];
    this.#sent.clear();
    this.#unsent.clear();
    return all;
  }
}
