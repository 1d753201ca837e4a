/**
 * What each clock of a connection ends, and what it leaves alone, wherever its handler runs.
 */
import { AsyncTCPServer, type Accepted, type Connection } from "@socketserver/core";
import { dial, leakCheck, serve, type RunningServer } from "@socketserver/testing";
import { setTimeout as delay } from "node:timers/promises";
import { beforeEach, describe, expect, test } from "vitest";

import { STREAM_CELLS, serveIn, type Cell } from "./conformance/matrix.ts";
import {
  ClockedHandler,
  LateHandler,
  PoliteHandler,
  TidyHandler,
  WritingHandler,
} from "./fixtures/clocked-handlers.ts";
import { CommittingHandler } from "./fixtures/closing-handlers.ts";
import { SignalHandler } from "./fixtures/conversation-handlers.ts";
import { ask } from "./support/ask.ts";
import { receivePaced, sendPaced } from "./support/paced.ts";
import { soon } from "./support/soon.ts";

/** A clock that runs out in a test. */
const SHORT_MS = 200;

/** Longer than any clock that could run out by mistake, with all that it may be late. */
const LONG_MS = 2.5 * SHORT_MS;

/** None of them is waited for. */
const ENDLESS = { idleTimeoutMs: 60_000, graceMs: 60_000, writeStallMs: 60_000, lingerMs: 100 };

beforeEach(() => leakCheck());

/** What the client sees of its end. */
async function endOf(client: Connection): Promise<string> {
  try {
    while ((await client.recv()).length > 0);
    return "end";
  } catch (error) {
    return (error as { readonly code: string }).code;
  }
}

/** A Unix socket knows no reset: its peer sees an end, or that what it sent was not read. */
function reset({ name }: Cell): RegExp {
  return name.includes("Unix") ? /^(end|ECONNRESET|EPIPE)$/ : /^ECONNRESET$/;
}

/** At least as old as the clock, which is never early; a timer of the runtime may be, by a part of a millisecond. */
function expectLasted(durationMs: number | undefined, ms: number): void {
  expect(durationMs).toBeGreaterThanOrEqual(ms - 1);
}

describe.each(STREAM_CELLS)("firstByteTimeoutMs of $name", (cell) => {
  const options = { ...ENDLESS, firstByteTimeoutMs: SHORT_MS };

  test("resets a client that never says anything, and not one that has, however long that is silent", async () => {
    await using running = await serveIn(cell, ClockedHandler, options);
    await using silent = await dial(running.address);
    expect(await soon(endOf(silent))).toMatch(reset(cell));
    const [closed] = await running.closedCount(1);
    expect(closed).toMatchObject({ reason: "first-byte", bytesRead: 0 });
    expectLasted(closed?.durationMs, SHORT_MS);
    await using speaking = await dial(running.address);
    await speaking.sendAll("h");
    await delay(LONG_MS);
    expect(await ask(speaking, "ello")).toBe("hello");
    expect(running.closedRequests).toHaveLength(1);
  });

  test("sees the first byte of a client whose handler does not read yet", async () => {
    await using running = await serveIn(cell, LateHandler, options);
    await using client = await dial(running.address);
    expect(await ask(client, "hello")).toBe("hello");
  });

  test("resets a client that waits for the server to speak on, if it has said nothing itself", async () => {
    await using running = await serveIn(cell, WritingHandler, options);
    await using client = await dial(running.address);
    expect(await soon(endOf(client))).toMatch(reset(cell));
    expect(await running.closedCount(1)).toMatchObject([{ reason: "first-byte" }]);
    expect(running.errors).toEqual([]);
  });
});

describe("firstByteTimeoutMs of a server whose getRequest() reads", () => {
  class ReadingServer extends AsyncTCPServer {
    override async getRequest(): Promise<Accepted<Connection>> {
      const accepted = await super.getRequest();
      await accepted[0].recv();
      return accepted;
    }
  }

  const serveReading = (): Promise<RunningServer> =>
    serve(LateHandler, { server: ReadingServer, options: { ...ENDLESS, firstByteTimeoutMs: SHORT_MS } });

  test("leaves a client alone that has said something by then", async () => {
    await using running = await serveReading();
    await using client = await dial(running.address);
    await client.sendAll("h");
    await delay(LONG_MS);
    expect(await ask(client, "hello")).toBe("hello");
  });

  test("leaves a client alone that has ended by then", async () => {
    await using running = await serveReading();
    await using client = await dial(running.address);
    client.shutdown("write");
    expect(await soon(endOf(client))).toBe("end");
  });
});

