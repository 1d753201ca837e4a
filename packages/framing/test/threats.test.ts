import type { Connection } from "@socketserver/core";
import { setTimeout as delay } from "node:timers/promises";
import { expect } from "vitest";

import { eventually } from "../../core/test/support/eventually.ts";
import { BRIEFLY_MS, type ThreatClients } from "../../core/test/support/threat-clients.ts";
import { TCP_CELLS, those, threat } from "../../core/test/support/threat.ts";
import { PrefixedEchoHandler } from "./fixtures/draining-handlers.ts";

/** Connections of the attacker, and what each sends of a message that never becomes whole. */
const FLOOD = 24;
const PROMISED = 60_000;
const PART = 50_000;

/** What all of them may keep. */
const BUDGET = (FLOOD / 2) * PART + PART / 2;

const SHORT_MS = 200;

/** An honest message, which comes in two parts. */
const BEGUN = prefixed(5, "he");
const REST = "llo";
const WHOLE = String(BEGUN) + REST;

function prefixed(length: number, body: string | Uint8Array): Buffer {
  const prefix = Buffer.alloc(4);
  prefix.writeUInt32BE(length);
  return Buffer.concat([prefix, Buffer.from(body)]);
}

/** Begin a message on each of many connections; beside an honest client, who is answered. */
async function promiseMuch(clients: ThreatClients): Promise<Connection> {
  const honest = await clients.connect();
  await honest.sendAll(BEGUN);
  const begun = prefixed(PROMISED, Buffer.alloc(PART, "x"));
  for (const client of await clients.flood(FLOOD)) client.sendAll(begun).catch(() => undefined);
  return honest;
}

/** Say how long a message is, and send it byte by byte. */
async function drip(clients: ThreatClients): Promise<void> {
  const client = await clients.connect();
  await client.sendAll(prefixed(PROMISED, ""));
  const dripping = async (): Promise<void> => {
    for (;;) {
      await client.sendAll(".");
      await delay(10);
    }
  };
  dripping().catch(() => undefined);
}

async function expectAnswered(honest: Connection): Promise<void> {
  await honest.sendAll(REST);
  expect(String(await honest.recvExactly(WHOLE.length))).toBe(WHOLE);
}

threat("many connections that each begin a message", {
  servers: those(TCP_CELLS, "async", "threading", "forking"),
  handler: PrefixedEchoHandler,
  attack: promiseMuch,
  met: {
    options: { maxBufferedBytes: BUDGET },
    outcome: async ({ running, spoils: honest }) => {
      await running.closedCount(FLOOD / 2);
      await expectAnswered(honest);
      expect(running.closedRequests).toHaveLength(FLOOD / 2);
      expect(new Set(running.closedRequests.map(({ reason }) => reason))).toEqual(new Set(["memory"]));
      expect(running.closedRequests.map(({ id }) => id)).not.toContain(1);
    },
  },
  switchedOff: {
    options: { maxBufferedBytes: Infinity },
    outcome: async ({ running, spoils: honest }) => {
      await eventually(() => expect(running.requests).toHaveLength(1 + FLOOD));
      await expectAnswered(honest);
      await delay(BRIEFLY_MS);
      const { cut } = await running.close({ graceMs: 0 });
      expect(cut.reduce((sum, { bytesRead }) => sum + bytesRead, 0)).toBeGreaterThan(FLOOD * PART);
    },
  },
});

threat("a message dripped byte by byte", {
  servers: TCP_CELLS,
  handler: PrefixedEchoHandler,
  options: { idleTimeoutMs: 2 * SHORT_MS, rateGraceMs: SHORT_MS },
  attack: drip,
  met: {
    options: { minReadRate: 5_000 },
    outcome: async ({ running }) => {
      const [closed] = await running.closedCount(1);
      expect(closed).toMatchObject({ reason: "slow-sender", bytesWritten: 0 });
      expect(closed?.bytesRead).toBeGreaterThan(4);
    },
  },
  switchedOff: {
    options: { minReadRate: 0 },
    outcome: async ({ running }) => {
      await delay(2 * BRIEFLY_MS);
      expect(running.closedRequests).toEqual([]);
      expect(running.server.activeRequests).toBe(1);
    },
  },
});
