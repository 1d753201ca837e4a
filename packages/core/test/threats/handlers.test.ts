import type { Connection } from "@socketserver/core";
import { setTimeout as delay } from "node:timers/promises";
import { expect } from "vitest";

import { STREAM_CELLS } from "../conformance/matrix.ts";
import { ThreatenedHandler } from "../fixtures/threatened-handlers.ts";
import { THROWN_KINDS } from "../fixtures/thrown.ts";
import { ask } from "../support/ask.ts";
import { eventually } from "../support/eventually.ts";
import { soon } from "../support/soon.ts";
import { TCP_CELLS, those, threat } from "../support/threat.ts";
import { BRIEFLY_MS, type ThreatClients } from "../support/threat-clients.ts";

const SHORT_MS = 150;

/** Have a handler that never ends. */
async function hang(clients: ThreatClients): Promise<Connection> {
  const client = await clients.connect();
  expect(await ask(client, "hang")).toBe("hanging");
  return client;
}

function codeOf(error: unknown): string {
  return (error as { readonly code: string }).code;
}

threat("a handler that never settles", {
  servers: STREAM_CELLS,
  handler: ThreatenedHandler,
  attack: hang,
  met: {
    options: { deadlineMs: 2 * SHORT_MS },
    outcome: async ({ cell, running, clients, spoils: client }) => {
      expect(await running.closedCount(1)).toMatchObject([{ reason: "deadline" }]);
      // A Unix socket knows no reset.
      const end = cell.name.includes("Unix") ? "" : "ECONNRESET";
      expect(await soon(client.recv().then(String, codeOf))).toBe(end);
      expect(await clients.honest()).toBe("answered");
    },
  },
  switchedOff: {
    servers: those(TCP_CELLS, "plain", "async"),
    options: { deadlineMs: Infinity },
    outcome: async ({ cell, running, clients }) => {
      const answer = await clients.honest(BRIEFLY_MS);
      expect(answer).toBe(cell.concurrency === "plain" ? "unanswered" : "answered");
      await delay(BRIEFLY_MS);
      expect(running.closedRequests.map(({ id }) => id)).not.toContain(1);
      expect(running.server.activeRequests).toBe(1);
    },
  },
});

threat("a handler that never settles, at shutdown", {
  servers: STREAM_CELLS,
  handler: ThreatenedHandler,
  attack: hang,
  met: {
    options: { graceMs: SHORT_MS },
    outcome: async ({ running }) => {
      expect(await soon(running.close())).toMatchObject({ open: 1, cut: [{ settled: false }], neverSettled: 1 });
      expect(running.closedRequests).toMatchObject([{ reason: "drain" }]);
    },
  },
  switchedOff: {
    servers: those(TCP_CELLS, "plain", "async"),
    options: { graceMs: Infinity },
    outcome: async ({ running }) => {
      const closing = running.close().then(() => "closed");
      expect(await Promise.race([closing, delay(BRIEFLY_MS, "waiting")])).toBe("waiting");
    },
  },
});

threat("a handler that throws anything", {
  servers: STREAM_CELLS,
  handler: ThreatenedHandler,
  attack: async (clients) => {
    for (const kind of THROWN_KINDS) {
      const client = await clients.tryToConnect();
      await client?.sendAll(`throw ${kind}\n`).catch(() => undefined);
      client?.shutdown("write");
    }
  },
  met: {
    outcome: async ({ running, clients }) => {
      await running.closedCount(THROWN_KINDS.length);
      expect(new Set(running.closedRequests.map(({ reason }) => reason))).toEqual(new Set(["handler-error"]));
      await eventually(() => expect(running.errors).toHaveLength(THROWN_KINDS.length));
      expect(await clients.honest()).toBe("answered");
      await eventually(() => expect(running.server.activeRequests).toBe(0));
    },
  },
  lacking: {
    program: ["bare-server-program.ts", "throws"],
    outcome: async ({ program }) => {
      expect(await program.end()).toMatchObject({ code: 1, stderr: expect.stringContaining("thrown on purpose") });
    },
  },
});

threat("a second read while one waits", {
  servers: STREAM_CELLS,
  handler: ThreatenedHandler,
  attack: async (clients) => {
    const client = await clients.connect();
    expect(await ask(client, "twice")).toBe("reading");
    await client.sendAll("once\n");
    let answer = "";
    while (!answer.includes("once\nonce\n") && !answer.includes("ERR_")) answer += String(await soon(client.recv()));
    return answer;
  },
  met: {
    outcome: async ({ spoils: answer }) => expect(answer).toBe("once\nERR_SOCKETSERVER_CONCURRENT_READ"),
  },
  lacking: {
    program: ["bare-server-program.ts", "reads twice"],
    outcome: async ({ spoils: answer }) => expect(answer).toBe("once\nonce\n"),
  },
});