describe.each(STREAM_CELLS)("idleTimeoutMs of $name", (cell) => {
  const options = { ...ENDLESS, idleTimeoutMs: SHORT_MS };

  test("is not put off by what we send", async () => {
    await using running = await serveIn(cell, ClockedHandler, options);
    await using client = await dial(running.address);
    await client.sendAll("chatter 500 20\n");
    await soon(endOf(client));
    const [closed] = await running.closedCount(1);
    expect(closed?.reason).toBe("idle");
    expect(closed?.bytesWritten).toBeGreaterThan(3);
    expect(closed?.bytesWritten).toBeLessThan(100);
  });

  test("is put off by every byte of a slow client", async () => {
    await using running = await serveIn(cell, ClockedHandler, options);
    await using client = await dial(running.address);
    for (const letter of "slowly") {
      await client.sendAll(letter);
      await delay(SHORT_MS / 2);
    }
    expect(await ask(client, "!")).toBe("slowly!");
    expect(running.closedRequests).toEqual([]);
  });
});

describe.each(STREAM_CELLS)("minReadRate of $name", (cell) => {
  const rate = 1_000;
  const options = { ...ENDLESS, minReadRate: rate, rateGraceMs: 2 * SHORT_MS };

  test("ends a client that sends a line more slowly", async () => {
    await using running = await serveIn(cell, ClockedHandler, options);
    await using client = await dial(running.address);
    const sending = sendPaced(client, Buffer.alloc(10_000, "x"), rate / 10);
    sending.catch(() => undefined);
    await soon(endOf(client));
    const [closed] = await running.closedCount(1);
    expect(closed?.reason).toBe("slow-sender");
    expectLasted(closed?.durationMs, 2 * SHORT_MS);
    expect(running.errors).toEqual([]);
    await sending.catch(() => undefined);
  });

  test("leaves a client alone that is just fast enough", async () => {
    await using running = await serveIn(cell, ClockedHandler, options);
    await using client = await dial(running.address);
    const line = Buffer.alloc(1_600, "x");
    await sendPaced(client, line, rate * 1.6);
    await client.sendAll("\n");
    expect(await client.recvExactly(line.length)).toEqual(line);
    expect(running.closedRequests).toEqual([]);
  });
});

describe.each(STREAM_CELLS)("the clocks of $name", (cell) => {
  const options = {
    ...ENDLESS,
    idleTimeoutMs: SHORT_MS,
    firstByteTimeoutMs: SHORT_MS,
    writeStallMs: SHORT_MS,
    minReadRate: 10_000,
    minWriteRate: 10_000,
    rateGraceMs: SHORT_MS,
  };

  test.each(["wait", "burn"])("do not charge a client for what its handler does: %s", async (command) => {
    await using running = await serveIn(cell, ClockedHandler, options);
    await using client = await dial(running.address);
    for (let time = 0; time < 2; time++) {
      // The handler is in the middle of the next line when it has time for that.
      await client.sendAll(`${command} ${LONG_MS}\nnext`);
      expect(String(await client.recvExactly(7))).toBe(`${command}ed\n`);
      expect(await ask(client, " line")).toBe("next line");
    }
    expect(running.closedRequests).toEqual([]);
  });

  test("ask nothing of a client between two lines, but to be not idle for too long", async () => {
    await using running = await serveIn(cell, ClockedHandler, { ...options, idleTimeoutMs: 60_000 });
    await using client = await dial(running.address);
    for (const line of ["one", "two"]) {
      expect(await ask(client, line)).toBe(line);
      await delay(LONG_MS);
    }
    expect(running.closedRequests).toEqual([]);
  });
});

describe.each(STREAM_CELLS)("minWriteRate of $name", (cell) => {
  // More than the kernel takes off our hands.
  const bytes = 24 * 1_048_576;
  const options = { ...ENDLESS, minWriteRate: 1_000_000, rateGraceMs: SHORT_MS, highWaterMark: 16_384 };

  test("resets a client that takes too little, though it takes something", async () => {
    await using running = await serveIn(cell, ClockedHandler, options);
    await using client = await dial(running.address, { highWaterMark: 0 });
    await client.sendAll(`send ${bytes}\n`);
    const received = receivePaced(client, bytes, 20_000).catch((error: unknown) => error);
    const [closed] = await soon(running.closedCount(1), 6_000);
    expect(closed?.reason).toBe("slow-reader");
    expectLasted(closed?.durationMs, SHORT_MS);
    client.abort();
    await received;
    expect(running.errors).toEqual([]);
  });
});

