/**
 * Limits of times and of admission at 0, 1 and Infinity, on running servers: each does what its option says. For the sizes there is a file of their own.
 */
import { AsyncTCPServer, TCPServer, type BaseServer, type Connection } from "@socketserver/core";
import { dial, leakCheck, serve, talk, type RunningServer } from "@socketserver/testing";
import { setTimeout as delay } from "node:timers/promises";
import { beforeEach, describe, expect, test } from "vitest";

import { STREAM_CELLS, serveIn, type Cell } from "./conformance/matrix.ts";
import { ClockedHandler, LateHandler, WritingHandler } from "./fixtures/clocked-handlers.ts";
import { EndlessHandler } from "./fixtures/closing-handlers.ts";
import { BriefHandler } from "./fixtures/extreme-handlers.ts";
import { ask } from "./support/ask.ts";
import { eventually } from "./support/eventually.ts";
import { soon } from "./support/soon.ts";

/** More than the kernel takes off our hands. */
const MUCH = 24 * 1_048_576;

/** Of the kinds of connection: here, in a worker that has the socket, and in one that has not. */
const KINDS = STREAM_CELLS.filter(({ concurrency }) => concurrency !== "plain");

beforeEach(() => leakCheck());

async function end(client: Connection): Promise<void> {
  try {
    while ((await client.recv()).length > 0);
  } catch {
    // A reset is an end, too.
  }
}

/** Serve one client with a clock at an extreme, and expect that it is closed for this reason soon. */
async function expectClosed(cell: Cell, handler: unknown, options: object, reason: string, says = ""): Promise<void> {
  await using running = await serveIn(cell, handler, { lingerMs: 50, graceMs: 0, ...options });
  await using client = await dial(running.address, { highWaterMark: 0, lingerMs: 0 });
  await client.sendAll(says).catch(() => undefined);
  expect(await soon(running.closedCount(1))).toMatchObject([{ reason }]);
  expect(running.errors).toEqual([]);
  client.abort();
}

describe.each(KINDS)("clocks of $name at their extremes", (cell) => {
  test("idleTimeoutMs 0 gives a read what has come already, and waits for nothing", async () => {
    await using running = await serveIn(cell, LateHandler, { idleTimeoutMs: 0 });
    await using early = await dial(running.address);
    await using silent = await dial(running.address);
    expect(await ask(early, "early")).toBe("early");
    await end(silent);
    await running.closedCount(2);
    const got = running.closedRequests.map(({ reason, bytesRead }) => `${reason} after ${bytesRead}`);
    expect(got.toSorted()).toEqual(["idle after 0", "idle after 6"]);
  });

  test("writeStallMs 0 resets who does not take everything at once", () =>
    expectClosed(cell, ClockedHandler, { writeStallMs: 0 }, "slow-reader", `send ${MUCH}\n`));

  test("minWriteRate Infinity resets who does not", () =>
    expectClosed(cell, ClockedHandler, { minWriteRate: Infinity, rateGraceMs: 0 }, "slow-reader", `send ${MUCH}\n`));

  test("minReadRate Infinity ends who does not send a line at once", () =>
    expectClosed(cell, ClockedHandler, { minReadRate: Infinity, rateGraceMs: 1 }, "slow-sender", "half a li"));

  test("rateGraceMs 0 ends who has stopped in the middle of a line", () =>
    expectClosed(cell, ClockedHandler, { minReadRate: 1_000, rateGraceMs: 0 }, "slow-sender", "half a li"));

  test.each([0, 1])("deadlineMs %d ends who waits for anything", (deadlineMs) =>
    expectClosed(cell, EndlessHandler, { deadlineMs }, "deadline"),
  );

  test.each([0, 1])("deadlineMs %d leaves time for a handler that waits for nothing", async (deadlineMs) => {
    await using running = await serveIn(cell, BriefHandler, { deadlineMs });
    expect(String(await talk(running.address, ""))).toBe("brief");
    expect(await running.closedCount(1)).toMatchObject([{ reason: "done" }]);
  });

  test.each([0, 1])("firstByteTimeoutMs %d resets who has not spoken", (firstByteTimeoutMs) =>
    expectClosed(cell, ClockedHandler, { firstByteTimeoutMs }, "first-byte"),
  );

  test.each([0, 1])(
    "maxAgeMs %d ends a loop as soon as it waits, and with a graceMs of 0 everybody",
    async (maxAgeMs) => {
      await expectClosed(cell, ClockedHandler, { maxAgeMs, graceMs: 1_000 }, "done");
      await expectClosed(cell, WritingHandler, { maxAgeMs, graceMs: 0 }, "max-age");
    },
  );

  test.each([0, 1])("lingerMs %d waits for no client that does not end its side", async (lingerMs) => {
    await using running = await serveIn(cell, ClockedHandler, { lingerMs });
    await using client = await dial(running.address);
    await client.sendAll("the answer\nbye\n");
    expect(String(await client.recvExactly(11))).toBe("the answer\n");
    expect(await client.recv()).toHaveLength(0);
    expect(await soon(running.closedCount(1))).toMatchObject([{ reason: "done" }]);
  });

  test("graceMs 0 lets nobody end by himself who does not at once", async () => {
    const running = await serveIn(cell, EndlessHandler, { graceMs: 0 });
    await using client = await dial(running.address);
    await eventually(() => expect(running.requests).toHaveLength(1));
    expect(await soon(running.close())).toMatchObject({ open: 1, finished: 0, cut: [{ reason: "drain" }] });
    await end(client);
  });

  test("Infinity ends nobody, whatever it is", async () => {
    const endless = { idleTimeoutMs: Infinity, writeStallMs: Infinity, deadlineMs: Infinity, maxAgeMs: Infinity };
    const patient = { firstByteTimeoutMs: Infinity, rateGraceMs: Infinity, minReadRate: Infinity, lingerMs: Infinity };
    await using running = await serveIn(cell, ClockedHandler, { ...endless, ...patient, graceMs: Infinity });
    await using client = await dial(running.address);
    await client.sendAll("half a ");
    await delay(200);
    expect(await ask(client, "line")).toBe("half a line");
    expect(running.closedRequests).toEqual([]);
  });
});

