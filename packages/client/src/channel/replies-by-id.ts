import { idInUse, idOfReply, type IdFields, type RequestId } from "../correlation.ts";
import type { PendingReplies, PendingReply } from "./pending-reply.ts";

/** Replies come in any order, each with the id of its request: one that comes when nobody waits for it any more is known by that, and passed over. */
export class RepliesById<Reply> implements PendingReplies<Reply> {
  /** Its id is what cannot be read. */
  readonly knowsUndecodable = false;
  /** Who was given up holds up nobody. */
  readonly stuckSince = undefined;
  readonly #fields: IdFields;
  readonly #pending = new Map<RequestId | undefined, PendingReply<Reply>>();
  #outstanding = 0;

  constructor(fields: IdFields) {
    this.#fields = fields;
  }

  get outstanding(): number {
    return this.#outstanding;
  }

  add(pending: PendingReply<Reply>): void {
    const { id } = pending;
    if (id !== undefined && this.#pending.has(id)) throw idInUse(id);
    this.#pending.set(id, pending);
  }

  sent(): void {
    this.#outstanding++;
  }

  abandon(pending: PendingReply<Reply>): void {
    if (this.#pending.get(pending.id) === pending) this.#remove(pending);
  }

  take(message: Reply | undefined): PendingReply<Reply> | null | undefined {
    const id = idOfReply(message, this.#fields);
    if (id === undefined) return undefined;
    const pending = this.#pending.get(id);
    // What was not sent cannot be answered.
    if (pending?.sent !== true) return null;
    this.#remove(pending);
    return pending;
  }

  clear(): readonly PendingReply<Reply>[] {
    const all = [...this.#pending.values()];
    this.#pending.clear();
    this.#outstanding = 0;
    return all;
  }

  #remove(pending: PendingReply<Reply>): void {
    this.#pending.delete(pending.id);
    if (pending.sent) this.#outstanding--;
  }
}
