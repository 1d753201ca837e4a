import type { Connection } from "@socketserver/core";
import type { RunningServer } from "@socketserver/testing";
import { setTimeout as delay } from "node:timers/promises";
import { expect } from "vitest";

import { STREAM_CELLS } from "../conformance/matrix.ts";
import { CommittingHandler, EchoAllHandler } from "../fixtures/closing-handlers.ts";
import { EchoLineHandler } from "../fixtures/echo-handlers.ts";
import { ThreatenedHandler } from "../fixtures/threatened-handlers.ts";
import { soon } from "../support/soon.ts";
import { TCP_CELLS, those, threat } from "../support/threat.ts";
import { BRIEFLY_MS, type ThreatClients } from "../support/threat-clients.ts";

/** What the defences allow; several times less than what is waited where they are switched off. */
const SHORT_MS = 150;

const PLAIN_AND_ASYNC = those(TCP_CELLS, "plain", "async");

/** Nobody ends the attacker's request. */
async function expectHeld({ closedRequests, server }: RunningServer): Promise<void> {
  await delay(BRIEFLY_MS);
  expect(closedRequests).toEqual([]);
  expect(server.activeRequests).toBe(1);
}

/** The same, and a server that serves one at a time has no time for an honest client. */
async function expectServesNobody(running: RunningServer, clients: ThreatClients): Promise<void> {
  const [answer] = await Promise.all([clients.honest(BRIEFLY_MS), expectHeld(running)]);
  expect(answer).toBe("unanswered");
}

/** Send a byte now and then, until the connection is over. */
function drip(client: Connection): void {
  const timer = setInterval(() => {
    try {
      client.send(".");
    } catch {
      clearInterval(timer);
    }
  }, 10);
  void client.closed.then(() => clearInterval(timer));
}

/** Ask for a line, and read the answer to its end, but do not end our side. */
async function stayHalfOpen(clients: ThreatClients): Promise<Connection> {
  const client = await clients.connect();
  await client.sendAll("a line\n");
  expect(String(await client.recvExactly(7))).toBe("a line\n");
  expect(await client.recv()).toHaveLength(0);
  return client;
}

/** Whether the server closes in time. */
async function closesIn(running: RunningServer, ms: number): Promise<boolean> {
  return Promise.race([running.close().then(() => true), delay(ms, false)]);
}

threat("a client that connects and sends nothing", {
  servers: STREAM_CELLS,
  handler: ThreatenedHandler,
  attack: (clients) => clients.connect(),
  met: {
    options: { idleTimeoutMs: SHORT_MS },
    outcome: async ({ running, clients }) => {
      expect(await running.closedCount(1)).toMatchObject([{ reason: "idle", bytesRead: 0 }]);
      expect(await clients.honest()).toBe("answered");
    },
  },
  switchedOff: {
    servers: PLAIN_AND_ASYNC,
    options: { idleTimeoutMs: Infinity },
    outcome: async ({ cell, running, clients }) => {
      if (cell.concurrency === "plain") await expectServesNobody(running, clients);
      else await expectHeld(running);
    },
  },
});

threat("a client that stops in the middle of a line", {
  servers: TCP_CELLS,
  handler: ThreatenedHandler,
  attack: async (clients) => (await clients.connect()).sendAll("half a li"),
  met: {
    options: { idleTimeoutMs: SHORT_MS },
    outcome: async ({ running, clients }) => {
      expect(await running.closedCount(1)).toMatchObject([{ reason: "idle", bytesRead: 9, bytesWritten: 0 }]);
      expect(await clients.honest()).toBe("answered");
    },
  },
  switchedOff: {
    options: { idleTimeoutMs: Infinity },
    outcome: ({ running, clients }) => expectServesNobody(running, clients),
  },
});

