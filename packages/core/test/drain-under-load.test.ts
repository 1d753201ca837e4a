/**
 * A drain of 200 connections, spread over every phase of a request: whoever can finish in time does, to the last byte, and the report names the others.
 */
import type { DrainReport } from "@socketserver/core";
import { leakCheck, serve } from "@socketserver/testing";
import { beforeEach, describe, expect, test } from "vitest";

import { AnsweringHandler } from "./fixtures/answering-handler.ts";
import {
  StagedAsyncTCPServer,
  StagedAsyncUnixStreamServer,
  StagedForkingTCPServer,
  StagedThreadingTCPServer,
  type StagedServer,
} from "./fixtures/drain-phases.ts";
import { accepted, LARGE, Load, SERVED, WAITING, type Member } from "./support/drain-load.ts";
import { eventually } from "./support/eventually.ts";
import { soon } from "./support/soon.ts";
import { temporaryPath } from "./support/temporary-path.ts";

/** Several times what the slowest of those needs that can finish. */
const GRACE_MS = 4_000;

/** What `close()` says that its last steps may take, and what a busy machine may add. */
const LAST_STEPS_MS = 1_000;
const SPARE_MS = 2_500;

/** What each client that is not cut got: every byte of every answer, and an orderly end. */
function expectFinished(members: readonly Member[]): void {
  for (const { group, client, cut } of members) {
    const { complaint, outcome, received, expected } = client;
    if (cut) expect({ group, complaint }).toEqual({ group, complaint: undefined });
    else {
      const whole = { group, complaint: undefined, outcome: "end", received: expected };
      expect({ group, complaint, outcome, received }).toEqual(whole);
    }
  }
}

/** The report lists everyone that was cut, as the clients know it. */
function expectListed({ cut, durationMs }: DrainReport, members: readonly Member[]): void {
  const clients = members.filter((member) => member.cut);
  expect(cut).toHaveLength(clients.length);
  for (const { group, client } of clients) {
    // No two have sent as much.
    const entry = cut.find(({ bytesRead }) => bytesRead === client.sent);
    const { localAddress } = client.connection;
    expect(entry, group).toMatchObject({ settled: group !== "working for ever" });
    if ("port" in localAddress) expect(entry?.clientAddress).toEqual(localAddress);
    expect(entry?.ageMs, group).toBeGreaterThanOrEqual(GRACE_MS - 2);
    expect(entry?.ageMs, group).toBeGreaterThanOrEqual(entry?.idleMs ?? Infinity);
    if (group === "with a reader that stopped") expect(entry?.bytesWritten).toBeGreaterThan(LARGE.length);
    else expect(entry, group).toMatchObject({ bytesWritten: client.received });
  }
  expect(durationMs).toBeGreaterThanOrEqual(GRACE_MS - 2);
}

beforeEach(() => leakCheck());

const port = async (): Promise<unknown> => ({ port: 0 });
const path = async (): Promise<unknown> => ({ path: await temporaryPath() });

describe.each([
  { name: "AsyncTCPServer", server: StagedAsyncTCPServer, address: port, workers: {} },
  {
    name: "ThreadingTCPServer",
    server: StagedThreadingTCPServer,
    address: port,
    workers: { threading: { threads: 2 } },
  },
  { name: "ForkingTCPServer", server: StagedForkingTCPServer, address: port, workers: { forking: { processes: 2 } } },
  { name: "AsyncUnixStreamServer", server: StagedAsyncUnixStreamServer, address: path, workers: {} },
])("close() of $name under load", ({ server, address, workers }) => {
  test("finishes what can finish, cuts the rest at the deadline, and says whom", async () => {
    const options = { ...workers, lingerMs: 20_000, maxConnections: SERVED + WAITING };
    await using running = await serve<StagedServer>(AnsweringHandler, { server, address: await address(), options });
    const verified = Promise.withResolvers<boolean>();
    await using load = await Load.connect(running, verified.promise);
    const { members, waiting } = load;
    await accepted(running);
    await eventually(() => expect(running.requests).toHaveLength(SERVED));

    const closing = running.close({ graceMs: GRACE_MS });
    setTimeout(() => verified.resolve(true), 200);
    const ended = load.go();
    const report = await soon(closing, GRACE_MS + LAST_STEPS_MS + SPARE_MS);
    await soon(ended);

    expectFinished(members);
    expectListed(report, members);
    const cut = members.filter((member) => member.cut).length;
    expect(report).toMatchObject({
      open: SERVED,
      finished: SERVED - cut,
      neverSettled: 4,
      callers: 0,
      refused: WAITING,
    });
    const reasons = running.closedRequests.map(({ reason }) => reason);
    expect(reasons.filter((reason) => reason === "done")).toHaveLength(SERVED - cut);
    expect(reasons.filter((reason) => reason === "drain")).toHaveLength(cut);
    expect(running.drops.filter(({ reason }) => reason === "draining")).toHaveLength(WAITING);
    for (const { received, outcome } of waiting) {
      expect(received).toBe(0);
      // A Unix socket cannot be reset.
      if (!("path" in running.address)) expect(outcome).toBe("ECONNRESET");
    }
    expect(running.errors).toEqual([]);
  }, 60_000);
});
