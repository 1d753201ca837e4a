import type { Connection } from "@socketserver/core";
import type { RunningServer } from "@socketserver/testing";
import { setTimeout as delay } from "node:timers/promises";
import { expect } from "vitest";

import { ThreatenedHandler } from "../fixtures/threatened-handlers.ts";
import { eventually } from "../support/eventually.ts";
import { TCP_CELLS, those, threat, type AttackedServer } from "../support/threat.ts";
import { BRIEFLY_MS, type ThreatClients } from "../support/threat-clients.ts";

/** Connections of the attacker, and what the defences allow. */
const FLOOD = 12;
const ALLOWED = 3;

/** Another address of the loopback interface; honest clients come from 127.0.0.1. */
const STRANGER = "127.0.0.2";

/** Servers in which an attacker's request does not hold up an honest one. */
const CONCURRENT = those(TCP_CELLS, "async", "threading", "forking");

function flood(clients: ThreatClients): Promise<Connection[]> {
  return clients.flood(FLOOD, STRANGER);
}

/** So many are refused, all for this reason. */
async function expectDrops({ drops }: RunningServer, count: number, reason: string): Promise<void> {
  await eventually(() => expect(drops).toHaveLength(count));
  expect(new Set(drops.map((drop) => drop.reason))).toEqual(new Set([reason]));
}

/** Every connection of the attacker is there. */
async function expectAllIn({ running }: AttackedServer<unknown>): Promise<void> {
  expect(running.drops).toEqual([]);
  const { open, refused } = await running.close({ graceMs: 0 });
  expect(open + refused).toBe(FLOOD);
}

threat("a burst of connections", {
  servers: TCP_CELLS,
  handler: ThreatenedHandler,
  attack: flood,
  met: {
    options: { maxAcceptRate: ALLOWED },
    outcome: async ({ running, clients }) => {
      // Some come in while the burst goes on, if the machine is slow.
      await eventually(() => expect(running.drops.length).toBeGreaterThan(FLOOD / 2));
      expect(new Set(running.drops.map(({ reason }) => reason))).toEqual(new Set(["accept-rate"]));
      clients.leave();
      await eventually(async () => expect(await clients.honest()).toBe("answered"));
    },
  },
  switchedOff: { options: { maxAcceptRate: Infinity }, outcome: expectAllIn },
});

threat("a burst of honest clients", {
  servers: TCP_CELLS,
  // Each of them ends by itself.
  attack: (clients) => Promise.all(Array.from({ length: FLOOD }, () => clients.honest())),
  // A part of them has to wait.
  options: { maxAcceptRate: FLOOD - ALLOWED },
  met: {
    options: { admissionWaitMs: 60_000 },
    outcome: async ({ running, spoils: answers }) => {
      expect(answers).toEqual(answers.map(() => "answered"));
      expect(running.drops).toEqual([]);
    },
  },
  switchedOff: {
    options: { admissionWaitMs: 0 },
    outcome: async ({ spoils: answers }) => expect(answers).toContain("refused"),
  },
});

threat("a client that waits outside for ever", {
  servers: TCP_CELLS,
  handler: ThreatenedHandler,
  options: { maxConnections: 1 },
  attack: (clients) => clients.flood(2),
  met: {
    options: { admissionWaitMs: 150 },
    outcome: async ({ running, clients }) => {
      await expectDrops(running, 1, "max-connections");
      clients.leave();
      await eventually(async () => expect(await clients.honest()).toBe("answered"));
    },
  },
  switchedOff: {
    options: { admissionWaitMs: Infinity },
    outcome: async ({ running }) => {
      await delay(BRIEFLY_MS);
      expect(running.drops).toEqual([]);
      expect(running.server.statistics).toMatchObject({ active: 1, waiting: 1 });
    },
  },
});

threat("clients without end that wait outside", {
  servers: TCP_CELLS,
  handler: ThreatenedHandler,
  options: { maxConnections: 1, admissionWaitMs: 60_000 },
  attack: flood,
  met: {
    options: { admissionQueueSize: ALLOWED },
    outcome: async ({ running }) => {
      await expectDrops(running, FLOOD - ALLOWED - 1, "max-connections");
      expect(running.server.statistics).toMatchObject({ active: 1, waiting: ALLOWED });
      expect(await running.close({ graceMs: 0 })).toMatchObject({ open: 1, refused: ALLOWED });
    },
  },
  switchedOff: { options: { admissionQueueSize: Infinity }, outcome: expectAllIn },
});

threat("one address that fills the room outside", {
  servers: CONCURRENT,
  handler: ThreatenedHandler,
  options: { maxConnections: ALLOWED, admissionWaitMs: 60_000, admissionQueueSize: ALLOWED },
  attack: flood,
  met: {
    options: { maxConnectionsPerAddress: ALLOWED - 1 },
    outcome: async ({ running, clients }) => {
      // As many are in, and as many wait.
      await expectDrops(running, FLOOD - 2 * (ALLOWED - 1), "max-connections-per-address");
      const last = await clients.connect("127.0.0.3");
      await eventually(() => expect(running.server.statistics.active).toBe(ALLOWED));
      const answer = clients.honest();
      await eventually(() => expect(running.server.statistics.waiting).toBe(ALLOWED));
      last.abort();
      expect(await answer).toBe("answered");
    },
  },
  switchedOff: {
    options: { maxConnectionsPerAddress: Infinity },
    outcome: async ({ running, clients }) => {
      expect(await clients.honest()).toBe("refused");
      expect(running.drops.at(-1)).toMatchObject({ clientAddress: { host: "127.0.0.1" }, reason: "max-connections" });
    },
  },
});

threat("a client that waits for itself, ahead of those who wait for a moment", {
  servers: CONCURRENT,
  handler: ThreatenedHandler,
  options: { maxConnectionsPerAddress: 1, maxAcceptRate: 2 },
  attack: async (clients) => {
    await clients.flood(2, STRANGER);
    await clients.flood(1, "127.0.0.3");
  },
  met: {
    options: { admissionWaitMs: 60_000 },
    outcome: async ({ clients }) => expect(await clients.honest()).toBe("answered"),
  },
  switchedOff: {
    options: { admissionWaitMs: 0 },
    outcome: async ({ clients }) => expect(await clients.honest()).toBe("refused"),
  },
});
