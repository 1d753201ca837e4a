import type { BaseServer, CloseReason } from "@socketserver/core";

/** What a client saw. */
export interface ChaosOutcome {
  /** Which worker answered, if one did. */
  readonly worker: number | undefined;
  /** What is wrong with what came, if anything is: too little, too much, something else, a reset. */
  readonly complaint: string | undefined;
}

/** What is known of one client so far. */
interface Entry {
  /** Whether its worker does not survive it. */
  readonly deadly: boolean;
  id?: number;
  reason?: CloseReason;
  outcome?: ChaosOutcome;
}

/**
 * Compares what each client saw with what the server says of it: one `request`, one `requestClosed`, and every byte unless its worker was lost.
 *
 * Remembers nothing of a client about which everything is known, so that it does not grow.
 */
export class ChaosLedger {
  /** What should not have happened. */
  readonly violations: string[] = [];
  /** Requests that ended with `worker-lost`. */
  lost = 0;
  /** Requests that were answered in full. */
  answered = 0;
  /** Of those, how many by each worker. */
  readonly answeredBy = new Map<number, number>();
  /** Clients, by their host, about whom not everything is known. */
  readonly open = new Map<string, Entry>();

  constructor(server: BaseServer) {
    server.on("request", ({ id, clientAddress }) => {
      const host = (clientAddress as { readonly host: string }).host;
      const entry = this.#find(host, `request ${id}`);
      if (entry === undefined) return;
      if (entry.id !== undefined) this.#complain(host, `has a second request, ${id}`);
      entry.id = id;
    });
    server.on("requestClosed", ({ id, clientAddress, reason }) => {
      const host = (clientAddress as { readonly host: string }).host;
      const entry = this.#find(host, `requestClosed ${id}, ${reason}`);
      if (entry === undefined) return;
      if (entry.id !== id) this.#complain(host, `is request ${entry.id}, and ${id} is closed`);
      if (entry.reason !== undefined) this.#complain(host, `was closed for ${entry.reason}, and is for ${reason}`);
      entry.reason = reason;
      this.#settle(host, entry);
    });
  }

  /** A client is going to connect. */
  begin(host: string, deadly: boolean): void {
    this.open.set(host, { deadly });
  }

  /** A client's connection is closed. */
  end(host: string, outcome: ChaosOutcome): void {
    const entry = this.#find(host, "its end");
    if (entry === undefined) return;
    entry.outcome = outcome;
    this.#settle(host, entry);
  }

  #settle(host: string, entry: Entry): void {
    const { deadly, reason, outcome } = entry;
    if (reason === undefined || outcome === undefined) return;
    this.open.delete(host);
    if (reason === "worker-lost") {
      this.lost++;
      return;
    }
    if (deadly) this.#complain(host, `ended its worker, and was closed for ${reason}`);
    if (reason !== "done" && reason !== "peer-end") this.#complain(host, `was closed for ${reason}`);
    if (outcome.complaint !== undefined) this.#complain(host, `was closed for ${reason}, but ${outcome.complaint}`);
    this.answered++;
    if (outcome.worker === undefined) return;
    this.answeredBy.set(outcome.worker, (this.answeredBy.get(outcome.worker) ?? 0) + 1);
  }

  /** One that everything is known of is not found: then something came twice. */
  #find(host: string, what: string): Entry | undefined {
    const entry = this.open.get(host);
    if (entry === undefined) this.#complain(host, `got ${what} after its end`);
    return entry;
  }

  #complain(host: string, what: string): void {
    this.violations.push(`client ${host} ${what}`);
  }
}