threat("a client that drips one byte at a time", {
  servers: TCP_CELLS,
  handler: ThreatenedHandler,
  // Far above the time between two drops: without a deadline it is no defence.
  options: { idleTimeoutMs: 2 * SHORT_MS },
  attack: async (clients) => drip(await clients.connect()),
  met: {
    options: { deadlineMs: 2 * SHORT_MS },
    outcome: async ({ running, clients }) => {
      const [closed] = await running.closedCount(1);
      expect(closed).toMatchObject({ reason: "deadline" });
      expect(closed?.bytesRead).toBeGreaterThan(1);
      expect(await clients.honest()).toBe("answered");
    },
  },
  switchedOff: {
    options: { deadlineMs: Infinity },
    outcome: ({ running, clients }) => expectServesNobody(running, clients),
  },
});

threat("a client that asks for a large answer and reads nothing", {
  servers: STREAM_CELLS,
  handler: ThreatenedHandler,
  attack: async (clients) => (await clients.connect()).sendAll("answer 64\n"),
  met: {
    options: { writeStallMs: SHORT_MS },
    outcome: async ({ running, clients }) => {
      expect(await running.closedCount(1)).toMatchObject([{ reason: "slow-reader" }]);
      expect(await clients.honest()).toBe("answered");
    },
  },
  switchedOff: {
    options: { writeStallMs: Infinity },
    outcome: ({ running, clients }) => expectServesNobody(running, clients),
  },
});

threat("a half-open client that never ends its side", {
  servers: STREAM_CELLS,
  handler: EchoLineHandler,
  attack: stayHalfOpen,
  met: {
    options: { lingerMs: SHORT_MS },
    outcome: async ({ running }) => {
      expect(await running.closedCount(1)).toMatchObject([{ reason: "done", bytesWritten: 7 }]);
    },
  },
  switchedOff: { options: { lingerMs: Infinity }, outcome: ({ running }) => expectHeld(running) },
});

threat("a client that goes on sending after our close", {
  servers: TCP_CELLS,
  handler: EchoLineHandler,
  attack: async (clients) => drip(await stayHalfOpen(clients)),
  met: {
    options: { lingerMs: SHORT_MS },
    outcome: async ({ running }) => {
      expect(await running.closedCount(1)).toMatchObject([{ reason: "done", bytesRead: 7 }]);
    },
  },
  switchedOff: { options: { lingerMs: Infinity }, outcome: ({ running }) => expectHeld(running) },
});

threat("a client that stops in the middle of a request at shutdown", {
  servers: TCP_CELLS,
  handler: ThreatenedHandler,
  attack: async (clients) => {
    const client = await clients.connect();
    await client.sendAll("a line\nhalf a li");
    expect(String(await client.recvExactly(7))).toBe("a line\n");
  },
  met: {
    options: { graceMs: SHORT_MS },
    outcome: async ({ running }) => {
      expect(await soon(running.close())).toMatchObject({ finished: 0, cut: [{ bytesRead: 16, settled: true }] });
      expect(running.closedRequests).toMatchObject([{ reason: "drain" }]);
    },
  },
  switchedOff: {
    options: { graceMs: Infinity },
    outcome: async ({ running }) => expect(await closesIn(running, BRIEFLY_MS)).toBe(false),
  },
});

threat("a client that keeps its connection at shutdown and asks nothing", {
  servers: TCP_CELLS,
  handler: EchoAllHandler,
  options: { graceMs: 60_000 },
  attack: async (clients) => {
    const client = await clients.connect();
    await client.sendAll("a line\n");
    expect(String(await client.recvExactly(7))).toBe("a line\n");
  },
  met: {
    outcome: async ({ running }) => {
      expect(await soon(running.close())).toMatchObject({ open: 1, finished: 1, cut: [] });
      expect(running.closedRequests).toMatchObject([{ reason: "done" }]);
    },
  },
  switchedOff: {
    // The same handler with `endOnDrain = false`.
    handler: CommittingHandler,
    outcome: async ({ running }) => expect(await closesIn(running, BRIEFLY_MS)).toBe(false),
  },
});
