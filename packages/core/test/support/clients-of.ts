import type { Connection } from "@socketserver/core";
import { dial, type RunningServer } from "@socketserver/testing";

import { ask } from "./ask.ts";

/** As many clients, each held by a worker; in turn, because all of them stay. */
export async function clientsOf({ address }: RunningServer, count: number): Promise<Connection[]> {
  const clients: Connection[] = [];
  for (let index = 0; index < count; index++) {
    const client = await dial(address);
    await ask(client, "where");
    clients.push(client);
  }
  return clients;
}
