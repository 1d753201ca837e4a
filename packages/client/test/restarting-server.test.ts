/**
 * A server that restarts under load, and both sides' books of what was asked: every request is answered or rejected, once, and none that is not idempotent is
 * handled twice.
 *
 * @module
 */
import { ReconnectingChannel } from "@socketserver/client";
import { AsyncTCPServer, ThreadingTCPServer, type BaseServer } from "@socketserver/core";
import { lines } from "@socketserver/framing";
import { leakCheck, serve, type AnyServerClass, type RunningServer } from "@socketserver/testing";
import { readFile, writeFile } from "node:fs/promises";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";

import { eventually } from "../../core/test/support/eventually.ts";
import { SeededRandom } from "../../core/test/support/seeded-random.ts";
import { temporaryPath } from "../../core/test/support/temporary-path.ts";
import { LEDGER, LedgerHandler } from "./fixtures/ledger-handlers.ts";
import { HASTY } from "./support/hasty.ts";
import { OrderLedger } from "./support/order-ledger.ts";

interface Cell {
  readonly name: string;
  readonly server: AnyServerClass<BaseServer>;
  readonly options: object;
  readonly restarts: number;
}

const CELLS: readonly Cell[] = [
  { name: "AsyncTCPServer", server: AsyncTCPServer, options: {}, restarts: 20 },
  { name: "ThreadingTCPServer", server: ThreadingTCPServer, options: { threading: { threads: 2 } }, restarts: 3 },
];

const CUSTOMERS = 12;
const MAX_RESENDS = 1_000;

/** How often the server has handled each order. */
async function handledOrders(path: string): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  for (const id of (await readFile(path, "utf8")).split("\n").filter(Boolean))
    counts.set(id, (counts.get(id) ?? 0) + 1);
  return counts;
}

async function newLedger(): Promise<string> {
  const path = await temporaryPath("ledger");
  await writeFile(path, "");
  process.env[LEDGER] = path;
  onTestFinished(() => void delete process.env[LEDGER]);
  return path;
}

/** Close and start it again and again, at times without grace; each time it has something to do first. */
async function restartUnderLoad({ server, options, restarts }: Cell, first: RunningServer, ledger: OrderLedger) {
  const { address } = first;
  const random = new SeededRandom(14);
  let running = first;
  for (let round = 0; round < restarts; round++) {
    const settled = ledger.outcomes.size;
    await eventually(() => expect(ledger.outcomes.size).toBeGreaterThan(settled + random.integer(20, 200)));
    await running.close({ graceMs: round % 2 === 0 ? 0 : 100 });
    running = await serve(LedgerHandler, { server, address, options });
  }
  const settled = ledger.outcomes.size;
  await eventually(() => expect(ledger.outcomes.size).toBeGreaterThan(settled + 100));
  return running;
}

/** Whether the server's book goes with an outcome. */
function agrees(ledger: OrderLedger, id: string, handled: number): boolean {
  const outcome = ledger.outcomes.get(id);
  if (outcome === undefined) return false;
  const { idempotent, result, sent } = outcome;
  const least = result === "answered" ? 1 : 0;
  const most = idempotent ? 1 + MAX_RESENDS : sent ? 1 : 0;
  return handled >= least && handled <= most;
}

beforeEach(() => leakCheck());

describe.each(CELLS)("requests against a $name that restarts", (cell) => {
  test("are answered or rejected exactly once, and both sides agree", async () => {
    const path = await newLedger();
    const first = await serve(LedgerHandler, { server: cell.server, options: cell.options });
    const ledger = new OrderLedger();
    const options = { ...HASTY, stableMs: 0, maxResends: MAX_RESENDS } as const;
    const byOrder = new ReconnectingChannel(first.address, lines().json(), options);
    const byId = new ReconnectingChannel(first.address, lines().json(), { ...options, correlateBy: "id" });
    const narrow = new ReconnectingChannel(first.address, lines().json(), { ...options, maxPipelinedRequests: 2 });
    const channels = { byOrder, byId, narrow };
    const ordering = Object.entries(channels).map(([name, each]) => ledger.order(each, name, CUSTOMERS));
    const last = await restartUnderLoad(cell, first, ledger);
    ledger.stop();
    await Promise.all(ordering);
    await Promise.all(Object.values(channels).map((each) => each.close()));
    await last.close();

    expect(ledger.surprises).toEqual([]);
    expect(ledger.settledTwice).toEqual([]);
    expect([...ledger.made].filter((id) => !ledger.outcomes.has(id))).toEqual([]);
    expect(ledger.count(({ result }) => result === "answered with another's")).toBe(0);
    const handled = await handledOrders(path);
    expect([...handled.keys()].filter((id) => !ledger.made.has(id))).toEqual([]);
    const disagreements = [...ledger.made].filter((id) => !agrees(ledger, id, handled.get(id) ?? 0));
    expect(disagreements.map((id) => [id, handled.get(id) ?? 0, ledger.outcomes.get(id)])).toEqual([]);
    // What may be made again is, and what has not left waits: only what was under way is lost.
    expect(ledger.count(({ result, idempotent }) => idempotent && result === "rejected")).toBe(0);
    expect(ledger.count(({ result, sent }) => result === "rejected" && !sent)).toBe(0);
    // There was something to go wrong.
    expect(ledger.count(({ result }) => result === "rejected")).toBeGreaterThan(0);
    expect([...handled.values()].some((count) => count > 1)).toBe(true);
  });
});
