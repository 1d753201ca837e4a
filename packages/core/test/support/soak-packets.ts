import type { BaseServer, InternetAddress } from "@socketserver/core";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";

import { countedHost } from "./counted-host.ts";
import type { SeededRandom } from "./seeded-random.ts";
import type { SoakLedger } from "./soak-ledger.ts";
import { DENIED } from "./soak-servers.ts";

const PATIENCE_MS = 10_000;
/** Packets of a burst: more than the server takes at once. */
const BURST = 60;

let nextHost = 0;

/** Clients of a `SoakPacketHandler`. Each method is one of them, resolves when it is gone, and never rejects. */
export class SoakPackets {
  readonly #server: BaseServer;
  readonly #ledger: SoakLedger;
  readonly #random: SeededRandom;
  /** Clients that wait for an answer, by their host. */
  readonly #waiting = new Map<string, () => void>();

  constructor(server: BaseServer, ledger: SoakLedger, random: SeededRandom) {
    this.#server = server;
    this.#ledger = ledger;
    this.#random = random;
    server.on("drop", ({ clientAddress }) => this.#waiting.get((clientAddress as InternetAddress).host)?.());
  }

  /** Every way to behave. */
  get cards(): readonly (() => Promise<void>)[] {
    return [
      () => this.converse(`echo ${"z".repeat(this.#random.integer(0, 1_000))}`),
      () => this.converse("sleep"),
      () => this.leave("echo"),
      () => this.leave("throw"),
      () => this.leave("silence"),
      () => this.leave("x".repeat(5_000)),
      () => this.leave("sleep", BURST),
      () => this.leave("echo", 1, DENIED.host),
    ];
  }

  /** Send a packet and get the same one back, or tell the ledger. */
  async converse(packet: string): Promise<void> {
    const host = countedHost(nextHost++);
    const socket = await this.#send(packet, 1, host);
    const answered = await new Promise((resolve) => {
      const late = setTimeout(resolve, PATIENCE_MS, false);
      const end = (answer: boolean): void => {
        clearTimeout(late);
        resolve(answer);
      };
      this.#waiting.set(host, () => end(false));
      socket.once("message", (answer) => end(String(answer) === packet));
    });
    this.#waiting.delete(host);
    if (answered !== true) this.#ledger.unanswered(host);
    await close(socket);
  }

  /** Send packets, and do not wait for answers. */
  async leave(packet: string, count = 1, host = countedHost(nextHost++)): Promise<void> {
    const socket = await this.#send(packet, count, host);
    // So that the server has them before anyone looks whether it is done.
    await delay(5);
    await close(socket);
  }

  async #send(packet: string, count: number, host: string): Promise<Socket> {
    const { port } = this.#server.serverAddress as InternetAddress;
    const socket = createSocket("udp4");
    socket.bind(0, host);
    await once(socket, "listening");
    this.#ledger.begun += count;
    const sent = Array.from(
      { length: count },
      () => new Promise((resolve) => socket.send(packet, port, "127.0.0.1", resolve)),
    );
    await Promise.all(sent);
    return socket;
  }
}

async function close(socket: Socket): Promise<void> {
  await new Promise<void>((resolve) => socket.close(resolve));
}
