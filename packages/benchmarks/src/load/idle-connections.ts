import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";

import { bounded } from "./bounded.ts";

/** Connects that are under way at once: below what the shortest backlog among the contestants takes. */
const AT_ONCE = 50;

const MESSAGE = Buffer.alloc(64, "x");

/** Descriptors that this process and a contestant need for other things. */
const RESERVED = 200;

/** How many connections a process may have here at once, so that both ends have room. */
export function mostConnections(): number {
  const [, limit] = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8")) ?? [];
  return Math.max(1, Number(limit ?? Infinity) - RESERVED);
}

/** Connections that are open and say nothing, until it is disposed of. */
export class IdleConnections implements AsyncDisposable {
  readonly #port: number;
  readonly #sockets: Socket[] = [];

  /** Use {@link IdleConnections.open}. */
  constructor(port: number) {
    this.#port = port;
  }

  /** Open so many. Each sends a message and gets it back, so that whatever a contestant makes for a connection is made. */
  static async open(port: number, count: number): Promise<IdleConnections> {
    const connections = new IdleConnections(port);
    let left = count;
    const opener = async (): Promise<void> => {
      while (left-- > 0) await connections.#openOne();
    };
    try {
      await bounded(Promise.all(Array.from({ length: AT_ONCE }, opener)), `${count} idle connections`);
      return connections;
    } catch (error) {
      left = 0;
      await connections[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** How many are still open: one that the server has closed takes nothing any more. */
  get size(): number {
    return this.#sockets.filter((socket) => !socket.readableEnded && !socket.destroyed).length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#sockets.map(close));
  }

  async #openOne(): Promise<void> {
    const socket = connect({ host: "127.0.0.1", port: this.#port });
    this.#sockets.push(socket);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    let received = 0;
    socket.on("data", (data: Buffer) => {
      const expected = MESSAGE.subarray(received, received + data.length);
      received += data.length;
      if (!data.equals(expected)) reject(new Error("Cannot open connection: the answer differs from what was sent"));
      else if (received === MESSAGE.length) resolve();
    });
    socket.on("error", reject);
    socket.once("end", () => reject(new Error("Cannot open connection: the server ended it")));
    socket.write(MESSAGE);
    await promise;
  }
}

async function close(socket: Socket): Promise<void> {
  if (socket.closed) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.once("close", () => resolve());
  socket.destroy();
  await promise;
}
