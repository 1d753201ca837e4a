import { CloseReason, DropReason, type ClosedRequestInfo, type CutRequest, type DrainReport } from "@socketserver/core";
import { expect } from "vitest";

import type { DrainOutcome } from "./drain-case.ts";
import type { Stage } from "./drain-stages.ts";
import { PHASE_SCRIPTS } from "./drain-scripts.ts";
import { eventually } from "./eventually.ts";

/** What `close()` says that its last steps may take beyond the deadline, and what a busy machine may add. */
const LAST_STEPS_MS = 1_000;
const SPARE_MS = 2_500;

/** A timer of Node may be early by a part of a millisecond. */
const EARLY_MS = 2;

/** What handlers and hooks of cases throw; and what the answer to a packet is that comes when all is over. */
const EXPECTED_ERRORS = ["thrown on purpose"];

const REASONS: ReadonlySet<CloseReason> = new Set(Object.values(CloseReason));

/** What a handler tells that closed the server. */
const REPORT = /^\{.*\}$/m;

/** Reasons of a request that was closing when it was cut, and everything that it had sent had left. */
const CLOSING: readonly CloseReason[] = ["done", "peer-end", "handler-error", "refused"];

/** Reasons that can be known of a request that is still open. */
const EARLIER: readonly CloseReason[] = [...CLOSING, "peer-reset"];

/** Check all that is true of every drain. */
export async function checkDrain(outcome: DrainOutcome): Promise<void> {
  const { running, reports, stage } = outcome;
  expect(reports).toHaveLength(1);
  expect(running.server.state).toBe("closed");
  checkCalls(outcome);
  checkReport(outcome);
  checkRequests(outcome);
  checkCut(outcome);
  checkPhases(outcome);
  checkErrors(outcome);
  await checkPeers(outcome);
  await checkClosers(outcome);
  await eventually(() => {
    const { activeRequests, closedCount, stuck } = running.server;
    if (stage.inWorkers) expect(activeRequests).toBe(0);
    else
      expect({ activeRequests, closedCount }).toEqual({ activeRequests: stuck, closedCount: running.requests.length });
  });
  await checkAfterwards(outcome);
}

/** Everyone who called `close()` has got a report, in time. */
function checkCalls({ calls, reports, running, clients }: DrainOutcome): void {
  const deadline = Math.min(...calls.map(({ at, graceMs }) => at + graceMs));
  for (const { report, at, endedAt } of calls) {
    expect(report).toBe(reports[0]);
    expect(endedAt).toBeLessThan(Math.max(deadline, at) + LAST_STEPS_MS + SPARE_MS);
  }
  const { closeCalls, closeReports } = running.server;
  expect(closeReports).toHaveLength(closeCalls.length);
  const heard = clients.flatMap(({ client }) => client.heard.match(REPORT) ?? []);
  for (const report of [...closeReports, ...heard.map((text) => JSON.parse(text) as DrainReport)]) checkSums(report);
}

function checkSums(report: DrainReport): void {
  const { open, finished, cut, callers, neverSettled } = report;
  expect(open).toBe(finished + cut.length + callers);
  expect(neverSettled).toBe(cut.filter(({ settled }) => !settled).length);
}

function checkReport({ reports, running, drainings }: DrainOutcome): void {
  const report = reports[0] as DrainReport;
  checkSums(report);
  expect(report.callers).toBe(0);
  expect(report.refused).toBe(running.drops.length);
  for (const { reason } of running.drops) expect(reason).toBe(DropReason.draining);
  expect(drainings).toHaveLength(1);
  const [{ active, taken }] = drainings as [{ active: number; taken: number }];
  expect(report.open).toBe(active + running.requests.length - taken);
}

/** Every request that was taken is closed once, with one reason. */
function checkRequests({ running }: DrainOutcome): void {
  const { requests, closedRequests } = running;
  const ids = requests.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  expect(ascending(closedRequests.map(({ id }) => id))).toEqual(ascending(ids));
  for (const { reason } of closedRequests) expect(REASONS).toContain(reason);
}

