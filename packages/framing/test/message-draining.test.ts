import type { Connection } from "@socketserver/core";
import { dial, leakCheck } from "@socketserver/testing";
import { setImmediate as nextTurn } from "node:timers/promises";
import { beforeEach, describe, expect, test } from "vitest";

import { soon } from "../../core/test/support/soon.ts";
import {
  CollectingHandler,
  CommittingHandler,
  ConcurrentNumberingHandler,
  LastMomentHandler,
  LineEchoHandler,
  LoopCollectingHandler,
  LoopNumberingHandler,
  NumberingHandler,
  PrefixedEchoHandler,
  SlowEchoHandler,
  WholeEchoHandler,
} from "./fixtures/draining-handlers.ts";
import { CONCURRENT_SERVERS, CONNECTION_SERVERS, serveIn } from "./support/message-servers.ts";

beforeEach(() => leakCheck());

/** Everything up to the end of the connection. */
async function rest(connection: Connection): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of connection) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

/** Say `message 0`, `message 1` and so on, without a pause and never up to the end of a message, until it is stopped or refused. */
async function flood(connection: Connection, stopped: () => boolean): Promise<void> {
  let begun = "";
  for (let number = 0; !stopped(); number += 500) {
    const text = begun + Array.from({ length: 500 }, (_, index) => `message ${number + index}\n`).join("");
    begun = text.slice(-5);
    await connection.sendAll(text.slice(0, -5));
    // A fast server leaves room at once, always; and the end has to be noticed.
    await nextTurn();
  }
}

/** Later than a read between two messages would end. */
async function aWhile(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 50));
}

