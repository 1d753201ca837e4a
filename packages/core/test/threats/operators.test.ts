import type { AdmissionOptions, WorkerMembers } from "@socketserver/core";
import type { RunningServer } from "@socketserver/testing";
import { setTimeout as delay } from "node:timers/promises";
import { expect } from "vitest";

import {
  BrokenSourceAsyncTCPServer,
  BrokenSourceForkingTCPServer,
  BrokenSourceTCPServer,
  BrokenSourceThreadingTCPServer,
  type BrokenSourceMembers,
} from "../fixtures/broken-source-servers.ts";
import { BurdenedHandler } from "../fixtures/burdened-handlers.ts";
import { ClosingHandler } from "../fixtures/closing-handlers.ts";
import { ThreatenedHandler } from "../fixtures/threatened-handlers.ts";
import { ask } from "../support/ask.ts";
import { eventually } from "../support/eventually.ts";
import { soon } from "../support/soon.ts";
import { TCP_CELLS, threat } from "../support/threat.ts";
import { BRIEFLY_MS, type Answer, type ThreatClients } from "../support/threat-clients.ts";

/** Connections of the attacker, and what the defences allow. */
const FLOOD = 12;
const ALLOWED = 4;

const BROKEN_SOURCES = {
  plain: BrokenSourceTCPServer,
  async: BrokenSourceAsyncTCPServer,
  threading: BrokenSourceThreadingTCPServer,
  forking: BrokenSourceForkingTCPServer,
} as const;

/** Rules that are none. */
const NONSENSE: readonly object[] = [
  { maxConnections: "ten" },
  { maxConnections: -1 },
  { maxConections: 1_000 },
  { maxConnections: 1_000, denyAddresses: ["127.0.0.1/33"] },
  { maxConnections: 1_000, allowAddresses: "127.0.0.1" },
  { maxConnections: 1_000, maxAcceptRate: null },
];

/** Tell the server to go by such rules, then come in great numbers; what it said. */
async function sayNonsense(clients: ThreatClients): Promise<Set<string>> {
  const operator = await clients.connect();
  const answers = new Set<string>();
  for (const rules of NONSENSE) answers.add(await ask(operator, `rules ${JSON.stringify(rules)}`));
  await operator.close();
  await clients.flood(FLOOD);
  return answers;
}

/** Honest clients, one after another, until somebody has heard enough; what they got. */
async function comeAndGo(clients: ThreatClients): Promise<() => Promise<readonly Answer[]>> {
  const answers: Answer[] = [];
  const enough = new AbortController();
  const coming = (async (): Promise<void> => {
    while (!enough.signal.aborted) answers.push(await clients.honest());
  })();
  await eventually(() => expect(answers.length).toBeGreaterThan(2));
  return async () => {
    enough.abort();
    await coming;
    return answers;
  };
}

function admissionOf({ server }: RunningServer): AdmissionOptions {
  return server.admission;
}

threat("a getRequest that throws for ever", {
  servers: TCP_CELLS.map((cell) => ({ ...cell, server: BROKEN_SOURCES[cell.concurrency] as typeof cell.server })),
  attack: () => delay(BRIEFLY_MS),
  met: {
    outcome: async ({ running, clients }) => {
      const server = running.server as unknown as BrokenSourceMembers;
      expect(server.asked).toBeGreaterThan(0);
      // It waits twice as long each time, from 5 ms on.
      expect(server.asked).toBeLessThan(10);
      server.broken = false;
      expect(await clients.honest()).toBe("answered");
    },
  },
  lacking: {
    program: ["home-made-program.ts", "asks again at once"],
    outcome: async ({ program }) => expect(await program.line(/^attempts 5000$/)).not.toBeNull(),
  },
});

threat("an operator whose rules are nonsense", {
  servers: TCP_CELLS,
  handler: BurdenedHandler,
  options: { maxConnections: ALLOWED },
  attack: sayNonsense,
  met: {
    outcome: async ({ running, clients, spoils: answers }) => {
      expect(answers).toEqual(new Set(["ERR_SOCKETSERVER_INVALID_OPTION"]));
      // The operator may not be gone when they come.
      await eventually(() => expect(running.drops.length).toBeGreaterThanOrEqual(FLOOD - ALLOWED));
      expect(admissionOf(running)).toMatchObject({ maxConnections: ALLOWED, denyAddresses: [] });
      clients.leave();
      await eventually(async () => expect(await clients.honest()).toBe("answered"));
    },
  },
  lacking: {
    program: ["home-made-program.ts", "believes its rules"],
    outcome: async ({ clients, spoils: answers }) => {
      expect(answers).toEqual(new Set(["changed"]));
      for (const client of await clients.flood(FLOOD)) expect(await ask(client, "?")).toBe("changed");
    },
  },
});

threat("a handler that closes its own server, and waits for that", {
  servers: TCP_CELLS,
  handler: ClosingHandler,
  attack: async (clients) => {
    const client = await clients.connect();
    await client.sendAll("?\n");
    return Promise.race([client.recv().then(String), delay(4 * BRIEFLY_MS, "nothing")]);
  },
  met: {
    outcome: async ({ running, spoils: answer }) => {
      expect(answer).toBe("closed by 1\n");
      expect(await soon(running.close())).toMatchObject({ open: 1, cut: [], neverSettled: 0 });
    },
  },
  lacking: {
    program: ["home-made-program.ts", "waits for itself"],
    outcome: async ({ spoils: answer }) => expect(answer).toBe("nothing"),
  },
});

threat("clients that are sent to a server that is about to leave", {
  servers: TCP_CELLS,
  handler: ThreatenedHandler,
  attack: comeAndGo,
  met: {
    options: { lameDuckMs: 60_000 },
    outcome: async ({ running, clients, spoils: enough }) => {
      const closing = running.close();
      expect(running.server.ready).toBe(false);
      expect(await clients.honest()).toBe("answered");
      expect(new Set(await enough())).toEqual(new Set(["answered"]));
      // Nobody is sent here any more.
      await running.close({ lameDuckMs: 0 });
      expect(await closing).toMatchObject({ cut: [] });
    },
  },
  switchedOff: {
    options: { lameDuckMs: 0 },
    outcome: async ({ running, clients, spoils: enough }) => {
      const closing = running.close();
      expect(await clients.honest()).toBe("refused");
      await enough();
      await closing;
    },
  },
});

threat("clients that come while a new version starts", {
  servers: TCP_CELLS,
  handler: ThreatenedHandler,
  attack: comeAndGo,
  met: {
    outcome: async ({ cell, running, clients, spoils: enough }) => {
      const next = new cell.server(running.address as never, ThreatenedHandler as never, cell.options as never);
      const address = await next.takeOver(running.server);
      const serving = next.serveForever();
      expect(address).toEqual(running.address);
      expect(await running.close()).toMatchObject({ cut: [] });
      expect(await clients.honest()).toBe("answered");
      expect(new Set(await enough())).toEqual(new Set(["answered"]));
      expect((next as unknown as Partial<WorkerMembers>).workers?.length ?? 1).toBe(1);
      await next.close();
      await serving;
    },
  },
  lacking: {
    program: ["home-made-program.ts", "starts anew"],
    outcome: async ({ spoils: enough }) => {
      await delay(2 * BRIEFLY_MS);
      expect(await enough()).toContain("refused");
    },
  },
});