/** What was cut is what is listed; it was cut at the deadline, and nothing else was. */
function checkCut({ running, reports, calls, stage }: DrainOutcome): void {
  const { closedRequests, server } = running;
  const { cut, durationMs } = reports[0] as DrainReport;
  const listed = new Map(cut.map((entry) => [entry.id, entry]));
  expect(listed.size).toBe(cut.length);
  for (const closed of closedRequests) {
    const entry = listed.get(closed.id);
    if (entry === undefined) expect(closed.reason).not.toBe(CloseReason.drain);
    else checkEntry(entry, closed, stage);
  }
  if (cut.length === 0 || stage.inWorkers) return;
  const deadlines = [...calls, ...server.closeCalls].map(({ at, graceMs }) => at + graceMs);
  const shortest = Math.min(...deadlines) - Math.min(...[...calls, ...server.closeCalls].map(({ at }) => at));
  expect(durationMs).toBeGreaterThanOrEqual(shortest - EARLY_MS);
}

function checkEntry(entry: CutRequest, closed: ClosedRequestInfo, { inWorkers }: Stage): void {
  const { reason } = closed;
  expect(entry.clientAddress).toEqual(closed.clientAddress);
  expect(entry).toMatchObject({ bytesRead: closed.bytesRead, bytesWritten: closed.bytesWritten });
  expect(entry.idleMs).toBeGreaterThanOrEqual(0);
  const closedBefore = closed.durationMs < entry.ageMs;
  if (closedBefore) expect(reason).not.toBe(CloseReason.drain);
  else expect([...EARLIER, CloseReason.drain]).toContain(reason);
  // The order to cut takes a moment to reach a worker, and what happens there meanwhile wins.
  if (!closedBefore && !inWorkers && CLOSING.includes(reason)) expect(entry.settled).toBe(true);
}

/** Handlers that never end are listed as such, and no others. */
function checkPhases({ clients, reports }: DrainOutcome): void {
  const { cut } = reports[0] as DrainReport;
  for (const [index, { plan, reached }] of clients.entries()) {
    if (!reached) continue;
    const { settles } = PHASE_SCRIPTS[plan.phase];
    const entry = cut.find(({ id }) => id === index + 1);
    if (settles !== undefined && entry !== undefined)
      expect({ plan, settled: entry.settled }).toEqual({ plan, settled: settles });
    if (settles === false) expect(entry).toBeDefined();
  }
}

/** Who began to close the server gets told what that did, though everyone else was cut. */
async function checkClosers({ clients, stage }: DrainOutcome): Promise<void> {
  // Of packets, and from workers, the answer may come too late.
  if (stage.packets || stage.inWorkers) return;
  for (const { plan, client, reached } of clients) {
    if (!reached || plan.act !== "stays" || !client.heard.includes("closing\n")) continue;
    await eventually(() =>
      expect({ plan, heard: client.heard }).toEqual({ plan, heard: expect.stringMatching(REPORT) }),
    );
  }
}

/** Whoever stayed and reads, and was not cut, sees an orderly end. */
async function checkPeers({ clients, running, reports, stage }: DrainOutcome): Promise<void> {
  const { cut } = reports[0] as DrainReport;
  if (stage.packets) return;
  for (const [index, { plan, client, reached }] of clients.entries()) {
    const id = index + 1;
    const done = running.closedRequests.some((closed) => closed.id === id && closed.reason === CloseReason.done);
    if (!reached || !done || plan.act !== "stays" || cut.some((entry) => entry.id === id)) continue;
    if (PHASE_SCRIPTS[plan.phase].reads === "never") continue;
    await eventually(() => expect({ plan, outcome: client.outcome }).toEqual({ plan, outcome: "ended" }));
  }
}

function checkErrors({ running }: DrainOutcome): void {
  const unexpected = running.errors.filter((error) => !EXPECTED_ERRORS.includes((error as Error).message));
  expect(unexpected).toEqual([]);
}

/** What comes later changes nothing any more. */
async function checkAfterwards({ running, reports, stage }: DrainOutcome): Promise<void> {
  const { server, closedRequests } = running;
  const count = closedRequests.length;
  expect(await server.close({ graceMs: 0 })).toBe(reports[0]);
  server.release();
  if (!stage.inWorkers) await eventually(() => expect(server.activeRequests).toBe(0));
  expect(closedRequests).toHaveLength(count);
  expect(reports).toHaveLength(1);
}

function ascending(numbers: readonly number[]): number[] {
  return numbers.toSorted((one, other) => one - other);
}
