import type { RunningServer } from "@socketserver/testing";
import { setTimeout as delay } from "node:timers/promises";
import { expect } from "vitest";

import { STREAM_CELLS } from "../conformance/matrix.ts";
import { BurdenedHandler, TickingHandler } from "../fixtures/burdened-handlers.ts";
import { CommittingHandler } from "../fixtures/closing-handlers.ts";
import { ThreatenedHandler } from "../fixtures/threatened-handlers.ts";
import { ask } from "../support/ask.ts";
import { soon } from "../support/soon.ts";
import { TCP_CELLS, those, threat } from "../support/threat.ts";
import { BRIEFLY_MS, type ThreatClients } from "../support/threat-clients.ts";

/** What the defences allow. */
const SHORT_MS = 200;

/** How long the slow ones rest, and much more than what they manage. */
const DRIP_MS = 10;
const MIN_READ_RATE = 5_000;
const SIP_MS = 20;
const MIN_WRITE_RATE = 1_000_000_000;

/** So much of the answer is read at once: less would not show, because the kernel opens its window by pieces of that size. */
const SIP = 65_536;

/** How long the event loop is held up, and what its clocks would allow. */
const STALL_MS = 3_000;

/** Nobody ends the attacker's request. */
async function expectHeld({ closedRequests, server }: RunningServer): Promise<void> {
  await delay(2 * BRIEFLY_MS);
  expect(closedRequests).toEqual([]);
  expect(server.activeRequests).toBe(1);
}

/** Listen to what is said, and answer nothing. */
async function listen(clients: ThreatClients): Promise<void> {
  const client = await clients.connect();
  const listening = async (): Promise<void> => {
    while ((await client.recv()).length > 0);
  };
  listening().catch(() => undefined);
}

/** Send a line, byte by byte. */
async function drip(clients: ThreatClients): Promise<void> {
  const client = await clients.connect();
  const dripping = async (): Promise<void> => {
    for (;;) {
      await client.sendAll(".");
      await delay(DRIP_MS);
    }
  };
  dripping().catch(() => undefined);
}

/** Ask for much, and read it, drop by drop. */
async function sip(clients: ThreatClients): Promise<void> {
  const client = await clients.connect();
  await client.sendAll("answer 1024\n");
  const sipping = async (): Promise<void> => {
    while ((await client.recv(SIP)).length > 0) await delay(SIP_MS);
  };
  sipping().catch(() => undefined);
}

/** Say something now and then, and never leave. */
async function stay(clients: ThreatClients): Promise<void> {
  const client = await clients.connect();
  expect(await ask(client, "hello")).toBe("hello");
  const staying = async (): Promise<void> => {
    for (;;) {
      if ((await ask(client, "still here")) === "") return client.close();
      await delay(DRIP_MS);
    }
  };
  staying().catch(() => undefined);
}

/** Say half a line, and the other half while nobody can read it, because another handler computes; the answer. */
async function interrupt(clients: ThreatClients): Promise<string> {
  const client = await clients.connect();
  await client.sendAll("hello, ");
  const other = await clients.connect();
  expect(await ask(other, "ready")).toBe("ready");
  const stalled = ask(other, `stall ${STALL_MS}`);
  await client.sendAll("world\n");
  const answer = client.recv().then(
    (line) => String(line).trim(),
    () => "cut",
  );
  await stalled;
  return soon(answer);
}

threat("a client that waits to be spoken to", {
  servers: STREAM_CELLS,
  handler: TickingHandler,
  options: { idleTimeoutMs: SHORT_MS },
  attack: listen,
  met: {
    options: { firstByteTimeoutMs: SHORT_MS },
    outcome: async ({ running, clients }) => {
      const [closed] = await running.closedCount(1);
      expect(closed).toMatchObject({ reason: "first-byte", bytesRead: 0 });
      expect(closed?.bytesWritten).toBeGreaterThan(0);
      // One at least: several come together if this side was held up.
      expect(String(await (await clients.connect()).recv())).toMatch(/^(?:tick\n)+$/);
    },
  },
  switchedOff: {
    options: { firstByteTimeoutMs: Infinity },
    outcome: ({ running }) => expectHeld(running),
  },
});

