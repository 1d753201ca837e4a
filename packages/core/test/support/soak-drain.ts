import type { BaseServer, DrainReport } from "@socketserver/core";
import type { Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

import { closed, type SoakClients } from "./soak-clients.ts";
import type { SoakLedger } from "./soak-ledger.ts";
import type { SoakPackets } from "./soak-packets.ts";

/** What a server was doing when it was closed, and what it said of that. */
export interface SoakDrain {
  /** Requests that were running or closing. */
  readonly open: number;
  /** How many clients were told that the server drains, instead of being served. */
  readonly refused: number;
  readonly report: DrainReport;
  /** What the handler was told that closed it, if one did. */
  readonly reportInside?: DrainReport;
}

const GRACE_MS = 300;
/** Beyond all that a server takes. */
const MOST_CLIENTS = 64;
const PATIENCE_MS = 10_000;

/** Let a handler close the server, while others go on until it drains, go on for ever, and wait for their turn. */
export async function drainStreams(server: BaseServer, clients: SoakClients, ledger: SoakLedger): Promise<SoakDrain> {
  const closer = clients.connect();
  const answer: Buffer[] = [];
  closer.on("data", (chunk: Buffer) => answer.push(chunk));
  closer.write(`close ${GRACE_MS}\n`);
  await until(() => server.activeRequests === 1);
  const others = await fill(clients, ledger);
  const refusedBefore = ledger.drops.draining ?? 0;
  const open = server.activeRequests;
  closer.write("now\n");
  await closed(closer);
  const report = await server.close();
  await Promise.all(others.map(closed));
  const refused = (ledger.drops.draining ?? 0) - refusedBefore;
  return { open, refused, report, reportInside: JSON.parse(Buffer.concat(answer).toString()) as DrainReport };
}

/** Send packets whose handlers go on until the server drains, and for ever, and close it. */
export async function drainPackets(server: BaseServer, packets: SoakPackets): Promise<SoakDrain> {
  const finishing = [packets.converse("finish 1"), packets.converse("finish 2")];
  await packets.leave("cling", 3);
  await until(() => server.activeRequests === 5);
  const open = server.activeRequests;
  const report = await server.close({ graceMs: GRACE_MS });
  await Promise.all(finishing);
  return { open, refused: 0, report };
}

/** Clients come one after another, until one is refused: all before it are served, or wait for their turn. */
async function fill(clients: SoakClients, ledger: SoakLedger): Promise<readonly Socket[]> {
  const sockets: Socket[] = [];
  const before = refusals(ledger);
  while (refusals(ledger) === before && sockets.length < MOST_CLIENTS) {
    const socket = clients.connect();
    socket.resume();
    socket.write(sockets.length % 2 === 0 ? "finish\n" : "cling\n");
    sockets.push(socket);
    await delay(10);
  }
  return sockets;
}

function refusals({ drops }: SoakLedger): number {
  return Object.values(drops).reduce((sum, count) => sum + count, 0);
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`Cannot go on: it is not so that ${String(condition)}`);
    await delay(5);
  }
}
