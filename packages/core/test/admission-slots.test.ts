import type { BaseServer, CloseReason, ServerStatistics } from "@socketserver/core";
import { leakCheck, talkDatagram, type RunningServer } from "@socketserver/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { DATAGRAM_CELLS, STREAM_CELLS, WORKER_CELLS, serveIn, serveScripted, type Cell } from "./conformance/matrix.ts";
import { AskingHandler, AskingPacketHandler } from "./fixtures/asking-handlers.ts";
import { askServer } from "./support/ask-server.ts";
import { eventually } from "./support/eventually.ts";
import { sendDatagram } from "./support/send-datagram.ts";
import { Visitor } from "./support/visitor.ts";

let expectNothingLeft: () => Promise<void>;

beforeEach(() => {
  expectNothingLeft = leakCheck();
});

afterEach(() => expectNothingLeft());

/** One place: a slot that is not returned keeps everybody out, one that is returned twice lets two in. */
const ONE_PLACE = { maxConnections: 1, maxConnectionsPerAddress: 1, maxConnectionsPerSubnet: 1 };

/** How a visitor that is inside comes to its end. */
interface Ending {
  readonly name: string;
  readonly reason: CloseReason;
  readonly options?: object;
  readonly end: (visitor: Visitor) => unknown;
}

const ENDINGS: readonly Ending[] = [
  { name: "its handler returns", reason: "done", end: (visitor) => visitor.say("bye") },
  { name: "it ends its side", reason: "peer-end", end: (visitor) => visitor.leave() },
  { name: "it is reset", reason: "peer-reset", end: (visitor) => visitor.vanish() },
  { name: "its handler throws", reason: "handler-error", end: (visitor) => visitor.say("throw") },
  { name: "it is cut", reason: "deadline", options: { deadlineMs: 100 }, end: (visitor) => visitor.dismissed() },
  { name: "it says nothing for long", reason: "idle", options: { idleTimeoutMs: 50 }, end: () => {} },
];

async function expectOnePlace({ address, drops, server }: RunningServer): Promise<void> {
  const { statistics } = server;
  expect(statistics).toMatchObject({ active: 0, waiting: 0 });
  const refusedBefore = drops.length;
  const first = await Visitor.enter(address);
  expect(await first.inside).toBe(true);
  const second = await Visitor.enter(address);
  expect(await second.inside).toBe(false);
  await eventually(() => expect(drops).toHaveLength(refusedBefore + 1));
  second.vanish();
  first.vanish();
}

async function isEmpty(server: BaseServer): Promise<void> {
  await eventually(() => expect(server.statistics).toMatchObject({ active: 0, waiting: 0 }));
}

describe.each(STREAM_CELLS)("a place in $name", (cell) => {
  test.each(ENDINGS)("is free once more after $name", async ({ reason, options, end }) => {
    await using running = await serveIn(cell, AskingHandler, { ...ONE_PLACE, lingerMs: 50, ...options });
    for (let round = 1; round <= 2; round++) {
      const visitor = await Visitor.enter(running.address);
      expect(await visitor.inside).toBe(true);
      await end(visitor);
      await running.closedCount(round);
      await isEmpty(running.server);
      visitor.vanish();
    }
    // A Unix socket knows no reset.
    const seen = reason === "peer-reset" && cell.name.includes("Unix") ? "peer-end" : reason;
    expect(running.closedRequests.map((closed) => closed.reason)).toEqual([seen, seen]);
    await expectOnePlace(running);
  });

  test("is free once more after verifyRequest() refused", async () => {
    await using running = await serveScripted(cell, { verifyRequest: "throws first" }, AskingHandler);
    await running.server.changeAdmission(ONE_PLACE);
    const refused = await Visitor.enter(running.address);
    expect(await refused.inside).toBe(false);
    await refused.leave();
    await running.closedCount(1);
    await isEmpty(running.server);
    expect(running.closedRequests).toMatchObject([{ reason: "refused" }]);
    await expectOnePlace(running);
  });

  test("is free once more after a client has left that still waited for its turn", async () => {
    await using running = await serveIn(cell, AskingHandler, { maxConnections: 2 });
    const first = await Visitor.enter(running.address);
    const second = await Visitor.come(running.address);
    await eventually(() => expect(running.server.statistics.active + running.server.statistics.waiting).toBe(2));
    second.vanish();
    await first.leave();
    await isEmpty(running.server);
    await running.server.changeAdmission({ maxConnections: 1 });
    await expectOnePlace(running);
  });
});

