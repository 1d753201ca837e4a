import type { ErrorCode } from "@socketserver/core";
import type { RunningServer } from "@socketserver/testing";
import { setTimeout as delay } from "node:timers/promises";
import { expect } from "vitest";

import {
  SabotagedAsyncTCPServer,
  SabotagedForkingTCPServer,
  SabotagedTCPServer,
  SabotagedThreadingTCPServer,
  type Sabotage,
} from "../fixtures/sabotaged-servers.ts";
import { ThreatenedHandler } from "../fixtures/threatened-handlers.ts";
import { eventually } from "../support/eventually.ts";
import { TCP_CELLS, those, threat, type AttackedProgram, type AttackedServer } from "../support/threat.ts";
import { BRIEFLY_MS, type ThreatClients } from "../support/threat-clients.ts";

const SHORT_MS = 100;

const SERVERS = {
  plain: SabotagedTCPServer,
  async: SabotagedAsyncTCPServer,
  threading: SabotagedThreadingTCPServer,
  forking: SabotagedForkingTCPServer,
} as const;

/** The TCP servers, one of whose hooks fails. */
const CELLS = TCP_CELLS.map((cell) => ({ ...cell, server: SERVERS[cell.concurrency] as typeof cell.server }));

const sabotage = (hook: Sabotage["hook"], how: Sabotage["how"]): { readonly sabotage: Sabotage } => ({
  sabotage: { hook, how },
});

/** The victim of the hook: says a line, and leaves when it is not needed any more. */
async function provoke(clients: ThreatClients): Promise<void> {
  const client = await clients.tryToConnect();
  await client?.sendAll("a line\n").catch(() => undefined);
  client?.shutdown("write");
}

/** The same, and its handler throws. */
async function provokeError(clients: ThreatClients): Promise<void> {
  await (await clients.connect()).sendAll("throw error\n");
}

/** It is reported once what the hook did. */
async function expectReported({ errors }: RunningServer, error: object): Promise<void> {
  await eventually(() => expect(errors).toMatchObject([error]));
}

const TIMED_OUT: { readonly code: ErrorCode } = { code: "ERR_SOCKETSERVER_HOOK_TIMEOUT" };

/** The request is closed for this reason, the error is reported, and the next client is served. */
function served(reason: string, error: object): (attacked: AttackedServer<void>) => Promise<void> {
  return async ({ running, clients }) => {
    const [closed] = await running.closedCount(1);
    expect(closed).toMatchObject({ id: 1, reason });
    expect(await clients.honest()).toBe("answered");
    await expectReported(running, error);
    await eventually(() => expect(running.server.activeRequests).toBe(0));
  };
}

/** The serving loop waits for the hook, and for nobody else. */
async function expectServesNobody({ clients }: AttackedServer<void>): Promise<void> {
  expect(await clients.honest(BRIEFLY_MS)).toBe("unanswered");
}

/** The request is there for ever. */
async function expectHeld({ running }: AttackedServer<void>): Promise<void> {
  await delay(BRIEFLY_MS);
  expect(running.server.activeRequests).toBe(1);
}

/** The error ended the program. */
async function expectEnded({ program }: AttackedProgram<void>): Promise<void> {
  expect(await program.end()).toMatchObject({ code: 1, stderr: expect.stringContaining("thrown on purpose") });
}

threat("a verifyRequest that throws", {
  servers: CELLS,
  handler: ThreatenedHandler,
  options: sabotage("verifyRequest", "throws"),
  attack: provoke,
  met: { outcome: served("refused", { message: "verifyRequest fails" }) },
  lacking: { program: ["bare-server-program.ts", "throws"], outcome: expectEnded },
});

threat("a verifyRequest that never settles", {
  servers: CELLS,
  handler: ThreatenedHandler,
  options: sabotage("verifyRequest", "hangs"),
  attack: provoke,
  met: { options: { verifyTimeoutMs: SHORT_MS }, outcome: served("refused", TIMED_OUT) },
  switchedOff: {
    servers: those(CELLS, "plain", "async"),
    options: { verifyTimeoutMs: Infinity },
    outcome: expectServesNobody,
  },
});

threat("an authorizeRequest that never settles", {
  servers: CELLS,
  handler: ThreatenedHandler,
  options: sabotage("authorizeRequest", "hangs"),
  attack: provoke,
  met: { options: { verifyTimeoutMs: SHORT_MS }, outcome: served("unauthorized", TIMED_OUT) },
  switchedOff: { options: { verifyTimeoutMs: Infinity }, outcome: expectServesNobody },
});

threat("a prepareRequest that never settles", {
  servers: CELLS,
  handler: ThreatenedHandler,
  options: sabotage("prepareRequest", "hangs"),
  attack: provoke,
  met: { options: { verifyTimeoutMs: SHORT_MS }, outcome: served("handler-error", TIMED_OUT) },
  switchedOff: { options: { verifyTimeoutMs: Infinity }, outcome: expectServesNobody },
});

threat("a handleError that never settles", {
  servers: CELLS,
  handler: ThreatenedHandler,
  options: sabotage("handleError", "hangs"),
  attack: provokeError,
  met: { options: { verifyTimeoutMs: SHORT_MS }, outcome: served("handler-error", TIMED_OUT) },
  switchedOff: { options: { verifyTimeoutMs: Infinity }, outcome: expectServesNobody },
});

threat("a shutdownRequest that never settles", {
  servers: CELLS,
  handler: ThreatenedHandler,
  options: sabotage("shutdownRequest", "hangs"),
  attack: provoke,
  met: { options: { verifyTimeoutMs: SHORT_MS }, outcome: served("peer-end", TIMED_OUT) },
  switchedOff: { options: { verifyTimeoutMs: Infinity }, outcome: expectServesNobody },
});

threat("a closeRequest that throws", {
  servers: CELLS,
  handler: ThreatenedHandler,
  options: sabotage("closeRequest", "throws"),
  attack: provoke,
  met: { outcome: served("peer-end", { message: "closeRequest fails" }) },
  lacking: { program: ["bare-server-program.ts", "throws at close"], outcome: expectEnded },
});

threat("a closeRequest that never settles", {
  servers: CELLS,
  handler: ThreatenedHandler,
  options: sabotage("closeRequest", "hangs"),
  attack: provoke,
  met: { options: { verifyTimeoutMs: SHORT_MS }, outcome: served("peer-end", TIMED_OUT) },
  switchedOff: {
    servers: those(CELLS, "plain", "async"),
    options: { verifyTimeoutMs: Infinity },
    outcome: expectHeld,
  },
});

threat("a serviceActions that never settles", {
  servers: CELLS,
  handler: ThreatenedHandler,
  options: sabotage("serviceActions", "hangs"),
  attack: provoke,
  met: { options: { verifyTimeoutMs: SHORT_MS }, outcome: served("peer-end", TIMED_OUT) },
  switchedOff: { options: { verifyTimeoutMs: Infinity }, outcome: expectServesNobody },
});

threat("an event listener that throws", {
  servers: TCP_CELLS,
  handler: ThreatenedHandler,
  prepare: ({ server }) => {
    server.on("request", () => {
      throw new Error("listener fails");
    });
  },
  attack: provoke,
  met: {
    outcome: async ({ running, clients }) => {
      expect(await running.closedCount(1)).toMatchObject([{ reason: "peer-end", bytesRead: 7, bytesWritten: 7 }]);
      expect(running.errors).toMatchObject([{ message: "listener fails" }]);
      expect(await clients.honest()).toBe("answered");
    },
  },
  lacking: { program: ["bare-server-program.ts", "throws"], outcome: expectEnded },
});
