import type { Address, Connection } from "@socketserver/core";
import { dial } from "@socketserver/testing";
import { setTimeout as delay } from "node:timers/promises";

import { SeededRandom } from "./seeded-random.ts";

/** What a connect says that came to nothing: no byte was sent, so that another try is no second request. */
const REFUSED = new Set(["ECONNREFUSED", "EAGAIN"]);

/** How long one request may take, in milliseconds: to its handler, and as a pause before it is sent. */
const MAX_WORK_MS = 12;
const MAX_PAUSE_MS = 4;

const MAX_REQUESTS_PER_CONNECTION = 6;

/** How a client uses its connections: for one request, for one that it sends a little later, for several. */
export type Habit = "once" | "late" | "again";

/**
 * Clients that send numbered requests for as long as they are asked to, and count the answers.
 *
 * They try again what was refused at connect, and nothing else; but where several requests share a connection, its orderly end between two of them says
 * that the next one was not taken, as everywhere where connections are kept.
 */
export class NumberedClients {
  /** How often each number was answered. */
  readonly answers = new Map<number, number>();
  /** What should not have happened. */
  readonly failures: string[] = [];
  /** Connects that were refused, and tried again. */
  refused = 0;
  /** Connections that ended between two requests, so that the next one was sent on another one. */
  ended = 0;

  /** How many requests were sent, or are about to be. */
  sent = 0;

  readonly #address: Address;
  readonly #journal: string;
  readonly #random: SeededRandom;
  #stopped = false;
  readonly #clients: Promise<void>[] = [];

  constructor(address: Address, journal: string, seed: number) {
    this.#address = address;
    this.#journal = journal;
    this.#random = new SeededRandom(seed);
  }

  /** More clients begin. */
  start(count: number, habit: Habit): void {
    for (let index = 0; index < count; index++) this.#clients.push(this.#run(habit));
  }

  /** Wait until every client has its last answer. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#clients);
  }

  async #run(habit: Habit): Promise<void> {
    /** A request that the end of a connection sent back. */
    let returned: number | undefined;
    while (!this.#stopped || returned !== undefined) {
      const client = await this.#connect();
      const count = habit === "again" ? this.#random.integer(1, MAX_REQUESTS_PER_CONNECTION) : 1;
      for (let index = 0; index < count; index++) {
        const number: number = returned ?? ++this.sent;
        if (habit !== "once") await delay(this.#random.integer(0, MAX_PAUSE_MS));
        returned = (await this.#request(client, number, index > 0)) ? undefined : number;
        if (returned !== undefined) break;
      }
      await client.close();
    }
  }

  /** Send a request, and count its answer; false if the connection ended instead, after others on it, which is no failure. */
  async #request(client: Connection, number: number, isLater: boolean): Promise<boolean> {
    let answer = "";
    try {
      await client.sendAll(`${number} ${this.#journal} ${this.#random.integer(0, MAX_WORK_MS)}\n`);
      while (!answer.endsWith("\n")) {
        const chunk = await client.recv();
        if (chunk.length === 0) break;
        answer += chunk.toString();
      }
    } catch (error) {
      this.failures.push(`${number} failed after "${answer}": ${String(error)}`);
      return true;
    }
    if (answer === "" && isLater) {
      this.ended++;
      return false;
    }
    if (answer === `${number}\n`) this.answers.set(number, (this.answers.get(number) ?? 0) + 1);
    else this.failures.push(`${number} was answered with "${answer}"`);
    return true;
  }

  async #connect(): Promise<Connection> {
    for (;;) {
      try {
        return await dial(this.#address);
      } catch (error) {
        if (!REFUSED.has(String((error as { readonly code?: unknown }).code))) throw error;
        this.refused++;
        await delay(1);
      }
    }
  }
}