describe.each(WORKER_CELLS.filter(({ stream }) => stream))("a place in $name", (cell) => {
  test("is free once more after its worker was lost", async () => {
    await using running = await serveIn(cell, AskingHandler, ONE_PLACE);
    const visitor = await Visitor.enter(running.address);
    await visitor.say("exit");
    expect(await visitor.dismissed()).toBe(true);
    expect(await running.closedCount(1)).toMatchObject([{ reason: "worker-lost" }]);
    await isEmpty(running.server);
    visitor.vanish();
    await expectOnePlace(running);
  });
});

describe.each(DATAGRAM_CELLS)("a place in $name", (cell) => {
  test("is free once more after each datagram, however its handler ends", async () => {
    await using running = await serveIn(cell, AskingPacketHandler, ONE_PLACE);
    for (const command of ["echo hello", "throw", "echo again"]) {
      await sendDatagram(running.address, command);
      await eventually(() => expect(running.closedRequests.at(-1)).toMatchObject({ bytesRead: command.length }));
      await isEmpty(running.server);
    }
    expect(running.closedRequests.map(({ reason }) => reason)).toEqual(["done", "handler-error", "done"]);
    const held = talkDatagram(running.address, "wait 300");
    await eventually(() => expect(running.server.activeRequests).toBe(1));
    await sendDatagram(running.address, "echo one too many");
    await eventually(() => expect(running.drops).toMatchObject([{ reason: "max-connections" }]));
    expect(String(await held)).toBe('"waited"\n');
  });
});

/** How many that makes together. */
function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}

function expectSum(running: RunningServer, statistics: ServerStatistics): void {
  const { closedRequests, drops, requests } = running;
  expect(statistics).toMatchObject({ taken: requests.length, active: 0, waiting: 0 });
  expect([sum(statistics.closed), sum(statistics.dropped)]).toEqual([closedRequests.length, drops.length]);
  for (const reason of new Set(closedRequests.map((closed) => closed.reason))) {
    expect(statistics.closed[reason]).toBe(closedRequests.filter((closed) => closed.reason === reason).length);
  }
  for (const reason of new Set(drops.map((drop) => drop.reason))) {
    expect(statistics.dropped[reason]).toBe(drops.filter((drop) => drop.reason === reason).length);
  }
  expect(statistics.bytesRead).toBe(closedRequests.reduce((bytes, closed) => bytes + closed.bytesRead, 0));
  expect(statistics.bytesWritten).toBe(closedRequests.reduce((bytes, closed) => bytes + closed.bytesWritten, 0));
}

const withoutPlain = ({ concurrency }: Cell): boolean => concurrency !== "plain";

describe.each(STREAM_CELLS.filter(withoutPlain))("statistics of $name", (cell) => {
  test("add up to what the events told, and to what is open", async () => {
    await using running = await serveIn(cell, AskingHandler, { maxConnections: 4, lingerMs: 50 });
    const { server } = running;
    const visitors: Visitor[] = [];
    for (let count = 0; count < 6; count++) visitors.push(await Visitor.enter(running.address));
    await eventually(() =>
      expect(server.statistics).toMatchObject({ taken: 4, active: 4, dropped: { "max-connections": 2 } }),
    );
    await visitors[0]?.say("bye");
    await visitors[1]?.say("throw");
    visitors[2]?.vanish();
    await running.closedCount(3);
    await server.changeAdmission({ denyAddresses: ["127.0.0.1"], maxConnections: 0 });
    (await Visitor.enter(running.address)).vanish();
    await eventually(() => expect(running.drops).toHaveLength(3));
    for (const visitor of visitors) await visitor.leave();
    await running.closedCount(4);
    await isEmpty(server);
    expectSum(running, server.statistics);
  });
});

describe.each(WORKER_CELLS)("statistics in a worker of $name", (cell) => {
  test("add up: what was taken there is active or closed", async () => {
    await using running = await serveIn(cell, cell.stream ? AskingHandler : AskingPacketHandler);
    for (let count = 1; count <= 3; count++) await askServer(cell, running.address, "echo hello");
    await running.closedCount(3);
    await isEmpty(running.server);
    const statistics = (await askServer(cell, running.address, "statistics")) as ServerStatistics;
    expect(statistics).toMatchObject({ active: 1, waiting: 0, dropped: {} });
    expect(sum(statistics.closed)).toBe(3);
    expect(statistics.taken).toBe(4);
  });
});
