import { once } from "node:events";
import { connect, type Socket } from "node:net";

const LINE_END = 0x0a;

/**
 * Clients that send a line and read what comes back.
 *
 * Round trips begin at fixed times, whatever became of those before, and count from when they should have begun: a
 * server that stands still cannot hide the ones that it kept from being sent.
 */
export class HonestClients implements AsyncDisposable {
  readonly #sockets: readonly Socket[];
  /** When the round trips that are under way should have begun, for each client. */
  readonly #due: number[][];
  #durations: number[] = [];
  #news = Promise.withResolvers<void>();
  #lost = 0;

  private constructor(sockets: readonly Socket[]) {
    this.#sockets = sockets;
    this.#due = sockets.map((): number[] => []);
    for (const [index, socket] of sockets.entries()) {
      socket.on("data", (chunk: Buffer) => this.#receive(index, chunk));
      socket.on("close", () => this.#lose());
    }
  }

  static async connect(port: number, count: number): Promise<HonestClients> {
    const sockets = Array.from({ length: count }, () => connect({ host: "127.0.0.1", port, noDelay: true }));
    await Promise.all(sockets.map((socket) => once(socket, "connect")));
    return new HonestClients(sockets);
  }

  /** How long each of so many round trips took, in milliseconds; the clients take turns. */
  async roundTrips(count: number, perSecond: number): Promise<readonly number[]> {
    this.#durations = [];
    const began = performance.now();
    let sent = 0;
    const timer = setInterval(() => {
      for (; sent < count; sent++) {
        const due = began + (sent * 1_000) / perSecond;
        if (due > performance.now()) return;
        this.#say(sent % this.#sockets.length, "hello", due);
      }
      clearInterval(timer);
    }, 1);
    await this.#answers(count);
    return this.#durations;
  }

  /** Every client says a line; resolves when every one has its answer. */
  async say(line: string): Promise<void> {
    this.#durations = [];
    for (const index of this.#sockets.keys()) this.#say(index, line, performance.now());
    await this.#answers(this.#sockets.length);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) {
      if (socket.closed) continue;
      const closed = once(socket, "close");
      socket.destroy();
      await closed;
    }
  }

  #say(index: number, line: string, due: number): void {
    this.#due[index]?.push(due);
    this.#sockets[index]?.write(`${line}\n`);
  }

  #receive(index: number, chunk: Buffer): void {
    // Several, if the server had kept them.
    const lines = chunk.filter((byte) => byte === LINE_END).length;
    for (const due of this.#due[index]?.splice(0, lines) ?? []) this.#durations.push(performance.now() - due);
    this.#news.resolve();
  }

  #lose(): void {
    this.#lost++;
    this.#news.resolve();
  }

  async #answers(count: number): Promise<void> {
    while (this.#durations.length < count) {
      if (this.#lost > 0) throw new Error(`Cannot get answer: ${this.#lost} clients were closed`);
      this.#news = Promise.withResolvers<void>();
      await this.#news.promise;
    }
  }
}