threat("a line dripped byte by byte", {
  servers: STREAM_CELLS,
  handler: ThreatenedHandler,
  options: { idleTimeoutMs: 2 * SHORT_MS, rateGraceMs: SHORT_MS },
  attack: drip,
  met: {
    options: { minReadRate: MIN_READ_RATE },
    outcome: async ({ running, clients }) => {
      const [closed] = await running.closedCount(1);
      expect(closed).toMatchObject({ reason: "slow-sender", bytesWritten: 0 });
      expect(closed?.bytesRead).toBeGreaterThan(1);
      expect(await clients.honest()).toBe("answered");
    },
  },
  switchedOff: { options: { minReadRate: 0 }, outcome: ({ running }) => expectHeld(running) },
});

threat("an answer read drop by drop", {
  servers: STREAM_CELLS,
  handler: ThreatenedHandler,
  options: { writeStallMs: 2 * SHORT_MS, rateGraceMs: SHORT_MS / 2 },
  attack: sip,
  met: {
    options: { minWriteRate: MIN_WRITE_RATE },
    outcome: async ({ running, clients }) => {
      expect(await soon(running.closedCount(1))).toMatchObject([{ reason: "slow-reader" }]);
      expect(await clients.honest()).toBe("answered");
    },
  },
  switchedOff: {
    // A Unix socket: what its peer takes is seen at once, because its buffer is small.
    servers: STREAM_CELLS.filter(({ name }) => name === "UnixStreamServer"),
    options: { minWriteRate: 0 },
    outcome: ({ running }) => expectHeld(running),
  },
});

threat("an answer read drop by drop, and each of its pieces just in time", {
  servers: STREAM_CELLS,
  handler: ThreatenedHandler,
  options: { writeStallMs: 60_000, rateGraceMs: 3 * SHORT_MS },
  attack: sip,
  met: {
    options: { minWriteRate: MIN_WRITE_RATE },
    outcome: async ({ running, clients }) => {
      expect(await soon(running.closedCount(1))).toMatchObject([{ reason: "slow-reader" }]);
      expect(await clients.honest()).toBe("answered");
    },
  },
  switchedOff: { options: { minWriteRate: 0 }, outcome: ({ running }) => expectHeld(running) },
});

threat("a client that stays for ever", {
  servers: TCP_CELLS,
  handler: ThreatenedHandler,
  options: { graceMs: 60_000 },
  attack: stay,
  met: {
    options: { maxAgeMs: SHORT_MS },
    outcome: async ({ running, clients }) => {
      const [closed] = await running.closedCount(1);
      expect(closed).toMatchObject({ reason: "done" });
      // It was answered until then.
      expect(closed?.bytesWritten).toBe(closed?.bytesRead);
      expect(closed?.durationMs).toBeGreaterThan(0.9 * SHORT_MS - 1);
      expect(await clients.honest()).toBe("answered");
    },
  },
  switchedOff: { options: { maxAgeMs: Infinity }, outcome: ({ running }) => expectHeld(running) },
});

threat("a client that stays for ever, with a handler that lets it", {
  servers: TCP_CELLS,
  handler: CommittingHandler,
  options: { maxAgeMs: SHORT_MS },
  attack: stay,
  met: {
    options: { graceMs: SHORT_MS },
    outcome: async ({ running, clients }) => {
      expect(await running.closedCount(1)).toMatchObject([{ reason: "max-age" }]);
      expect(await clients.honest()).toBe("answered");
    },
  },
  switchedOff: { options: { graceMs: 60_000 }, outcome: ({ running }) => expectHeld(running) },
});

threat("a program that holds up its own event loop", {
  servers: those(TCP_CELLS, "async", "threading", "forking"),
  handler: BurdenedHandler,
  attack: interrupt,
  met: {
    options: {
      idleTimeoutMs: SHORT_MS,
      firstByteTimeoutMs: SHORT_MS,
      deadlineMs: STALL_MS / 2,
      minReadRate: 1,
      rateGraceMs: SHORT_MS,
      maxAgeMs: STALL_MS / 2,
    },
    outcome: async ({ running, spoils: answer }) => {
      expect(answer).toBe("hello, world");
      expect(running.closedRequests).toEqual([]);
    },
  },
  lacking: {
    program: ["home-made-program.ts", "cuts who is idle"],
    outcome: async ({ spoils: answer }) => expect(answer).not.toContain("world"),
  },
});
