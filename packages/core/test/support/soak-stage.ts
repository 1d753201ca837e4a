import { SoakClients } from "./soak-clients.ts";
import { drainPackets, drainStreams, type SoakDrain } from "./soak-drain.ts";
import { SoakLedger } from "./soak-ledger.ts";
import { SoakPackets } from "./soak-packets.ts";
import { DENIED, SOAK_WORKERS, type SoakServer } from "./soak-servers.ts";
import type { SeededRandom } from "./seeded-random.ts";

/** Clients of one server at once. */
const CLIENTS = 6;

/** One server, its clients, and what is known of them. */
export class SoakStage {
  readonly name: string;
  readonly ledger: SoakLedger;
  readonly #server: SoakServer;
  readonly #random: SeededRandom;
  readonly #clients: SoakClients | SoakPackets;
  readonly #cards: readonly (() => Promise<void>)[];

  /** @param server - It listens and serves. */
  constructor(name: string, server: SoakServer, random: SeededRandom) {
    this.name = name;
    this.#server = server;
    this.#random = random;
    this.ledger = new SoakLedger(server);
    this.#clients = name.includes("UDP")
      ? new SoakPackets(server, this.ledger, random)
      : new SoakClients(server.serverAddress, this.ledger, random);
    this.#cards = [...this.#clients.cards, ...this.#faults(), () => this.#changeAdmission()];
  }

  /** Load and faults for a while: every way to behave at least once. Resolves when all clients are gone. */
  async round(ms: number): Promise<void> {
    const end = performance.now() + ms;
    let deck = this.#shuffled();
    let dealt = false;
    const client = async (): Promise<void> => {
      for (;;) {
        const card = deck.pop();
        if (card !== undefined) await card();
        else {
          dealt = true;
          deck = this.#shuffled();
        }
        if (dealt && performance.now() >= end) return;
      }
    };
    await Promise.all(Array.from({ length: CLIENTS }, client));
  }

  /** Every worker serves once: a fresh one has not opened all that it needs. */
  async calm(): Promise<void> {
    const clients = this.#clients;
    const { workers } = this.#server;
    if (workers === undefined || !(clients instanceof SoakClients)) return;
    await Promise.all(Array.from({ length: 2 * SOAK_WORKERS }, () => clients.talk()));
  }

  /** Whether every worker is there. */
  get whole(): boolean {
    const { workers } = this.#server;
    if (workers === undefined) return true;
    return workers.length === SOAK_WORKERS && workers.every(({ state }) => state === "ready");
  }

  /** The clients are gone: whether the server is done with them, too. */
  get quiet(): boolean {
    return this.whole && this.#server.activeRequests === 0 && this.ledger.settle();
  }

  /** What a failure shows. */
  get state(): string {
    const { activeRequests, workers } = this.#server;
    const { requests, closed } = this.ledger;
    return `${this.name} ${JSON.stringify({ activeRequests, requests, closed, workers })}`;
  }

  /** Close the server with all hands busy. */
  async drain(): Promise<SoakDrain> {
    const clients = this.#clients;
    const drain =
      clients instanceof SoakPackets
        ? await drainPackets(this.#server, clients)
        : await drainStreams(this.#server, clients, this.ledger);
    if (!this.ledger.settle()) this.ledger.complain("a request is open for ever");
    this.ledger.audit(this.#server.statistics);
    return drain;
  }

  /** Let new rules replace the old ones, that say the same about everybody who comes. */
  async #changeAdmission(): Promise<void> {
    await this.#server.changeAdmission({ denyAddresses: [DENIED.subnet, `192.0.2.${this.#random.integer(0, 255)}`] });
  }

  /** What ends a worker. */
  #faults(): readonly (() => Promise<void>)[] {
    const clients = this.#clients;
    if (!(clients instanceof SoakClients) || this.#server.workers === undefined) return [];
    const how = this.name.startsWith("Forking") ? ["exit", "fail", "kill"] : ["exit", "fail"];
    return [() => clients.misbehave(`${this.#random.pick(how)}\n`, { stays: true })];
  }

  #shuffled(): (() => Promise<void>)[] {
    const ranked = this.#cards.map((card) => ({ card, rank: this.#random.next() }));
    return ranked.toSorted((one, other) => one.rank - other.rank).map(({ card }) => card);
  }
}