describe.each([
  ["TCPServer", TCPServer],
  ["AsyncTCPServer", AsyncTCPServer],
] as const)("limits of %s at their extremes", (_name, server) => {
  async function start(options: object, verify?: BaseServer["verifyRequest"]): Promise<RunningServer> {
    const running = await serve(ClockedHandler, { server, options });
    if (verify !== undefined) running.server.verifyRequest = verify;
    return running;
  }

  /** What a client gets that says a line. */
  async function outcome({ address }: RunningServer): Promise<string> {
    return talk(address, "hello\n").then(String, (error: unknown) => (error as { readonly code: string }).code);
  }

  test.each([
    ["a hook that answers at once", () => true, "hello\n", "peer-end"],
    ["a promise that is fulfilled", async () => true, "hello\n", "peer-end"],
    ["a hook that waits for anything", () => delay(200, true), "", "refused"],
  ])("verifyTimeoutMs 0 and %s", async (_hook, verify, expected, reason) => {
    await using running = await start({ verifyTimeoutMs: 0 }, verify);
    expect(await soon(outcome(running))).toBe(expected);
    expect(await running.closedCount(1)).toMatchObject([{ reason }]);
  });

  test.each([
    ["maxConnections", "max-connections"],
    ["maxConnectionsPerAddress", "max-connections-per-address"],
    ["maxConnectionsPerSubnet", "max-connections-per-subnet"],
    ["maxAcceptRate", "accept-rate"],
  ])("%s: 0 refuses everyone, 1 a second one, Infinity nobody", async (name, reason) => {
    await using running = await start({ [name]: 0, requestQueueSize: 10 });
    expect(await outcome(running)).toBe("ECONNRESET");
    await running.server.changeAdmission({ [name]: 1 });
    await using first = await dial(running.address);
    expect(await ask(first, "first")).toBe("first");
    expect(await outcome(running)).toBe("ECONNRESET");
    expect(running.drops.map((drop) => drop.reason)).toEqual([reason, reason]);
    await running.server.changeAdmission({ [name]: Infinity });
    const other = outcome(running);
    await first.close();
    expect(await soon(other)).toBe("hello\n");
  });

  test.each([0, 1])("admissionWaitMs %d refuses soon who does not fit", async (admissionWaitMs) => {
    await using running = await start({ maxConnections: 0, admissionWaitMs });
    expect(await soon(outcome(running))).toBe("ECONNRESET");
    expect(running.drops).toMatchObject([{ reason: "max-connections" }]);
    expect(running.server.statistics.waiting).toBe(0);
  });

  test("admissionWaitMs Infinity keeps as many outside as admissionQueueSize says, until there is room", async () => {
    const outside = { maxConnections: 0, admissionWaitMs: Infinity, admissionQueueSize: 0 };
    await using running = await start(outside);
    expect(await outcome(running)).toBe("ECONNRESET");
    await running.server.changeAdmission({ admissionQueueSize: 1 });
    const waiting = [outcome(running)];
    await eventually(() => expect(running.server.statistics.waiting).toBe(1));
    expect(await outcome(running)).toBe("ECONNRESET");
    await running.server.changeAdmission({ admissionQueueSize: Infinity });
    waiting.push(...Array.from({ length: 20 }, () => outcome(running)));
    await eventually(() => expect(running.server.statistics.waiting).toBe(21));
    await running.server.changeAdmission({ maxConnections: 1 });
    expect(new Set(await soon(Promise.all(waiting)))).toEqual(new Set(["hello\n"]));
    expect(running.drops).toHaveLength(2);
  });

  test("lameDuckMs: 0 drains at once, Infinity not before it is told to", async () => {
    for (const lameDuckMs of [0, Infinity]) {
      const running = await start({ lameDuckMs });
      let lame = 0;
      running.server.on("lameDuck", () => lame++);
      // It is ready when it takes requests.
      expect(await outcome(running)).toBe("hello\n");
      const closing = running.close();
      if (lameDuckMs === Infinity) expect(await soon(outcome(running))).toBe("hello\n");
      expect(lame).toBe(lameDuckMs === 0 ? 0 : 1);
      await running.server.close({ lameDuckMs: 0 });
      await soon(closing);
    }
  });

  test("timeoutMs 0 of handleRequest() takes only who is there", async () => {
    await using one = new server({ port: 0 }, ClockedHandler, { timeoutMs: 0 });
    const address = await one.listen();
    let missed = 0;
    one.handleTimeout = () => void missed++;
    await one.handleRequest();
    expect(missed).toBe(1);
    const answer = talk(address, "hello\n");
    await eventually(() => expect(one.statistics.waiting).toBe(1));
    await one.handleRequest();
    expect([missed, String(await answer)]).toEqual([1, "hello\n"]);
  });
});

