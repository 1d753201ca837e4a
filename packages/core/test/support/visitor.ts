import { Connection, type Address } from "@socketserver/core";
import { dial } from "@socketserver/testing";
import { once } from "node:events";
import { connect } from "node:net";

import { ask } from "./ask.ts";

/** A client of a server with `AskingHandler`: knocks, and knows whether it was let in. */
export class Visitor {
  /** Resolves with true once the server has answered, with false if it closed the connection instead. */
  readonly inside: Promise<boolean>;
  readonly #client: Connection | undefined;

  private constructor(client: Connection | undefined) {
    this.#client = client;
    this.inside = client === undefined ? Promise.resolve(false) : isAnswered(client);
  }

  /** Connect, from another address of the loopback interface if one is given, and ask for an answer; that may come later, or never. */
  static async come(address: Address, from?: string): Promise<Visitor> {
    // The reset of a client that is refused may come before it knows that it is connected.
    const client = await (from === undefined ? dial(address) : dialFrom(address, from)).catch(() => undefined);
    return new Visitor(client);
  }

  /** Come, and wait until it is known whether that was in vain. */
  static async enter(address: Address, from?: string): Promise<Visitor> {
    const visitor = await Visitor.come(address, from);
    await visitor.inside;
    return visitor;
  }

  /** Ask something, and wait for the answer. */
  async ask(command: string): Promise<unknown> {
    if (this.#client === undefined) throw new Error("Cannot ask: the client was refused");
    return JSON.parse(await ask(this.#client, command));
  }

  /** Begin to ask something: the rest is for {@link Visitor.ask}. */
  async begin(part: string): Promise<void> {
    await this.#client?.sendAll(part);
  }

  /** Say something that is not answered. */
  async say(line: string): Promise<void> {
    await this.#client?.sendAll(`${line}\n`);
  }

  /** Whether the server has ended or reset the connection. */
  async dismissed(): Promise<boolean> {
    const rest = await this.#client?.recv().catch(() => undefined);
    return rest === undefined || rest.length === 0;
  }

  /** End the connection in peace. */
  async leave(): Promise<void> {
    await this.#client?.close();
  }

  /** Reset it. */
  vanish(): void {
    this.#client?.abort();
  }
}

async function dialFrom(address: Address, localAddress: string): Promise<Connection> {
  if ("path" in address) throw new TypeError(`Cannot dial from ${localAddress}: ${address.path} is a path`);
  const socket = connect({ ...address, localAddress, allowHalfOpen: true });
  await once(socket, "connect");
  return new Connection(socket);
}

async function isAnswered(client: Connection): Promise<boolean> {
  try {
    // What it said meanwhile may be answered with it.
    return (await ask(client, "echo in")).startsWith('"in"');
  } catch {
    return false;
  }
}
