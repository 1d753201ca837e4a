import type { RunningServer } from "@socketserver/testing";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { setImmediate as nextTurn, setTimeout as delay } from "node:timers/promises";
import { expect } from "vitest";

import { DATAGRAM_CELLS } from "../conformance/matrix.ts";
import { EchoPacketHandler } from "../fixtures/echo-handlers.ts";
import { FirstByteHandler, ThreatenedPacketHandler } from "../fixtures/threatened-handlers.ts";
import { eventually } from "../support/eventually.ts";
import { someTurns } from "../support/some-turns.ts";
import { atOnce, those, threat } from "../support/threat.ts";
import { BRIEFLY_MS, type ThreatClients } from "../support/threat-clients.ts";

/** What fits into an IPv4 datagram. */
const LARGEST = 65_507;

/** Datagrams of the attacker: as many as the kernel surely keeps while nobody reads. */
const FLOOD = 100;
const ALLOWED = 4;

const SHORT_MS = 150;

/** Send as many datagrams, in parts, so that none is lost in the kernel. */
async function send({ port }: ThreatClients, packet: Uint8Array | string, count = 1): Promise<void> {
  const socket = createSocket("udp4");
  for (let sent = 0; sent < count; sent++) {
    const { promise, resolve } = Promise.withResolvers<unknown>();
    socket.send(packet, port, "127.0.0.1", resolve);
    expect(await promise).toBeNull();
    if (sent % 10 === 0) await nextTurn();
  }
  socket.close();
  await once(socket, "close");
  await someTurns();
}

/** Datagrams that the server holds, running or waiting. */
async function held(running: RunningServer): Promise<number> {
  const { open, refused } = await running.close({ graceMs: 0 });
  return open + refused;
}

threat("empty datagrams", {
  servers: DATAGRAM_CELLS,
  handler: FirstByteHandler,
  attack: (clients) => send(clients, "", 10),
  met: {
    outcome: async ({ running, clients }) => {
      await running.closedCount(10);
      expect(new Set(running.closedRequests.map(({ reason, bytesRead }) => `${reason} ${bytesRead}`))).toEqual(
        new Set(["handler-error 0"]),
      );
      expect(await clients.honest()).toBe("answered");
    },
  },
  lacking: {
    program: ["bare-server-program.ts", "looks at datagrams"],
    outcome: async ({ program }) => {
      expect(await program.end()).toMatchObject({ code: 1, stderr: expect.stringContaining("RangeError") });
    },
  },
});

threat("the largest datagram", {
  servers: DATAGRAM_CELLS,
  handler: EchoPacketHandler,
  attack: (clients) => send(clients, Buffer.alloc(LARGEST, "x")),
  met: {
    options: { maxPacketSize: 1_024 },
    outcome: async ({ running, clients }) => {
      await eventually(() => expect(running.drops).toMatchObject([{ reason: "packet-too-big" }]));
      expect(await clients.honest()).toBe("answered");
      await running.closedCount(1);
      expect(running.closedRequests.map(({ bytesRead }) => bytesRead)).not.toContain(LARGEST);
    },
  },
  switchedOff: {
    options: { maxPacketSize: 65_535 },
    outcome: async ({ running }) => {
      const [closed] = await running.closedCount(1);
      // Its sender, who may not be who it says, is sent as much.
      expect(closed).toMatchObject({ bytesRead: LARGEST, bytesWritten: LARGEST });
    },
  },
});

threat("a datagram flood", {
  servers: DATAGRAM_CELLS,
  handler: ThreatenedPacketHandler,
  options: (cell) => atOnce(cell, 1),
  attack: (clients) => send(clients, "pause 20", FLOOD),
  met: {
    options: { requestQueueSize: ALLOWED },
    outcome: async ({ running, clients }) => {
      await eventually(() => expect(running.drops.length).toBeGreaterThan(0));
      expect(new Set(running.drops.map(({ reason }) => reason))).toEqual(new Set(["queue-full"]));
      // Some have been served meanwhile; an honest client repeats what is dropped.
      expect(await clients.honest()).toBe("answered");
    },
  },
  switchedOff: {
    servers: those(DATAGRAM_CELLS, "plain", "async"),
    options: { requestQueueSize: Infinity },
    outcome: async ({ running, clients }) => {
      expect(await clients.honest(BRIEFLY_MS)).toBe("unanswered");
      expect(running.drops).toEqual([]);
      expect(await held(running)).toBeGreaterThan(FLOOD / 2);
    },
  },
});

threat("datagrams whose handlers never settle", {
  servers: those(DATAGRAM_CELLS, "async", "threading", "forking"),
  handler: ThreatenedPacketHandler,
  attack: (clients) => send(clients, "hang", FLOOD),
  met: {
    options: (cell) => ({ ...atOnce(cell, ALLOWED), requestQueueSize: ALLOWED }),
    outcome: async ({ running }) => {
      // One more may be held by a loop that waits for a worker.
      await eventually(() => expect(running.drops.length).toBeGreaterThanOrEqual(FLOOD - 2 * ALLOWED - 1));
      expect(await held(running)).toBeLessThanOrEqual(2 * ALLOWED + 1);
    },
  },
  switchedOff: {
    options: (cell) => atOnce(cell, Infinity),
    outcome: async ({ running }) => {
      await eventually(() => expect(running.requests).toHaveLength(FLOOD));
      expect(await held(running)).toBe(FLOOD);
    },
  },
});

threat("a datagram whose handler never settles", {
  servers: DATAGRAM_CELLS,
  handler: ThreatenedPacketHandler,
  options: (cell) => atOnce(cell, 2),
  attack: (clients) => send(clients, "hang"),
  met: {
    options: { deadlineMs: 2 * SHORT_MS },
    outcome: async ({ running, clients }) => {
      expect(await running.closedCount(1)).toMatchObject([{ id: 1, reason: "deadline" }]);
      expect(await clients.honest()).toBe("answered");
    },
  },
  switchedOff: {
    servers: those(DATAGRAM_CELLS, "plain"),
    options: { deadlineMs: Infinity },
    outcome: async ({ running, clients }) => {
      const [answer] = await Promise.all([clients.honest(BRIEFLY_MS), delay(BRIEFLY_MS)]);
      expect(answer).toBe("unanswered");
      expect(running.closedRequests).toEqual([]);
    },
  },
});
