import type { Connection } from "@socketserver/core";
import type { RunningServer } from "@socketserver/testing";
import { expect } from "vitest";

import { BurdenedHandler, TolerantHandler } from "../fixtures/burdened-handlers.ts";
import { ThreatenedHandler } from "../fixtures/threatened-handlers.ts";
import { ask } from "../support/ask.ts";
import { eventually } from "../support/eventually.ts";
import { TCP_CELLS, those, threat, type AttackedServer } from "../support/threat.ts";
import type { ThreatClients } from "../support/threat-clients.ts";

/** Connections of the attacker, and what the defences allow. */
const FLOOD = 12;
const ALLOWED = 3;

/** Addresses of the loopback interface; honest clients come from 127.0.0.1. */
const STRANGER = "127.0.0.2";

/** Servers in which an attacker's request does not hold up an honest one. */
const CONCURRENT = those(TCP_CELLS, "async", "threading", "forking");

/** The same servers on every address, so that who comes by IPv4 has an address of IPv6. */
const DUAL_STACK = TCP_CELLS.map((cell) => ({ ...cell, address: async () => ({ host: "::", port: 0 }) }));

function flood(clients: ThreatClients): Promise<Connection[]> {
  return clients.flood(FLOOD, STRANGER);
}

/** One connection from each of as many addresses. */
async function floodFrom(clients: ThreatClients, address: (index: number) => string): Promise<void> {
  for (let index = 1; index <= FLOOD; index++) await clients.flood(1, address(index));
}

/** Guess passwords, a connection for each; how many of them were looked at. */
async function guess(clients: ThreatClients): Promise<number> {
  let guesses = 0;
  for (let index = 0; index < FLOOD; index++) {
    const client = await clients.tryToConnect(STRANGER);
    const answer = client === undefined ? "" : await ask(client, `guess ${index}`).catch(() => "");
    if (answer === "wrong") guesses++;
    await client?.close();
  }
  return guesses;
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

/** None of them was as much as looked at, and an honest client is served. */
async function expectDenied({ running, clients }: AttackedServer<unknown>): Promise<void> {
  await expectDrops(running, FLOOD, "denied");
  expect(running.drops[0]).toMatchObject({ clientAddress: { host: STRANGER } });
  expect(running.requests).toEqual([]);
  expect(await clients.honest()).toBe("answered");
}

threat("a client whose address is denied", {
  servers: TCP_CELLS,
  handler: ThreatenedHandler,
  attack: flood,
  met: { options: { denyAddresses: ["192.0.2.0/24", STRANGER] }, outcome: expectDenied },
  switchedOff: { options: { denyAddresses: [] }, outcome: expectAllIn },
});

threat("a client whose address is denied, and who comes by the other family", {
  servers: DUAL_STACK,
  handler: ThreatenedHandler,
  attack: flood,
  met: { options: { denyAddresses: [STRANGER] }, outcome: expectDenied },
  lacking: {
    program: ["home-made-program.ts", "denies an address"],
    outcome: async ({ spoils: [client] }) => expect(await ask(client as Connection, "hello")).toBe("hello"),
  },
});

threat("a client from outside of the network that is served", {
  servers: TCP_CELLS,
  handler: ThreatenedHandler,
  attack: flood,
  met: { options: { allowAddresses: ["127.0.0.0/31"] }, outcome: expectDenied },
  switchedOff: { options: { allowAddresses: undefined }, outcome: expectAllIn },
});

threat("a client that guesses passwords", {
  servers: TCP_CELLS,
  handler: BurdenedHandler,
  attack: guess,
  met: {
    outcome: async ({ running, clients, spoils: guesses }) => {
      expect(guesses).toBe(1);
      await expectDrops(running, FLOOD - 1, "denied");
      expect(await clients.honest()).toBe("answered");
    },
  },
  switchedOff: {
    handler: TolerantHandler,
    outcome: async ({ spoils: guesses }) => expect(guesses).toBe(FLOOD),
  },
});

threat("connections from many addresses of one subnet", {
  servers: CONCURRENT,
  handler: ThreatenedHandler,
  options: { maxConnectionsPerAddress: 1 },
  attack: (clients) => floodFrom(clients, (index) => `127.0.1.${index}`),
  met: {
    options: { maxConnectionsPerSubnet: ALLOWED },
    outcome: async ({ running, clients }) => {
      await expectDrops(running, FLOOD - ALLOWED, "max-connections-per-subnet");
      expect(await clients.honest()).toBe("answered");
    },
  },
  switchedOff: { options: { maxConnectionsPerSubnet: Infinity }, outcome: expectAllIn },
});

threat("connections from many subnets of one provider", {
  servers: CONCURRENT,
  handler: ThreatenedHandler,
  options: { maxConnectionsPerSubnet: ALLOWED },
  attack: (clients) => floodFrom(clients, (index) => `127.1.${index}.1`),
  met: {
    options: { ipv4SubnetPrefix: 16 },
    outcome: async ({ running, clients }) => {
      await expectDrops(running, FLOOD - ALLOWED, "max-connections-per-subnet");
      expect(await clients.honest()).toBe("answered");
    },
  },
  switchedOff: { options: { ipv4SubnetPrefix: 24 }, outcome: expectAllIn },
});

threat("a client that comes again and again, and takes the rate of all", {
  servers: TCP_CELLS,
  handler: ThreatenedHandler,
  // As many as may come in a second, and more.
  options: { maxAcceptRate: FLOOD, lingerMs: 0 },
  attack: async (clients) => {
    for (const client of await clients.flood(3 * FLOOD, STRANGER)) client.abort();
  },
  met: {
    options: { maxAcceptRatePerAddress: ALLOWED },
    outcome: async ({ running, clients }) => {
      expect(await clients.honest()).toBe("answered");
      await eventually(() =>
        expect(new Set(running.drops.map(({ reason }) => reason))).toEqual(new Set(["accept-rate-per-address"])),
      );
    },
  },
  switchedOff: {
    options: { maxAcceptRatePerAddress: Infinity },
    outcome: async ({ running, clients }) => {
      // Whoever comes next finds nothing left of this second.
      const [answer] = await Promise.all([clients.honest(50), clients.flood(FLOOD, STRANGER)]);
      expect(answer).not.toBe("answered");
      expect(running.drops.some(({ reason }) => reason === "accept-rate")).toBe(true);
    },
  },
});
