import { expect } from "vitest";

import { DATAGRAM_CELLS } from "../conformance/matrix.ts";
import { ThreatenedPacketHandler } from "../fixtures/threatened-handlers.ts";
import { eventually } from "../support/eventually.ts";
import { floodDatagrams } from "../support/flood-datagrams.ts";
import { spoofDatagram } from "../support/spoof-datagram.ts";
import { threat } from "../support/threat.ts";

/** Datagrams of the attacker, and what the defences allow. */
const FLOOD = 50;
const ALLOWED = 5;

/** Another address of the loopback interface; honest clients send from 127.0.0.1. */
const STRANGER = "127.0.0.2";

threat("datagrams from a denied address", {
  servers: DATAGRAM_CELLS,
  handler: ThreatenedPacketHandler,
  attack: ({ port }) => floodDatagrams(port, "?", FLOOD, STRANGER),
  met: {
    options: { denyAddresses: [STRANGER] },
    outcome: async ({ running, clients }) => {
      await eventually(() => expect(running.drops).toHaveLength(FLOOD));
      expect(running.drops[0]).toMatchObject({ clientAddress: { host: STRANGER }, reason: "denied" });
      expect(running.requests).toEqual([]);
      expect(await clients.honest()).toBe("answered");
    },
  },
  switchedOff: {
    options: { denyAddresses: [] },
    outcome: async ({ running }) => {
      await running.closedCount(FLOOD);
      expect(running.closedRequests[0]).toMatchObject({ clientAddress: { host: STRANGER }, bytesWritten: 1 });
    },
  },
});

threat("datagrams at a higher rate than the server shall answer", {
  servers: DATAGRAM_CELLS,
  handler: ThreatenedPacketHandler,
  attack: ({ port }) => floodDatagrams(port, "?", FLOOD),
  met: {
    options: { maxAcceptRate: ALLOWED },
    outcome: async ({ running, clients }) => {
      // Some are served while the flood goes on, if the machine is slow.
      await eventually(() => expect(running.drops.length).toBeGreaterThan(FLOOD / 2));
      expect(new Set(running.drops.map(({ reason }) => reason))).toEqual(new Set(["accept-rate"]));
      // An honest client repeats what is dropped.
      expect(await clients.honest()).toBe("answered");
    },
  },
  switchedOff: {
    options: { maxAcceptRate: Infinity },
    outcome: async ({ running }) => {
      await running.closedCount(FLOOD);
      expect(running.drops).toEqual([]);
    },
  },
});

threat("a datagram that cannot be answered", {
  servers: DATAGRAM_CELLS,
  handler: ThreatenedPacketHandler,
  attack: ({ port }) => spoofDatagram(port, "?"),
  met: {
    outcome: async ({ running, clients }) => {
      expect(await running.closedCount(1)).toMatchObject([{ clientAddress: { port: 0 }, bytesRead: 1 }]);
      expect(await clients.honest()).toBe("answered");
      await eventually(() => expect(running.errors).toMatchObject([{ code: "ERR_SOCKET_BAD_PORT" }]));
    },
  },
  lacking: {
    program: ["home-made-program.ts", "answers datagrams"],
    outcome: async ({ program }) => {
      expect(await program.end()).toMatchObject({ code: 1, stderr: expect.stringContaining("ERR_SOCKET_BAD_PORT") });
    },
  },
});
