import type { Address } from "@socketserver/core";
import { connect, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

import { ANSWER_PIECE } from "../fixtures/soak-handlers.ts";
import { countedHost } from "./counted-host.ts";
import type { SeededRandom } from "./seeded-random.ts";
import type { SoakLedger } from "./soak-ledger.ts";
import { DENIED } from "./soak-servers.ts";

/** How long a client waits in silence, in milliseconds: beyond every pause of a pool on a loaded machine. */
const PATIENCE_MS = 20_000;
/** Clients of a burst; half of them come from one host. */
const BURST = 40;
/** More than the kernel takes for a connection that nobody reads. */
const ENDLESS = 1_024;
/** Longer than the server's patience with a client that takes nothing. */
const STALL_MS = 600;
const LONGEST_ANSWER = 64;
const ANSWER = Buffer.concat(Array.from({ length: LONGEST_ANSWER }, () => ANSWER_PIECE));

/** What a client says, and what it has to get for that. */
interface Conversation {
  readonly says: string | ((socket: Socket) => unknown);
  readonly gets: Buffer;
  /** Where it comes from, unless it has a host of its own. */
  readonly host?: string;
  /** How long it takes a rest after each chunk, in milliseconds. */
  readonly restMs?: number;
}

/** How a client goes that does not care for its answer; at once, unless it says something. */
interface Misbehaviour {
  readonly reset?: boolean;
  readonly ends?: boolean;
  /** It waits for the server to end it. */
  readonly stays?: boolean;
  readonly host?: string;
}

let nextHost = 0;

/**
 * Clients of a `SoakHandler`, good and bad ones. Each method is one of them, resolves when it is gone, and never
 * rejects.
 */
export class SoakClients {
  readonly #address: Address;
  readonly #ledger: SoakLedger;
  readonly #random: SeededRandom;

  constructor(address: Address, ledger: SoakLedger, random: SeededRandom) {
    this.#address = address;
    this.#ledger = ledger;
    this.#random = random;
  }

  /** Every way to behave. */
  get cards(): readonly (() => Promise<void>)[] {
    return [
      () => this.talk(),
      () => this.drip(),
      () => this.halfClose(),
      () => this.converse({ says: "sleep 20\n", gets: Buffer.from("slept") }),
      () => this.converse({ says: "answer 32\n", gets: ANSWER.subarray(0, 32 * ANSWER_PIECE.length) }),
      () => this.converse({ says: `answer ${LONGEST_ANSWER}\n`, gets: ANSWER, restMs: 2 }),
      () => this.burst(),
      () => this.misbehave("echo\nhalf a li", { reset: true }),
      () => this.misbehave("answer 256\n", { reset: true }),
      () => this.misbehave("answer 256\n", {}),
      () => this.misbehave("", {}),
      () => this.misbehave("", { reset: true }),
      () => this.misbehave("echo\n", { ends: true }),
      () => this.misbehave("throw\n", { stays: true }),
      () => this.misbehave("abort\n", { stays: true }),
      () => this.misbehave("wait 50\n", { stays: true }),
      () => this.misbehave("x".repeat(70_000), { stays: true }),
      () => this.misbehave("", { stays: true }),
      () => this.misbehave("echo\nnever end", { stays: true }),
      () => this.misbehave("echo\n", { ends: true, host: DENIED.host }),
      () => this.stall(),
    ];
  }

  /** Say lines, all at once, and get them back. */
  async talk(): Promise<void> {
    const lines = this.#lines(this.#random.integer(1, 20));
    await this.converse({ says: `echo\n${lines}`, gets: Buffer.from(lines) });
  }

  /** Say a line byte by byte. */
  async drip(): Promise<void> {
    const line = "drip by drip\n";
    const says = async (socket: Socket): Promise<void> => {
      socket.write("echo\n");
      for (const byte of line) {
        await delay(2);
        socket.write(byte);
      }
    };
    await this.converse({ says, gets: Buffer.from(line) });
  }

  /** Say lines, end this side, and then get them back. */
  async halfClose(): Promise<void> {
    const lines = this.#lines(5);
    await this.converse({ says: (socket) => socket.end(`echo\n${lines}`), gets: Buffer.from(lines) });
  }

  /** More clients at once than the server takes. */
  async burst(): Promise<void> {
    const shared = countedHost(nextHost++);
    const client = (_: unknown, index: number): Promise<void> =>
      this.converse({
        says: "sleep 20\n",
        gets: Buffer.from("slept"),
        host: index < BURST / 2 ? shared : countedHost(nextHost++),
      });
    await Promise.all(Array.from({ length: BURST }, client));
  }

  /** Ask for much, read nothing, and leave when the server must have had enough. */
  async stall(): Promise<void> {
    const socket = this.connect();
    socket.pause();
    socket.write(`answer ${ENDLESS}\n`);
    await delay(STALL_MS);
    await closed(socket.destroy());
  }

  /** Say something, and go as soon as there is an answer. */
  async misbehave(says: string, { reset = false, ends = false, stays = false, host }: Misbehaviour): Promise<void> {
    const socket = this.connect(host);
    const leave = (): unknown => {
      if (stays) return undefined;
      if (ends) return socket.end();
      return reset && "port" in this.#address ? socket.resetAndDestroy() : socket.destroy();
    };
    socket.on("connect", () => {
      if (says !== "") socket.write(says, () => says.startsWith("echo") && leave());
      else leave();
    });
    socket.on("data", leave);
    await closed(socket);
  }

  /** Say something and get an answer, or tell the ledger. */
  async converse({ says, gets, host = countedHost(nextHost++), restMs }: Conversation): Promise<void> {
    const socket = this.connect(host);
    const chunks: Buffer[] = [];
    let length = 0;
    socket.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      length += chunk.length;
      if (length >= gets.length) socket.end();
      else if (restMs !== undefined) {
        socket.pause();
        setTimeout(() => socket.resume(), restMs);
      }
    });
    if (typeof says === "string") socket.write(says);
    else void says(socket);
    await closed(socket);
    if (!Buffer.concat(chunks).equals(gets)) this.#ledger.unanswered("path" in this.#address ? "path" : host);
  }

  /** A socket whose errors are its own matter: what it got tells. */
  connect(localAddress = countedHost(nextHost++)): Socket {
    this.#ledger.begun++;
    const address = this.#address;
    const socket = connect("path" in address ? address : { port: address.port, host: address.host, localAddress });
    socket.on("error", () => {
      // The close follows.
    });
    socket.setTimeout(PATIENCE_MS, () => socket.destroy());
    return socket;
  }

  #lines(count: number): string {
    return Array.from({ length: count }, () => `${"y".repeat(this.#random.integer(0, 1_000))}\n`).join("");
  }
}

/** Resolves when a socket is closed, with or without an error. */
export async function closed(socket: Socket): Promise<void> {
  if (!socket.closed) await new Promise((resolve) => socket.once("close", resolve));
}
