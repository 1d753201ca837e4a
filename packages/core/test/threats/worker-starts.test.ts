import type { BaseServer, WorkerMembers } from "@socketserver/core";
import type { RunningServer } from "@socketserver/testing";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, expect } from "vitest";

import {
  MoodyForkingTCPServer,
  MoodyThreadingTCPServer,
  type MoodySetupMembers,
} from "../fixtures/moody-setup-servers.ts";
import { ThreatenedHandler } from "../fixtures/threatened-handlers.ts";
import { ask } from "../support/ask.ts";
import { eventually } from "../support/eventually.ts";
import { TCP_CELLS, those, threat, worker } from "../support/threat.ts";
import { BRIEFLY_MS, type ThreatClients } from "../support/threat-clients.ts";

const CELLS = those(TCP_CELLS, "threading", "forking");

/** Above the start of a process on a busy machine. */
const READY_MS = 3_000;

/** The least that a worker may live. */
const AGE_MS = 1_000;

/** What the setups of workers are told. */
const directory = mkdtempSync(join(tmpdir(), "socketserver-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const SERVERS = { threading: MoodyThreadingTCPServer, forking: MoodyForkingTCPServer } as const;

/** The servers whose workers set up as they are told. */
const MOODY = CELLS.map((cell) => ({
  ...cell,
  server: SERVERS[cell.concurrency as keyof typeof SERVERS] as typeof cell.server,
}));

let files = 0;
const newMood = (): object => ({ mood: { file: join(directory, String(files++)) } });

function setMood({ server }: RunningServer, mood: "hangs" | ""): void {
  writeFileSync((server.options as typeof server.options & MoodySetupMembers["options"]).mood.file, mood);
}

function workersOf({ server }: RunningServer): WorkerMembers["workers"] {
  return (server as BaseServer & WorkerMembers).workers;
}

/** End the only worker. */
async function endWorker(clients: ThreatClients): Promise<void> {
  await (await clients.connect()).sendAll("exit\n");
}

/** Leak a little; how much that worker has leaked by now. */
async function leak(clients: ThreatClients): Promise<string> {
  const client = await clients.connect();
  const leaked = await ask(client, "leak");
  await client.close();
  return leaked;
}

threat("a worker that never becomes ready", {
  servers: MOODY,
  handler: ThreatenedHandler,
  options: newMood,
  prepare: (running) => setMood(running, "hangs"),
  attack: endWorker,
  met: {
    options: (cell) => worker(cell, { readyTimeoutMs: READY_MS }),
    outcome: async ({ running, clients }) => {
      await eventually(() => expect(running.errors).toHaveLength(2));
      expect(running.errors[1]).toMatchObject({ message: expect.stringContaining(`not ready after ${READY_MS} ms`) });
      setMood(running, "");
      expect(await clients.honest()).toBe("answered");
    },
  },
  switchedOff: {
    options: (cell) => worker(cell, { readyTimeoutMs: Infinity }),
    outcome: async ({ running, clients }) => {
      await eventually(() => expect(workersOf(running)).toMatchObject([{ id: 2, state: "starting" }]));
      await delay(BRIEFLY_MS);
      setMood(running, "");
      expect(await clients.honest(2 * READY_MS)).toBe("unanswered");
      expect(workersOf(running)).toMatchObject([{ id: 2, state: "starting" }]);
    },
  },
});

threat("a handler that leaks a little all the time", {
  servers: CELLS,
  handler: ThreatenedHandler,
  attack: leak,
  met: {
    options: (cell) => worker(cell, { recycleAfterMs: AGE_MS }),
    outcome: async ({ running, clients }) => {
      await eventually(() => expect(workersOf(running).map(({ id }) => id)).not.toContain(1));
      expect(await leak(clients)).toBe("1");
      expect(running.errors).toEqual([]);
    },
  },
  switchedOff: {
    options: (cell) => worker(cell, { recycleAfterMs: Infinity }),
    outcome: async ({ clients }) => {
      await delay(1.5 * AGE_MS);
      expect(await leak(clients)).toBe("2");
    },
  },
});
