import type { Address, BaseServer, CloseReason, DropReason, ServerStatistics } from "@socketserver/core";

/**
 * How a client's connection may end although it did nothing wrong; it only looked slow, perhaps, while this program was
 * busy.
 */
const EXCUSES: readonly CloseReason[] = ["worker-lost", "slow-reader", "slow-sender", "first-byte"];

/**
 * Counts what a server says of its requests, and compares it to what clients saw: one `requestClosed` for each
 * `request`, and an answer for everybody who was not refused, cut as too slow or lost with a worker.
 *
 * Remembers nothing between two calls of `settle()` but counts, so that it does not grow.
 */
export class SoakLedger {
  /** What should not have happened; no more than a failure shows. */
  readonly violations: string[] = [];
  readonly reasons: Partial<Record<CloseReason, number>> = {};
  readonly drops: Partial<Record<DropReason, number>> = {};
  requests = 0;
  closed = 0;
  /** Connections and packets that clients began. */
  begun = 0;
  readonly #open = new Set<number>();
  /** How many clients of each host had no answer coming. */
  readonly #excused = new Map<string, number>();
  readonly #unanswered = new Map<string, number>();

  constructor(server: BaseServer) {
    server.on("request", ({ id }) => {
      this.requests++;
      if (this.#open.has(id)) this.complain(`request ${id} began twice`);
      this.#open.add(id);
    });
    server.on("requestClosed", ({ id, reason, clientAddress }) => {
      this.closed++;
      this.reasons[reason] = (this.reasons[reason] ?? 0) + 1;
      if (!this.#open.delete(id)) this.complain(`request ${id} was closed twice, or never began`);
      if (EXCUSES.includes(reason)) increase(this.#excused, keyOf(clientAddress));
    });
    server.on("drop", ({ reason, clientAddress }) => {
      this.drops[reason] = (this.drops[reason] ?? 0) + 1;
      increase(this.#excused, keyOf(clientAddress));
    });
    server.on("requestError", () => {
      // Thrown on purpose; without a listener it would be printed.
    });
  }

  /** A client that did nothing wrong did not get what it should. */
  unanswered(host: string): void {
    increase(this.#unanswered, host);
  }

  /** Compare with what the server has counted, when all is over. */
  audit({ taken, active, waiting, closed, dropped }: ServerStatistics): void {
    const theirs = sorted({ taken, active, waiting, ...closed, ...dropped });
    const ours = sorted({ taken: this.requests, active: 0, waiting: 0, ...this.reasons, ...this.drops });
    if (theirs !== ours) this.complain(`the server counts ${theirs}, and it was ${ours}`);
  }

  complain(what: string): void {
    if (this.violations.length < 20) this.violations.push(what);
  }

  /** The clients are gone: whether every request is over; judges them then. */
  settle(): boolean {
    if (this.#open.size > 0) return false;
    for (const [host, count] of this.#unanswered) {
      const excused = this.#excused.get(host) ?? 0;
      if (count > excused) this.complain(`${count - excused} clients of ${host} were not answered`);
    }
    this.#unanswered.clear();
    this.#excused.clear();
    const counted = this.requests + sum(Object.values(this.drops));
    if (counted > this.begun) this.complain(`${counted} requests came of ${this.begun} clients`);
    return true;
  }
}

function keyOf(address: Address): string {
  return "path" in address ? "path" : address.host;
}

function increase(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function sorted(counts: Readonly<Record<string, number>>): string {
  return JSON.stringify(Object.entries(counts).toSorted(([one], [other]) => (one < other ? -1 : 1)));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
