import type { DrainReport } from "@socketserver/core";
import type { RunningServer } from "@socketserver/testing";
import { setTimeout as delay } from "node:timers/promises";
import { expect } from "vitest";

import { AmplifyingHandler, ThreatenedHandler } from "../fixtures/threatened-handlers.ts";
import { ask } from "../support/ask.ts";
import { eventually } from "../support/eventually.ts";
import { TCP_CELLS, atOnce, those, threat } from "../support/threat.ts";
import type { ThreatClients } from "../support/threat-clients.ts";

const MEBIBYTE = 1_048_576;

/** Connections of the attacker, and what the defences allow. */
const FLOOD = 12;
const ALLOWED = 4;

/** Bytes of the attacker, which is more than the kernel keeps for both ends of a connection. */
const FLOOD_BYTES = 16 * MEBIBYTE;

/** Requests of one client that are answered with 64 KiB each, and how many of those answers fit into the kernel at most. */
const PIPELINED = 1_000;
const IN_KERNEL = 500;

/** A high-water mark that bounds nothing of what the attackers of this file do. */
const NO_MARK = 512 * MEBIBYTE;

/** What has not changed for so long will not change any more. */
const STILL_MS = 300;

/** How many requests the server has, running or waiting. */
async function held(running: RunningServer): Promise<number> {
  const { open, refused }: DrainReport = await running.close({ graceMs: 0 });
  return open + refused;
}

/** Wait until a number has grown, and grows no more, or has reached the most that it can. */
async function stillness(number: () => number, most: number): Promise<void> {
  for (let before = 0; number() < most && (number() === 0 || number() !== before); await delay(STILL_MS)) {
    before = number();
  }
}

/** Send a lot, and wait until all of it has left, or nothing more leaves. */
async function sendALot(clients: ThreatClients, first: string): Promise<void> {
  const client = await clients.connect();
  client.sendAll(Buffer.concat([Buffer.from(first), Buffer.alloc(FLOOD_BYTES, "x")])).catch(() => undefined);
  await stillness(() => client.bytesWritten - client.socket.writableLength, FLOOD_BYTES);
}

/** Ask as many clients at once how many handlers run; the answers that come. */
async function count(clients: ThreatClients): Promise<number[]> {
  const answers: number[] = [];
  for (const client of await clients.flood(FLOOD)) {
    ask(client, "count").then(
      (answer) => answers.push(Number(answer)),
      () => undefined,
    );
  }
  await stillness(() => answers.length, FLOOD);
  return [...answers];
}

threat("connections without end", {
  servers: TCP_CELLS,
  handler: ThreatenedHandler,
  attack: (clients) => clients.flood(FLOOD),
  met: {
    options: { maxConnections: ALLOWED },
    outcome: async ({ running, clients }) => {
      await eventually(() => expect(running.drops).toHaveLength(FLOOD - ALLOWED));
      expect(new Set(running.drops.map(({ reason }) => reason))).toEqual(new Set(["max-connections"]));
      expect(running.server.activeRequests).toBeLessThanOrEqual(ALLOWED);
      clients.leave();
      await eventually(async () => expect(await clients.honest()).toBe("answered"));
    },
  },
  switchedOff: {
    servers: those(TCP_CELLS, "plain", "async"),
    options: { maxConnections: Infinity },
    outcome: async ({ running }) => {
      expect(running.drops).toEqual([]);
      expect(await held(running)).toBe(FLOOD);
    },
  },
});

