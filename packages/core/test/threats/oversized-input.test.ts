import { expect } from "vitest";

import { STREAM_CELLS } from "../conformance/matrix.ts";
import {
  BodyHandler,
  EndlessBodyHandler,
  EndlessLineHandler,
  EndlessSeparatorHandler,
  LineHandler,
  SeparatorHandler,
} from "../fixtures/reading-handlers.ts";
import { TCP_CELLS, those, threat, type AttackedServer } from "../support/threat.ts";
import type { ThreatClients } from "../support/threat-clients.ts";

const MEBIBYTE = 1_048_576;

/** More than each bound of a reader, and than the kernel takes while nobody reads. */
const OVERSIZED = 16 * MEBIBYTE;

/** What may have come beyond the bound when it is noticed: the chunks that were under way. */
const UNDER_WAY = 4 * 65_536;

/** Send it all, or as much as goes before the server ends the connection. */
async function send(clients: ThreatClients): Promise<void> {
  const client = await clients.connect();
  await client.sendAll(Buffer.alloc(OVERSIZED, "x")).catch(() => undefined);
}

/** The request ended at the bound, and the next client is served. */
async function expectBound({ running, clients }: AttackedServer<unknown>, bound: number): Promise<void> {
  const [closed] = await running.closedCount(1);
  expect(closed).toMatchObject({ reason: "too-big", bytesWritten: 0 });
  expect(closed?.bytesRead).toBeGreaterThan(bound);
  expect(closed?.bytesRead).toBeLessThan(bound + UNDER_WAY);
  expect(await clients.honest()).toBe("answered");
}

/** The request goes on, and the server keeps all that came. */
async function expectKept({ running }: AttackedServer<unknown>): Promise<void> {
  expect(running.closedRequests).toEqual([]);
  const { cut } = await running.close({ graceMs: 0 });
  expect(cut).toHaveLength(1);
  // What the client has sent, less what may be under way in the kernel.
  expect(cut[0]?.bytesRead).toBeGreaterThan(OVERSIZED / 4);
}

threat("a line without end", {
  servers: STREAM_CELLS,
  handler: LineHandler,
  attack: send,
  met: { outcome: (attacked) => expectBound(attacked, 65_536) },
  switchedOff: { servers: those(TCP_CELLS, "plain", "async"), handler: EndlessLineHandler, outcome: expectKept },
});

threat("a separator that never comes", {
  servers: TCP_CELLS,
  handler: SeparatorHandler,
  attack: send,
  met: { outcome: (attacked) => expectBound(attacked, 65_535) },
  switchedOff: { handler: EndlessSeparatorHandler, outcome: expectKept },
});

threat("a body without end", {
  servers: TCP_CELLS,
  handler: BodyHandler,
  attack: send,
  met: { outcome: (attacked) => expectBound(attacked, MEBIBYTE) },
  switchedOff: { handler: EndlessBodyHandler, outcome: expectKept },
});
