import type { WorkerMembers } from "@socketserver/core";
import type { RunningServer } from "@socketserver/testing";
import { setTimeout as delay } from "node:timers/promises";
import { expect } from "vitest";

import { WORKER_CELLS } from "../conformance/matrix.ts";
import { ThreatenedHandler } from "../fixtures/threatened-handlers.ts";
import { ask } from "../support/ask.ts";
import { eventually } from "../support/eventually.ts";
import { soon } from "../support/soon.ts";
import { those, threat, worker, type AttackedServer } from "../support/threat.ts";
import { BRIEFLY_MS, type ThreatClients } from "../support/threat-clients.ts";

const MEBIBYTE = 1_048_576;

/** Long enough for a healthy worker on a busy machine. */
const HEARTBEAT_MS = 1_500;

/** The TCP servers with workers, their connections moved and relayed. */
const CELLS = WORKER_CELLS.filter(({ name }) => name.includes("TCP"));

/** The same, each once. */
const MOVING = CELLS.filter(({ relayed }) => !relayed);

/** In the program itself. */
const WORKERLESS = ["workerless-program.ts"] as const;

/** Say a line, which is obeyed, and answered or not. */
function say(line: string): (clients: ThreatClients) => Promise<void> {
  return async (clients) => (await clients.connect()).sendAll(`${line}\n`);
}

/** Have a handler that computes for ever. */
async function burn(clients: ThreatClients): Promise<void> {
  expect(await ask(await clients.connect(), "burn")).toBe("burning");
}

/** The worker is lost with this connection and replaced, and the next client is served. */
async function expectReplaced({ running, clients }: AttackedServer<void>, error: object): Promise<void> {
  expect(await soon(running.closedCount(1), 8_000)).toMatchObject([{ id: 1, reason: "worker-lost" }]);
  expect(await clients.honest()).toBe("answered");
  expect(running.errors).toMatchObject([error]);
  expect(workersOf(running)).toMatchObject([{ id: 2, state: "ready" }]);
}

function workersOf({ server }: RunningServer): WorkerMembers["workers"] {
  return (server as unknown as WorkerMembers).workers;
}

threat("a handler that computes for ever", {
  servers: CELLS,
  handler: ThreatenedHandler,
  attack: burn,
  met: {
    options: (cell) => worker(cell, { heartbeatTimeoutMs: HEARTBEAT_MS }),
    outcome: (attacked) => expectReplaced(attacked, { code: "ERR_SOCKETSERVER_WORKER_BLOCKED" }),
  },
  switchedOff: {
    options: (cell) => worker(cell, { heartbeatTimeoutMs: Infinity }),
    outcome: async ({ running, clients }) => {
      expect(await clients.honest(1.5 * HEARTBEAT_MS)).toBe("unanswered");
      expect(running.closedRequests).toEqual([]);
      expect(workersOf(running)).toMatchObject([{ id: 1 }]);
    },
  },
});

threat("a handler that computes for ever, at shutdown", {
  servers: MOVING,
  handler: ThreatenedHandler,
  attack: burn,
  met: {
    outcome: async ({ running }) => {
      expect(await soon(running.close())).toMatchObject({ open: 1, neverSettled: 1 });
      expect(running.closedRequests).toHaveLength(1);
    },
  },
  lacking: {
    program: WORKERLESS,
    outcome: async ({ program }) => {
      const ended = program.end("SIGTERM").then(() => "ended");
      // Several times its grace.
      expect(await Promise.race([ended, delay(2 * BRIEFLY_MS, "computing")])).toBe("computing");
    },
  },
});

threat("a handler that rejects later, when nobody waits for it", {
  servers: MOVING,
  handler: ThreatenedHandler,
  attack: say("later"),
  met: { outcome: (attacked) => expectReplaced(attacked, { message: "rejected later" }) },
  lacking: {
    program: WORKERLESS,
    outcome: async ({ program }) => {
      expect(await program.end()).toMatchObject({ code: 1, stderr: expect.stringContaining("rejected later") });
    },
  },
});

threat("a worker that exits", {
  servers: CELLS,
  handler: ThreatenedHandler,
  attack: say("exit"),
  met: {
    outcome: (attacked) => expectReplaced(attacked, { message: expect.stringContaining("exited with code 3") }),
  },
  lacking: {
    program: WORKERLESS,
    outcome: async ({ program }) => expect(await program.end()).toMatchObject({ code: 3 }),
  },
});

threat("a handler that needs more memory than its worker may have", {
  // A thread's own limit is the runtime's best effort: see `thread-heap.test.ts`.
  servers: those(MOVING, "forking"),
  handler: ThreatenedHandler,
  attack: async (clients) => {
    const client = await clients.connect();
    return ask(client, "heap 100").catch(() => "");
  },
  met: {
    options: (cell) => worker(cell, { maxHeapSize: 32 * MEBIBYTE }),
    outcome: async (attacked) => {
      expect(attacked.spoils).toBe("");
      const { running, clients } = attacked;
      expect(await running.closedCount(1)).toMatchObject([{ id: 1, reason: "worker-lost" }]);
      expect(await clients.honest()).toBe("answered");
      expect(running.errors).toMatchObject([{ code: "ERR_SOCKETSERVER_WORKER_LOST" }]);
    },
  },
  switchedOff: { outcome: async ({ spoils }) => expect(spoils).toBe("filled with 1000000") },
});

threat("a handler that leaks a little with each request", {
  servers: MOVING,
  handler: ThreatenedHandler,
  attack: async (clients) => {
    const leaks: string[] = [];
    for (let index = 0; index < 3; index++) {
      const client = await clients.connect();
      leaks.push(await ask(client, "leak"));
      await client.close();
    }
    return leaks;
  },
  met: {
    options: (cell) => worker(cell, { recycleAfterRequests: 1 }),
    outcome: async ({ running, spoils }) => {
      expect(spoils).toEqual(["1", "1", "1"]);
      await eventually(() => expect(running.server.activeRequests).toBe(0));
      expect(running.errors).toEqual([]);
    },
  },
  switchedOff: {
    options: (cell) => worker(cell, { recycleAfterRequests: Infinity }),
    outcome: async ({ spoils }) => expect(spoils).toEqual(["1", "2", "3"]),
  },
});
