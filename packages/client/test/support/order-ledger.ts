import { RequestError, type ReconnectingChannel } from "@socketserver/client";

import type { Order, Receipt } from "../fixtures/ledger-handlers.ts";

/** What became of an order. */
export interface Outcome {
  readonly idempotent: boolean;
  readonly result: "answered" | "answered with another's" | "rejected";
  /** Of one that was rejected: whether the server may have it. */
  readonly sent: boolean;
}

/** The client's side of a ledger: orders without end, each noted when it is made, and when it is settled. */
export class OrderLedger {
  /** Orders that were made. */
  readonly made = new Set<string>();
  /** What became of each. */
  readonly outcomes = new Map<string, Outcome>();
  /** Orders that were settled a second time. */
  readonly settledTwice: string[] = [];
  /** Errors that are no `RequestError`. */
  readonly surprises: unknown[] = [];
  #stopped = false;

  /** Let so many customers order over a channel, one order after the other, until {@link OrderLedger.stop}. */
  async order(channel: ReconnectingChannel<unknown, unknown>, name: string, customers: number): Promise<void> {
    const all = Array.from({ length: customers }, (_, customer) => this.#orderOn(channel, `${name}-${customer}`));
    await Promise.all(all);
  }

  /** No more orders. */
  stop(): void {
    this.#stopped = true;
  }

  /** How many ended so. */
  count(matches: (outcome: Outcome) => boolean): number {
    return [...this.outcomes.values()].filter(matches).length;
  }

  async #orderOn(channel: ReconnectingChannel<unknown, unknown>, customer: string): Promise<void> {
    for (let number = 0; !this.#stopped; number++) {
      const id = `${customer}-${number}`;
      const idempotent = number % 3 === 0;
      this.made.add(id);
      await channel.request({ id } satisfies Order, { idempotent }).then(
        (reply) => this.#settle(id, { idempotent, result: resultOf(id, reply as Receipt), sent: true }),
        (error: unknown) => {
          if (!(error instanceof RequestError)) this.surprises.push(error);
          this.#settle(id, { idempotent, result: "rejected", sent: (error as RequestError).sent });
        },
      );
    }
  }

  #settle(id: string, outcome: Outcome): void {
    if (this.outcomes.has(id)) this.settledTwice.push(id);
    this.outcomes.set(id, outcome);
  }
}

function resultOf(id: string, reply: Receipt): Outcome["result"] {
  return reply.id === id && reply.handled ? "answered" : "answered with another's";
}
