import { Connection, type Address } from "@socketserver/core";
import { dial, talkDatagram } from "@socketserver/testing";
import { once } from "node:events";
import { connect } from "node:net";
import { setImmediate as nextTurn, setTimeout as delay } from "node:timers/promises";

/** What an honest client gets. */
export type Answer = "answered" | "unanswered" | "refused";

/** Patience of an honest client whom the defence protects, and of one who is there to show that nobody does. */
const PATIENCE_MS = 8_000;
export const BRIEFLY_MS = 400;

/** An honest client sends its datagram again after so long: UDP promises nothing. */
const RESEND_MS = 100;

/** Turns of the event loop in which the kernel's queue of new connections is surely taken. */
const TURNS = 10;

const HELLO = "hello\n";

/** Those who talk to a server under attack: attackers, who stay until the end of the test unless they leave by themselves, and honest clients. */
export class ThreatClients implements Disposable {
  readonly address: Address;
  readonly #stream: boolean;
  readonly #connected: Connection[] = [];

  constructor(address: Address, stream: boolean) {
    this.address = address;
    this.#stream = stream;
  }

  /** The port of a server that has one. */
  get port(): number {
    return "port" in this.address ? this.address.port : 0;
  }

  /** Connect, from another address of the loopback interface if one is given. */
  async connect(from?: string): Promise<Connection> {
    const client = from === undefined ? await dial(this.address) : await this.#connectFrom(from);
    this.#connected.push(client);
    return client;
  }

  /** The same where nobody may be there any more, or the reset may come before the client knows that it is connected: undefined then. */
  async tryToConnect(from?: string): Promise<Connection | undefined> {
    return this.connect(from).catch(() => undefined);
  }

  /** Connect as often, and stay; answers those that got through. */
  async flood(count: number, from?: string): Promise<Connection[]> {
    const clients: Connection[] = [];
    for (let index = 0; index < count; index++) {
      const client = await this.tryToConnect(from);
      if (client !== undefined) clients.push(client);
    }
    for (let turn = 0; turn < TURNS; turn++) await nextTurn();
    return clients;
  }

  /** What a client gets that says a line, ends its side, and expects that line back. */
  async honest(patienceMs: number = PATIENCE_MS): Promise<Answer> {
    return this.#stream ? this.#honestClient(patienceMs) : this.#honestSender(patienceMs);
  }

  /** Every attacker leaves at once. */
  leave(): void {
    for (const client of this.#connected.splice(0)) client.abort();
  }

  [Symbol.dispose](): void {
    this.leave();
  }

  async #connectFrom(localAddress: string): Promise<Connection> {
    const socket = connect({ host: "127.0.0.1", port: this.port, localAddress, allowHalfOpen: true });
    await once(socket, "connect");
    return new Connection(socket);
  }

  async #honestClient(patienceMs: number): Promise<Answer> {
    const controller = new AbortController();
    const answer = this.#conversation().catch(() => "refused" as const);
    const late = delay(patienceMs, "unanswered" as const, { signal: controller.signal });
    late.catch(() => undefined);
    const first = await Promise.race([answer, late]);
    controller.abort();
    return first;
  }

  async #conversation(): Promise<Answer> {
    const client = await this.connect();
    await client.sendAll(HELLO);
    client.shutdown("write");
    const chunks: Buffer[] = [];
    for await (const chunk of client) chunks.push(chunk);
    await client.close();
    return String(Buffer.concat(chunks)) === HELLO ? "answered" : "refused";
  }

  async #honestSender(patienceMs: number): Promise<Answer> {
    const deadline = performance.now() + patienceMs;
    while (performance.now() < deadline) {
      const answer = await talkDatagram(this.address, HELLO, { timeoutMs: RESEND_MS });
      if (answer !== undefined) return String(answer) === HELLO ? "answered" : "refused";
    }
    return "unanswered";
  }
}
