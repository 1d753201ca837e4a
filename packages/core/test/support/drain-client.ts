import type { Address, Connection, InternetAddress } from "@socketserver/core";
import { dial } from "@socketserver/testing";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";

import type { ClientPlan } from "./drain-plans.ts";
import { PHASE_SCRIPTS, type PhaseScript } from "./drain-scripts.ts";

/** A client that brings its request into a phase. */
export interface DrainClient {
  /** Connect and say the opening; if it is served at once, resolves when the handler has answered. */
  begin(served: boolean): Promise<void>;
  /** The drain is about to begin. */
  drain(): void;
  /** It is over. */
  close(): void;
  /** How the connection ended: `ended`, or the code of an error; undefined while it is open, and for packets. */
  readonly outcome: string | undefined;
  /** All that came, of a client that does not ask for large answers. */
  readonly heard: string;
}

/** How long one that reads slowly rests after each read, in milliseconds. */
const SLOW_READ_MS = 2;

/** Talks through a connection. */
export class StreamDrainClient implements DrainClient {
  readonly #plan: ClientPlan;
  readonly #script: PhaseScript;
  readonly #address: Address;
  #connection: Connection | undefined;
  #acting: NodeJS.Timeout | undefined;
  outcome: string | undefined;
  heard = "";

  constructor(plan: ClientPlan, address: Address) {
    this.#plan = plan;
    this.#script = PHASE_SCRIPTS[plan.phase];
    this.#address = address;
  }

  async begin(served: boolean): Promise<void> {
    const { opening, answered, next = "", ends, reads } = this.#script;
    const connection = await dial(this.#address);
    this.#connection = connection;
    this.#say(opening(this.#plan));
    if (answered && served) this.heard += String(await connection.recvExactly(2));
    this.#say(next);
    if (ends) connection.shutdown("write");
    if (reads !== "never") void this.#read(connection);
  }

  drain(): void {
    this.#say(this.#script.last?.(this.#plan) ?? "");
    this.#acting = setTimeout(() => this.#act(), this.#plan.actAfterMs);
  }

  close(): void {
    clearTimeout(this.#acting);
    this.#connection?.abort();
  }

  #act(): void {
    const { act } = this.#plan;
    if (act === "ends") this.#connection?.shutdown("write");
    if (act === "resets") this.#connection?.abort();
    // The rest of a line that has begun, or another one.
    if (act === "goes on") this.#say(this.#script.next === undefined ? "echo\n" : "ho\n");
  }

  #say(text: string): void {
    if (text === "") return;
    try {
      this.#connection?.send(text);
    } catch {
      // It is over already; the outcome tells how.
    }
  }

  async #read(connection: Connection): Promise<void> {
    const slow = this.#script.reads === "slowly";
    try {
      for await (const chunk of connection) {
        if (slow) await delay(SLOW_READ_MS);
        else this.heard += String(chunk);
      }
      this.outcome = "ended";
      if (this.#plan.act === "stays" && this.#plan.phase !== "lingering") connection.shutdown("write");
    } catch (error) {
      this.outcome = (error as { readonly code: string }).code;
    }
  }
}

/** Sends one packet. */
export class PacketDrainClient implements DrainClient {
  readonly outcome = undefined;
  readonly #plan: ClientPlan;
  readonly #address: InternetAddress;
  readonly #socket: Socket = createSocket("udp4");
  heard = "";

  constructor(plan: ClientPlan, address: Address) {
    this.#plan = plan;
    this.#address = address as InternetAddress;
  }

  async begin(served: boolean): Promise<void> {
    const { opening, answered, last } = PHASE_SCRIPTS[this.#plan.phase];
    const { host, port } = this.#address;
    const text = (last ?? opening)(this.#plan);
    const answer = answered && served ? once(this.#socket, "message") : undefined;
    this.#socket.on("message", (packet) => (this.heard += String(packet)));
    await new Promise((resolve) => this.#socket.send(text, port, host, resolve));
    await answer;
  }

  drain(): void {
    // A packet says all at once.
  }

  close(): void {
    this.#socket.close();
  }
}
