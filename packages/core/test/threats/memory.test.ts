import type { Connection } from "@socketserver/core";
import { expect } from "vitest";

import { ThreatenedHandler } from "../fixtures/threatened-handlers.ts";
import { ask } from "../support/ask.ts";
import { eventually } from "../support/eventually.ts";
import { TCP_CELLS, those, threat, type AttackedServer } from "../support/threat.ts";
import type { ThreatClients } from "../support/threat-clients.ts";

const MARK = 65_536;

/** Connections of the attacker, each of which keeps less than it may. */
const FLOOD = 24;
const SLICE = 60_000;

/** Of what they keep, what may be kept. */
const BUDGET = (FLOOD * SLICE) / 2;

/** Honest clients, and what they have said so far. */
const HONEST = 3;
const BEGUN = "hello, ";

const CONCURRENT = those(TCP_CELLS, "async", "threading", "forking");

/** Clients in the middle of an honest line. */
async function begin(clients: ThreatClients): Promise<Connection[]> {
  const begun: Connection[] = [];
  for (let index = 0; index < HONEST; index++) {
    const client = await clients.connect();
    await client.sendAll(BEGUN);
    begun.push(client);
  }
  return begun;
}

/** Send a part of a line on each of many connections, beside honest clients, who are answered. */
async function sendMuch(clients: ThreatClients): Promise<Connection[]> {
  const begun = await begin(clients);
  const part = Buffer.alloc(SLICE, "x");
  for (const client of await clients.flood(FLOOD)) client.sendAll(part).catch(() => undefined);
  return begun;
}

/** Ask for a large answer on each of many connections, and read none of them; beside honest clients, who are answered. */
async function askForMuch(clients: ThreatClients): Promise<Connection[]> {
  const begun = await begin(clients);
  for (const client of await clients.flood(FLOOD)) client.sendAll("answer 64\n").catch(() => undefined);
  return begun;
}

/** Whoever keeps little goes on. */
async function expectAnswered(clients: readonly Connection[]): Promise<void> {
  for (const client of clients) expect(await ask(client, "world")).toBe(`${BEGUN}world`);
}

/** Only those were reset who keep much, and so many of them that at most so many are left. */
async function expectLargestCut({ running, spoils: begun }: AttackedServer<Connection[]>, most: number): Promise<void> {
  await eventually(() => expect(running.closedRequests.length).toBeGreaterThanOrEqual(FLOOD - most));
  await expectAnswered(begun);
  expect(new Set(running.closedRequests.map(({ reason }) => reason))).toEqual(new Set(["memory"]));
  for (const { id } of running.closedRequests) expect(id).toBeGreaterThan(HONEST);
}

threat("many connections that each send a part of a line", {
  servers: CONCURRENT,
  handler: ThreatenedHandler,
  attack: sendMuch,
  met: {
    options: { maxBufferedBytes: BUDGET },
    outcome: async (attacked) => {
      await expectLargestCut(attacked, FLOOD / 2);
      const { cut } = await attacked.running.close({ graceMs: 0 });
      const kept = cut.reduce((sum, { bytesRead }) => sum + bytesRead, 0);
      expect(kept).toBeGreaterThan(BUDGET / 2);
      expect(kept).toBeLessThan(BUDGET + 2 * HONEST * BEGUN.length);
    },
  },
  switchedOff: {
    options: { maxBufferedBytes: Infinity },
    outcome: async ({ running, spoils: begun }) => {
      await eventually(() => expect(running.requests).toHaveLength(HONEST + FLOOD));
      await expectAnswered(begun);
      const { cut } = await running.close({ graceMs: 0 });
      expect(cut).toHaveLength(HONEST + FLOOD);
      expect(cut.reduce((sum, { bytesRead }) => sum + bytesRead, 0)).toBeGreaterThan(FLOOD * SLICE);
    },
  },
});

threat("many connections that each ask for a large answer and read nothing", {
  servers: CONCURRENT,
  handler: ThreatenedHandler,
  attack: askForMuch,
  met: {
    // Whoever stays keeps at least the high-water mark, for which its handler waits.
    options: { maxBufferedBytes: 16 * MARK, highWaterMark: MARK },
    outcome: (attacked) => expectLargestCut(attacked, 16),
  },
  switchedOff: {
    options: { maxBufferedBytes: Infinity },
    outcome: async ({ running, spoils: begun }) => {
      await eventually(() => expect(running.requests).toHaveLength(HONEST + FLOOD));
      await expectAnswered(begun);
      expect(running.closedRequests).toEqual([]);
      expect(running.server.activeRequests).toBe(HONEST + FLOOD);
    },
  },
});
