import { once } from "node:events";
import { connect, type Socket } from "node:net";

/** A request: its number, which its answer repeats, and when it was due. */
export interface Due {
  readonly number: number;
  readonly at: number;
}

/** What a client tells. */
export interface OpenLoopListener {
  answered(due: Due): void;
  /** The contestant does what it must not. */
  failed(error: Error): void;
}

/** One whose connection ends again and again is not served. */
const MOST_RECONNECTS = 100;

/** One of the clients of an open loop: it has one connection after the other, and sends on the next one what the last one has not answered. */
export class OpenLoopClient {
  readonly #port: number;
  readonly #size: number;
  readonly #listener: OpenLoopListener;
  /** Not answered yet, the oldest first. */
  readonly #waiting: Due[] = [];
  #socket: Socket;
  #received: Buffer = Buffer.alloc(0);
  #reconnects = 0;
  #stopped = false;

  /** @param size - Bytes of a request, and of its answer. */
  constructor(port: number, size: number, listener: OpenLoopListener) {
    this.#port = port;
    this.#size = size;
    this.#listener = listener;
    this.#socket = this.#connect();
  }

  /** How many of its connections ended before it was stopped. */
  get reconnects(): number {
    return this.#reconnects;
  }

  /** Resolves when its first connection is there. */
  async connected(): Promise<void> {
    if (this.#socket.connecting) await once(this.#socket, "connect");
  }

  /** Send a request now, or as soon as there is a connection. */
  send(due: Due): void {
    this.#waiting.push(due);
    if (this.#socket.writable) this.#write(due);
  }

  stop(): void {
    this.#stopped = true;
    this.#socket.destroy();
  }

  #connect(): Socket {
    const socket = connect({ host: "127.0.0.1", port: this.#port, noDelay: true });
    socket.on("data", (data: Buffer) => this.#read(data));
    // Who drains ends the connection, and a worker that is lost resets it: "close" follows both.
    socket.on("error", () => {});
    socket.once("close", () => this.#reconnect());
    return socket;
  }

  #reconnect(): void {
    if (this.#stopped) return;
    if (++this.#reconnects > MOST_RECONNECTS) {
      this.#listener.failed(new Error("Cannot send at a fixed rate: one connection after the other ends"));
      return;
    }
    this.#received = Buffer.alloc(0);
    this.#socket = this.#connect();
    for (const due of this.#waiting) this.#write(due);
  }

  #write({ number }: Due): void {
    const data = Buffer.alloc(this.#size, "x");
    data.writeUInt32BE(number);
    this.#socket.write(data);
  }

  #read(data: Buffer): void {
    let received = this.#received.length === 0 ? data : Buffer.concat([this.#received, data]);
    for (; received.length >= this.#size; received = received.subarray(this.#size)) {
      const due = this.#waiting.shift();
      if (due === undefined || due.number !== received.readUInt32BE()) {
        this.#listener.failed(new Error("Cannot send at a fixed rate: an answer is not that of the oldest request"));
        return;
      }
      this.#listener.answered(due);
    }
    this.#received = received;
  }
}
