import type { RunningServer } from "@socketserver/testing";
import { setTimeout as delay } from "node:timers/promises";
import { expect } from "vitest";

import { STREAM_CELLS } from "../conformance/matrix.ts";
import { ThreatenedHandler } from "../fixtures/threatened-handlers.ts";
import { eventually } from "../support/eventually.ts";
import { TCP_CELLS, threat, type AttackedProgram } from "../support/threat.ts";
import { BRIEFLY_MS } from "../support/threat-clients.ts";

const MANY = 50;

/** A disconnect that nobody listened for ended the program. */
async function expectEnded({ program }: AttackedProgram<unknown>): Promise<void> {
  expect(await program.end()).toMatchObject({ code: 1, stderr: expect.stringMatching(/ECONNRESET|EPIPE/) });
}

/** As many connections stay open for ever. */
async function expectOpen({ program }: AttackedProgram<unknown>, count: number): Promise<void> {
  await program.line(new RegExp(`^open ${count}$`));
  await delay(BRIEFLY_MS);
  expect(program.lines.at(-1)).toBe(`open ${count}`);
}

/** Every request that was taken is closed and gone. */
async function expectNothingHeld({ requests, closedRequests, server }: RunningServer): Promise<void> {
  await eventually(() => {
    expect(closedRequests).toHaveLength(requests.length);
    expect(server.activeRequests).toBe(0);
  });
}

threat("clients that reset at once", {
  servers: STREAM_CELLS,
  handler: ThreatenedHandler,
  attack: async (clients) => {
    for (let index = 0; index < MANY; index++) (await clients.tryToConnect())?.abort();
  },
  met: {
    outcome: async ({ running, clients }) => {
      expect(await clients.honest()).toBe("answered");
      await expectNothingHeld(running);
      expect(running.closedRequests.map(({ reason }) => reason)).not.toContain("handler-error");
      expect(running.errors).toEqual([]);
    },
  },
  lacking: { program: ["bare-server-program.ts", "echoes"], outcome: expectEnded },
});

threat("clients that end at once", {
  servers: STREAM_CELLS,
  handler: ThreatenedHandler,
  attack: async (clients) => {
    // They never close their sockets: what they hold is held until the server lets go.
    for (let index = 0; index < MANY; index++) (await clients.connect()).shutdown("write");
  },
  met: {
    outcome: async ({ running, clients }) => {
      await running.closedCount(MANY);
      expect(new Set(running.closedRequests.map(({ reason }) => reason))).toEqual(new Set(["peer-end"]));
      expect(await clients.honest()).toBe("answered");
      await expectNothingHeld(running);
      expect(running.errors).toEqual([]);
    },
  },
  lacking: {
    program: ["bare-server-program.ts", "waits"],
    outcome: (attacked) => expectOpen(attacked, MANY),
  },
});

threat("a client that resets in the middle of its request", {
  servers: STREAM_CELLS,
  handler: ThreatenedHandler,
  attack: async (clients) => {
    const client = await clients.connect();
    await client.sendAll("a line\nhalf a li");
    await client.recv();
    client.abort();
  },
  met: {
    outcome: async ({ cell, running, clients }) => {
      // A Unix socket knows no reset: its peer sees an end.
      const reason = cell.name.includes("Unix") ? /^peer-(end|reset)$/ : /^peer-reset$/;
      expect(await running.closedCount(1)).toMatchObject([{ reason: expect.stringMatching(reason) }]);
      expect(await clients.honest()).toBe("answered");
      expect(running.errors).toEqual([]);
    },
  },
  lacking: { program: ["bare-server-program.ts", "echoes"], outcome: expectEnded },
});

threat("a client that resets in the middle of its answer", {
  servers: STREAM_CELLS,
  handler: ThreatenedHandler,
  attack: async (clients) => {
    const client = await clients.connect();
    await client.sendAll("answer 64\n");
    await client.recv(1);
    client.abort();
  },
  met: {
    outcome: async ({ running, clients }) => {
      expect(await running.closedCount(1)).toMatchObject([{ reason: "peer-reset" }]);
      expect(await clients.honest()).toBe("answered");
      expect(running.errors).toEqual([]);
    },
  },
  lacking: { program: ["bare-server-program.ts", "answers"], outcome: expectEnded },
});

threat("a client that ends in the middle of a message", {
  servers: TCP_CELLS,
  handler: ThreatenedHandler,
  attack: async (clients) => {
    const client = await clients.connect();
    await client.sendAll("exactly 1000\n1234567");
    client.shutdown("write");
  },
  met: {
    outcome: async ({ running, clients }) => {
      expect(await running.closedCount(1)).toMatchObject([{ reason: "protocol" }]);
      expect(await clients.honest()).toBe("answered");
      await expectNothingHeld(running);
    },
  },
  lacking: {
    program: ["bare-server-program.ts", "waits"],
    outcome: (attacked) => expectOpen(attacked, 1),
  },
});
