import type { Address } from "@socketserver/core";
import { once } from "node:events";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";

import { eventually } from "../../../core/test/support/eventually.ts";
import { Guest } from "./guest.ts";

/** What a server does to each client. When it is over, the connection stays as it is: a script that does nothing is a server that never reads. */
export type Script = (guest: Guest) => void | Promise<void>;

/**
 * A server that behaves as a test says, however badly, over bare `node:net`.
 *
 * Whoever starts it closes it, with `await using`: that resets whoever is still there, and rejects if a script threw.
 */
export class ScriptedServer implements AsyncDisposable {
  /** Where it listens. */
  readonly address: Address;
  /** Everybody who has come, in that order. */
  readonly guests: Guest[] = [];
  readonly #listener: Server;
  readonly #failures: unknown[] = [];
  #closing: Promise<void> | undefined;

  private constructor(listener: Server, script: Script) {
    this.#listener = listener;
    const where = listener.address() as AddressInfo | string;
    this.address = typeof where === "string" ? { path: where } : { host: where.address, port: where.port };
    listener.on("connection", (socket) => void this.#receive(socket, script));
  }

  /** @param where - A port that is free unless given, or a path. */
  static async start(script: Script, where: number | string = 0): Promise<ScriptedServer> {
    const listener = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true });
    listener.listen(typeof where === "string" ? { path: where } : { host: "127.0.0.1", port: where });
    await once(listener, "listening");
    return new ScriptedServer(listener, script);
  }

  /** The real port. */
  get port(): number {
    if ("path" in this.address) throw new TypeError("Cannot tell port: the server listens on a path");
    return this.address.port;
  }

  /** Wait for a client: the first one unless told otherwise. */
  async guest(index = 0): Promise<Guest> {
    return eventually(() => {
      const guest = this.guests[index];
      if (guest === undefined) throw new Error(`Cannot go on: there is no client ${index} yet`);
      return guest;
    });
  }

  /** Reset everybody, and listen no more. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
    if (this.#failures.length > 0) throw this.#failures[0];
  }

  async #receive(socket: Socket, script: Script): Promise<void> {
    const guest = new Guest(socket);
    this.guests.push(guest);
    try {
      await script(guest);
    } catch (error) {
      // What fails because the server closes is no news.
      if (this.#closing === undefined) this.#failures.push(error);
    }
  }

  async #close(): Promise<void> {
    const closed = once(this.#listener, "close");
    this.#listener.close();
    for (const guest of this.guests) guest.reset();
    await closed;
  }
}