/** Values with which an honest client is served all the same. */
const HARMLESS: Readonly<Record<string, readonly number[]>> = {
  backlog: [1],
  requestQueueSize: [1, Infinity],
  verifyTimeoutMs: [0, 1, Infinity],
  writeStallMs: [0, 1, Infinity],
  minWriteRate: [0, 1, Infinity],
  minReadRate: [0, 1],
  rateGraceMs: [0, 1, Infinity],
  reservedDescriptors: [0, 1],
  maxBufferedBytes: [Infinity],
  lingerMs: [0, 1, Infinity],
  graceMs: [0, 1, Infinity],
  lameDuckMs: [0, 1],
  maxPacketSize: [0, 1, Infinity],
  timeoutMs: [0, 1, Infinity],
  pollIntervalMs: [1, Infinity],
  ipv4SubnetPrefix: [0, 1, 32],
  ipv6SubnetPrefix: [0, 1, 128],
  admissionWaitMs: [0, 1, Infinity],
  admissionQueueSize: [0, 1, Infinity],
};

describe("A server with an option at an extreme that concerns no honest client", () => {
  const cases = Object.entries(HARMLESS).flatMap(([name, values]) => values.map((value) => [name, value] as const));

  test.each(cases)("serves with %s %d, as ever", async (name, value) => {
    await using running = await serve(ClockedHandler, { server: AsyncTCPServer, options: { [name]: value } });
    expect(String(await talk(running.address, "hello\n"))).toBe("hello\n");
    expect(await soon(running.closedCount(1))).toMatchObject([{ reason: "peer-end" }]);
  });
});