threat("connections without end from one address", {
  servers: those(TCP_CELLS, "async", "threading", "forking"),
  handler: ThreatenedHandler,
  options: { maxConnections: 2 * ALLOWED },
  attack: (clients) => clients.flood(FLOOD, "127.0.0.2"),
  met: {
    options: { maxConnectionsPerAddress: ALLOWED },
    outcome: async ({ running, clients }) => {
      await eventually(() => expect(running.drops).toHaveLength(FLOOD - ALLOWED));
      expect(running.drops[0]).toMatchObject({
        clientAddress: { host: "127.0.0.2" },
        reason: "max-connections-per-address",
      });
      expect(await clients.honest()).toBe("answered");
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

threat("connections that wait for their turn without end", {
  servers: TCP_CELLS,
  handler: ThreatenedHandler,
  options: (cell) => atOnce(cell, 1),
  attack: (clients) => clients.flood(FLOOD),
  met: {
    options: { requestQueueSize: ALLOWED },
    outcome: async ({ running, clients }) => {
      // One runs, and one more may be held by a loop that waits for a worker.
      await eventually(() => expect(running.drops.length).toBeGreaterThanOrEqual(FLOOD - ALLOWED - 2));
      expect(new Set(running.drops.map(({ reason }) => reason))).toEqual(new Set(["queue-full"]));
      clients.leave();
      await eventually(async () => expect(await clients.honest()).toBe("answered"));
    },
  },
  switchedOff: {
    servers: those(TCP_CELLS, "plain", "async"),
    options: { requestQueueSize: Infinity },
    outcome: async ({ running }) => {
      expect(running.drops).toEqual([]);
      expect(await held(running)).toBe(FLOOD);
    },
  },
});

threat("more requests at once than the server can bear", {
  servers: those(TCP_CELLS, "async", "threading", "forking"),
  handler: ThreatenedHandler,
  attack: count,
  met: {
    options: (cell) => atOnce(cell, ALLOWED),
    outcome: async ({ running, clients, spoils }) => {
      expect(spoils).toHaveLength(ALLOWED);
      expect(Math.max(...spoils)).toBe(ALLOWED);
      expect(running.drops).toEqual([]);
      clients.leave();
      expect(await clients.honest()).toBe("answered");
    },
  },
  switchedOff: {
    options: (cell) => atOnce(cell, Infinity),
    outcome: async ({ spoils }) => {
      expect(spoils).toHaveLength(FLOOD);
      expect(Math.max(...spoils)).toBe(FLOOD);
    },
  },
});

threat("a client that sends faster than its handler reads", {
  servers: TCP_CELLS,
  handler: ThreatenedHandler,
  attack: (clients) => sendALot(clients, "hang\n"),
  met: {
    options: { highWaterMark: 65_536 },
    outcome: async ({ running }) => {
      const { cut } = await running.close({ graceMs: 0 });
      expect(cut).toHaveLength(1);
      expect(cut[0]?.bytesRead).toBeLessThan(4 * 65_536);
    },
  },
  switchedOff: {
    options: { highWaterMark: NO_MARK },
    outcome: async ({ running }) => {
      const { cut } = await running.close({ graceMs: 0 });
      // What has left, less what is still under way in the kernel.
      expect(cut[0]?.bytesRead).toBeGreaterThan(FLOOD_BYTES / 4);
    },
  },
});

threat("a flood of pipelined requests whose answers nobody reads", {
  servers: TCP_CELLS,
  handler: AmplifyingHandler,
  options: { writeStallMs: 200 },
  attack: async (clients) => (await clients.connect()).sendAll("?\n".repeat(PIPELINED)),
  met: {
    options: { highWaterMark: 65_536 },
    outcome: async ({ running }) => {
      expect(await running.closedCount(1)).toMatchObject([{ reason: "slow-reader" }]);
      expect(await answered(running)).toBeLessThan(IN_KERNEL);
    },
  },
  switchedOff: {
    servers: those(TCP_CELLS, "plain", "async"),
    options: { highWaterMark: NO_MARK },
    outcome: async ({ running }) => {
      await running.closedCount(1);
      expect(await answered(running)).toBe(PIPELINED);
    },
  },
});

/** How many answers the handler has made, in memory or on their way. */
async function answered({ errors }: RunningServer): Promise<number> {
  const [error] = await eventually(() => {
    expect(errors).toHaveLength(1);
    return errors as readonly Error[];
  });
  return Number(error?.message.replace("answered ", ""));
}