describe.each(CONNECTION_SERVERS)("draining of $name", (cell) => {
  test("ends a connection that has said nothing yet, at once", async () => {
    await using running = await serveIn(cell, LineEchoHandler);
    await using client = await dial(running.address);
    while (running.requests.length === 0) await new Promise((resolve) => running.server.once("request", resolve));
    const closing = running.close();
    expect(await soon(rest(client))).toBe("");
    await client.close();
    expect(await closing).toMatchObject({ open: 1, finished: 1, cut: [], neverSettled: 0, refused: 0 });
  });

  test.each([
    ["lines", LineEchoHandler, "one\n"],
    ["prefixed messages", PrefixedEchoHandler, "\0\0\0\x03one"],
  ])("ends a connection between %s at once", async (_what, handler, message) => {
    await using running = await serveIn(cell, handler);
    await using client = await dial(running.address);
    await client.sendAll(message);
    expect(String(await client.recvExactly(message.length))).toBe(message);
    const closing = running.close();
    expect(await soon(rest(client))).toBe("");
    await client.close();
    expect(await closing).toMatchObject({ open: 1, finished: 1, cut: [] });
    expect(running.closedRequests).toMatchObject([{ reason: "done" }]);
    expect(running.errors).toEqual([]);
  });

  test.each([
    ["handleMessage()", CollectingHandler],
    ["a loop", LoopCollectingHandler],
  ])("ends a handler at once that answers nothing, with %s", async (_style, handler) => {
    await using running = await serveIn(cell, handler);
    await using client = await dial(running.address);
    await client.sendAll("one\ntwo\n");
    await client.sendAll("three\n");
    while (running.requests.length === 0) await new Promise((resolve) => running.server.once("request", resolve));
    await aWhile();
    const closing = running.close();
    expect(await soon(rest(client))).toBe("3 messages\n");
    await client.close();
    expect(await closing).toMatchObject({ open: 1, finished: 1, cut: [] });
    expect(running.closedRequests).toMatchObject([{ reason: "done" }]);
  });

  test.each([
    ["a line", LineEchoHandler, "one\n", "beg", "un\n"],
    ["the end of a line", LineEchoHandler, "one\n", "begun\r", "\n"],
    ["a prefix", PrefixedEchoHandler, "\0\0\0\x03one", "\0\0", "\0\x05begun"],
    ["a body", PrefixedEchoHandler, "\0\0\0\x03one", "\0\0\0\x05be", "gun"],
  ])("answers a message when the rest of %s has come", async (_what, handler, whole, begun, ending) => {
    await using running = await serveIn(cell, handler);
    await using client = await dial(running.address);
    await client.sendAll(whole + begun);
    expect(String(await client.recvExactly(whole.length))).toBe(whole);
    const closing = running.close();
    await aWhile();
    await client.sendAll(ending);
    expect(await soon(rest(client))).toBe((begun + ending).replace("\r", ""));
    await client.close();
    expect(await closing).toMatchObject({ open: 1, finished: 1, cut: [] });
    expect(running.errors).toEqual([]);
  });

  test.each([
    ["handleMessage()", NumberingHandler],
    ["a loop", LoopNumberingHandler],
    ["several at once", ConcurrentNumberingHandler],
  ])("ends with the message under way a connection whose client never pauses, with %s", async (_style, handler) => {
    await using running = await serveIn(cell, handler);
    await using client = await dial(running.address);
    let stopped = false;
    const flooding = flood(client, () => stopped).catch((error: unknown) => error);
    const output = rest(client).finally(() => (stopped = true));
    while (running.requests.length === 0) await new Promise((resolve) => running.server.once("request", resolve));
    await aWhile();
    const closing = running.close();
    const [count, wrong] = (await soon(output, 5_000)).match(/\d+/g) ?? [];
    expect(Number(count)).toBeGreaterThan(0);
    expect(wrong).toBe("0");
    await flooding;
    await client.close();
    expect(await soon(closing, 5_000)).toMatchObject({ open: 1, finished: 1, cut: [] });
    expect(running.errors).toEqual([]);
  });

  test("does not take its own end for the peer's, where that ends a message", async () => {
    await using running = await serveIn(cell, WholeEchoHandler);
    await using client = await dial(running.address);
    await client.sendAll("begun, ");
    while (running.requests.length === 0) await new Promise((resolve) => running.server.once("request", resolve));
    await aWhile();
    const closing = running.close();
    await aWhile();
    await client.sendAll("and ended");
    client.shutdown("write");
    expect(await soon(rest(client))).toBe("begun, and ended");
    await client.close();
    expect(await closing).toMatchObject({ open: 1, finished: 1, cut: [] });
    expect(running.closedRequests).toMatchObject([{ reason: "peer-end" }]);
  });

  test("answers every message that had come", async () => {
    await using running = await serveIn(cell, LastMomentHandler);
    await using client = await dial(running.address);
    await client.sendAll("one\ntwo\nthree\n");
    expect(String(await client.recv())).toBe("ready\n");
    const closing = running.close();
    expect(await soon(rest(client))).toBe("one\ntwo\nthree\n");
    await client.close();
    expect(await closing).toMatchObject({ open: 1, finished: 1, cut: [] });
    expect(running.closedRequests).toMatchObject([{ reason: "done" }]);
  });

  test("ends a connection whose client sends whole messages faster than they are answered", async () => {
    await using running = await serveIn(cell, SlowEchoHandler, { graceMs: 60_000 });
    await using client = await dial(running.address);
    // Always a few on their way, and none of them in halves.
    await client.sendAll("one\n".repeat(20));
    const conversation = (async () => {
      for await (const chunk of client) await client.sendAll(chunk);
    })();
    conversation.catch(() => {
      // It ends in the middle.
    });
    while (client.bytesRead < 40) await nextTurn();
    expect(await soon(running.close())).toMatchObject({ finished: 1, cut: [] });
    await conversation.catch(() => undefined);
  });

  test("goes on with a handler to whom end-of-stream means more, until its client ends", async () => {
    await using running = await serveIn(cell, CommittingHandler);
    await using client = await dial(running.address);
    await client.sendAll("one\n");
    expect(String(await client.recv())).toBe("one\n");
    const closing = running.close();
    await aWhile();
    await client.sendAll("two\n");
    expect(String(await soon(client.recv()))).toBe("two\n");
    await aWhile();
    await client.sendAll("three\n");
    client.shutdown("write");
    expect(await soon(rest(client))).toBe("three\n");
    await client.close();
    expect(await closing).toMatchObject({ open: 1, finished: 1, cut: [] });
    expect(running.closedRequests).toMatchObject([{ reason: "peer-end" }]);
  });

  test("cuts a connection at the deadline whose message was not completed", async () => {
    await using running = await serveIn(cell, LineEchoHandler);
    await using client = await dial(running.address);
    await client.sendAll("one\nbegun");
    expect(String(await client.recv())).toBe("one\n");
    const report = await running.close({ graceMs: 100 });
    expect(report).toMatchObject({ open: 1, finished: 0, neverSettled: 0 });
    expect(report.cut).toMatchObject([{ id: 1, bytesRead: 9, bytesWritten: 4, settled: true }]);
    expect(report.durationMs).toBeGreaterThanOrEqual(95);
    expect(running.closedRequests).toMatchObject([{ reason: "drain" }]);
    expect(running.errors).toEqual([]);
    await rest(client).catch((error: unknown) => expect(error).toMatchObject({ code: "ECONNRESET" }));
  });
});

describe.each(CONCURRENT_SERVERS)("draining of $name with many connections", (cell) => {
  test("ends, answers and cuts each as it stands, and its report adds up", async () => {
    const running = await serveIn(cell, LineEchoHandler);
    const clients: Connection[] = [];
    for (const begun of ["", "", "completed", "completed", "abandoned", "abandoned", "abandoned"]) {
      const client = await dial(running.address);
      await client.sendAll(`hello\n${begun}`);
      expect(String(await client.recv())).toBe("hello\n");
      clients.push(client);
    }
    const closing = running.close({ graceMs: 2_500 });
    const outputs = clients.map(async (client, index) => {
      if (index === 2 || index === 3) await client.sendAll("\n");
      const output = await rest(client).catch(() => "cut");
      await client.close();
      return output;
    });
    const report = await closing;
    expect((await Promise.all(outputs)).slice(0, 4)).toEqual(["", "", "completed\n", "completed\n"]);
    expect(report).toMatchObject({ open: 7, finished: 4, neverSettled: 0, callers: 0, refused: 0 });
    expect(new Set(report.cut.map(({ id }) => id))).toEqual(new Set([5, 6, 7]));
    expect(running.closedRequests.map(({ reason }) => reason).toSorted()).toEqual([
      "done",
      "done",
      "done",
      "done",
      "drain",
      "drain",
      "drain",
    ]);
    expect(running.errors).toEqual([]);
  });
});
