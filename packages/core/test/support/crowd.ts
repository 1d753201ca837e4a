import type { Address } from "@socketserver/core";
import { once } from "node:events";
import { connect, type Socket } from "node:net";

/** What became of a client; nothing at all is to wait. */
type Fate = "served" | "reset" | "ended" | "waiting";

/** How many clients had each fate; none is left out. */
export type Fates = Readonly<Partial<Record<Fate, number>>>;

interface Client {
  readonly socket: Socket;
  readonly decided: Promise<void>;
  fate: Fate;
}

const LINE = "hello\n";

/** Clients that come at once, say a line each, and stay. */
export class Crowd implements AsyncDisposable {
  readonly #clients = new Set<Client>();

  /** What has become of all who came, and have not left. */
  get fates(): Fates {
    return counted(this.#clients);
  }

  /** As many more; what has become of each of them within `patienceMs`. */
  async come(address: Address, count: number, patienceMs = 3_000): Promise<Fates> {
    const clients = Array.from({ length: count }, () => newClient(address));
    for (const client of clients) this.#clients.add(client);
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, patienceMs);
    await Promise.race([late, Promise.all(clients.map(({ decided }) => decided))]);
    clearTimeout(timer);
    return counted(clients);
  }

  /** Everyone leaves, or everyone who has been served. */
  async leave(who?: "served"): Promise<void> {
    for (const client of this.#clients) {
      if (who !== undefined && client.fate !== who) continue;
      this.#clients.delete(client);
      if (client.socket.closed) continue;
      const closed = once(client.socket, "close");
      client.socket.destroy();
      await closed;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.leave();
  }
}

function newClient(address: Address): Client {
  const { promise, resolve } = Promise.withResolvers<void>();
  const socket = "path" in address ? connect(address.path) : connect(address.port, address.host);
  const client: Client = { socket, decided: promise, fate: "waiting" };
  const decide = (fate: Fate): void => {
    if (client.fate === "waiting") client.fate = fate;
    resolve();
  };
  let received = "";
  socket.on("data", (chunk: Buffer) => {
    received += chunk.toString();
    if (received === LINE) decide("served");
  });
  socket.on("end", () => decide("ended"));
  socket.on("error", () => decide("reset"));
  socket.on("close", () => decide("ended"));
  socket.write(LINE);
  return client;
}

function counted(clients: Iterable<Client>): Fates {
  const counts: Partial<Record<Fate, number>> = {};
  for (const { fate } of clients) counts[fate] = (counts[fate] ?? 0) + 1;
  return counts;
}