/** What the kernel keeps differs with the kind of socket. */
const SOCKET_KINDS = STREAM_CELLS.filter(
  ({ concurrency, relayed }) => concurrency === "async" || (relayed && concurrency === "threading"),
);

describe.each(SOCKET_KINDS)("a steady reader of $name", (cell) => {
  // What its kernel keeps for it, some hundred KiB, hides for a moment that it reads at all.
  const bytesPerSecond = 500_000;

  test.each([
    ["minWriteRate", { minWriteRate: bytesPerSecond / 10, rateGraceMs: 1_000 }],
    ["writeStallMs", { writeStallMs: 2_000 }],
  ])("is not reset by %s", async (_name, options) => {
    await using running = await serveIn(cell, ClockedHandler, { ...ENDLESS, ...options });
    await using client = await dial(running.address, { highWaterMark: 0 });
    await client.sendAll("send 16777216\n");
    await receivePaced(client, bytesPerSecond * 4, bytesPerSecond);
    expect(running.closedRequests).toEqual([]);
    client.abort();
  });
});

describe.each(STREAM_CELLS)("deadlineMs of $name", (cell) => {
  test.each([
    ["closes it", TidyHandler],
    ["ends our side", PoliteHandler],
  ])(
    "resets a connection in the middle of an answer whose handler %s when its signal aborts",
    async (_name, handler) => {
      await using running = await serveIn(cell, handler, { ...ENDLESS, deadlineMs: SHORT_MS });
      await using client = await dial(running.address);
      expect(String(await client.recvExactly(14))).toBe("half of an ans");
      expect(await soon(endOf(client))).toMatch(reset(cell));
      expect(await running.closedCount(1)).toMatchObject([{ reason: "deadline" }]);
      expect(running.errors).toEqual([]);
    },
  );
});

describe.each(STREAM_CELLS)("maxAgeMs of $name", (cell) => {
  const options = { ...ENDLESS, maxAgeMs: SHORT_MS };

  test("ends a loop that waits for the next line, and with it the connection, and not the server", async () => {
    await using running = await serveIn(cell, ClockedHandler, options);
    await using client = await dial(running.address);
    expect(await ask(client, "hello")).toBe("hello");
    expect(await soon(client.recv())).toHaveLength(0);
    await client.close();
    const [closed] = await running.closedCount(1);
    expect(closed).toMatchObject({ reason: "done", bytesWritten: 6 });
    // Up to a tenth is left to chance.
    expectLasted(closed?.durationMs, SHORT_MS * 0.9);
    await using next = await dial(running.address);
    expect(await ask(next, "again")).toBe("again");
    expect(running.server.state).toBe("serving");
  });

  test("does not cut a line in half", async () => {
    await using running = await serveIn(cell, ClockedHandler, options);
    await using client = await dial(running.address);
    expect(await ask(client, "whole")).toBe("whole");
    await client.sendAll("in two");
    await delay(LONG_MS);
    expect(await ask(client, " parts")).toBe("in two parts");
    expect(await soon(client.recv())).toHaveLength(0);
    await client.close();
    expect(await running.closedCount(1)).toMatchObject([{ reason: "done" }]);
  });

  test("aborts drainSignal", async () => {
    await using running = await serveIn(cell, SignalHandler, options);
    await using client = await dial(running.address);
    expect(String(await client.recvExactly(5))).toBe("ready");
    expect(String(await soon(client.recvExactly(9)))).toBe(" draining");
    await client.close();
    const [closed] = await running.closedCount(1);
    expectLasted(closed?.durationMs, SHORT_MS * 0.9);
  });

  test.each([
    ["writes on", WritingHandler],
    ["waits for the client's end", CommittingHandler],
  ])("resets a connection graceMs later whose handler %s", async (_name, handler) => {
    await using running = await serveIn(cell, handler, { ...options, graceMs: SHORT_MS });
    await using client = await dial(running.address);
    expect(await soon(endOf(client))).toMatch(reset(cell));
    const [closed] = await running.closedCount(1);
    expect(closed?.reason).toBe("max-age");
    expectLasted(closed?.durationMs, SHORT_MS * 1.9);
    expect(running.errors).toEqual([]);
  });
});
