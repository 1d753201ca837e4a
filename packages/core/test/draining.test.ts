import type { Connection } from "@socketserver/core";
import { dial, leakCheck, serve, type RunningServer } from "@socketserver/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { ClosingHandler } from "./fixtures/closing-handlers.ts";
import {
  ChunkLoopHandler,
  FrameLoopHandler,
  LineLoopHandler,
  SignalHandler,
} from "./fixtures/conversation-handlers.ts";
import { STREAM_SERVERS, type StreamCell } from "./support/stream-servers.ts";

/** A frame of {@link FrameLoopHandler}. */
function frame(body: string): Buffer {
  const header = Buffer.alloc(4);
  header.writeUInt32BE(body.length);
  return Buffer.concat([header, Buffer.from(body)]);
}

async function rest(connection: Connection): Promise<string> {
  let text = "";
  for await (const chunk of connection) text += String(chunk);
  return text;
}

describe.each(STREAM_SERVERS)("draining of $name", ({ server, address, workers }) => {
  let expectNothingLeft: () => Promise<void>;

  beforeEach(() => {
    expectNothingLeft = leakCheck();
  });

  afterEach(() => expectNothingLeft());

  async function start(handler: unknown): Promise<RunningServer> {
    // The grace is far longer than the test may take: what ends, ends by itself.
    return serve(handler, { server, address: await address(), options: { ...workers, graceMs: 25_000 } });
  }

  test.each([
    ["line", LineLoopHandler],
    ["recv", ChunkLoopHandler],
  ])("ends an idle %s loop by itself, before and after a request", async (_name, handler) => {
    await using running = await start(handler);
    await using client = await dial(running.address);
    await client.sendAll("one\n");
    expect(String(await client.recv())).toBe("one\n");
    const closing = running.close();
    expect(await rest(client)).toBe("");
    await client.close();
    expect(await closing).toMatchObject({ open: 1, finished: 1, cut: [], neverSettled: 0, refused: 0 });
    expect(running.closedRequests).toMatchObject([{ reason: "done" }]);
  });

  test("finishes a line that has begun to come", async () => {
    await using running = await start(LineLoopHandler);
    await using client = await dial(running.address);
    await client.sendAll("first\nbeg");
    expect(String(await client.recv())).toBe("first\n");
    const closing = running.close();
    await client.sendAll("un\n");
    expect(await rest(client)).toBe("begun\n");
    await client.close();
    expect(await closing).toMatchObject({ open: 1, finished: 1, cut: [] });
  });

  test.each([
    ["nothing", 4],
    ["a part", 9],
  ])("finishes a request whose header and %s of whose body has come", async (_name, cut) => {
    await using running = await start(FrameLoopHandler);
    await using client = await dial(running.address);
    expect(String(await client.recvExactly(5))).toBe("ready");
    await client.sendAll(frame("whole"));
    expect(String(await client.recvExactly(5))).toBe("whole");
    const body = frame("a body in two parts");
    await client.sendAll(body.subarray(0, cut));
    const closing = running.close();
    // Later than a read at a boundary would end.
    await new Promise((resolve) => setTimeout(resolve, 50));
    await client.sendAll(body.subarray(cut));
    expect(await rest(client)).toBe("a body in two parts");
    await client.close();
    expect(await closing).toMatchObject({ open: 1, finished: 1, cut: [] });
    expect(running.errors).toEqual([]);
  });

  test("tells handlers through drainSignal, and waits for them", async () => {
    await using running = await start(SignalHandler);
    await using client = await dial(running.address);
    expect(String(await client.recv())).toBe("ready");
    const closing = running.close();
    expect(await rest(client)).toBe(" draining");
    await client.close();
    expect(await closing).toMatchObject({ open: 1, finished: 1, cut: [] });
  });

  test("lets the answer of a handler that calls close() out", async () => {
    await using running = await start(ClosingHandler);
    await using client = await dial(running.address);
    expect(await rest(client)).toBe("closed by 1\n");
    await client.close();
    await running.served;
    expect(await running.close()).toMatchObject({ open: 1, finished: 1, cut: [], callers: 0 });
  });

  test("cuts what is left at the deadline, and says who", async () => {
    await using running = await start(LineLoopHandler);
    await using client = await dial(running.address);
    await client.sendAll("first\nunfinished");
    expect(String(await client.recv())).toBe("first\n");
    const report = await running.close({ graceMs: 50 });
    expect(report).toMatchObject({ open: 1, finished: 0, neverSettled: 0 });
    expect(report.cut).toMatchObject([{ id: 1, settled: true, clientAddress: running.requests[0]?.clientAddress }]);
    expect(running.closedRequests).toMatchObject([{ reason: "drain", bytesWritten: 6 }]);
    await rest(client).catch((error: unknown) => expect(error).toMatchObject({ code: "ECONNRESET" }));
  });

  test("cuts at once when close() is called again with less grace", async () => {
    await using running = await start(LineLoopHandler);
    await using client = await dial(running.address);
    await client.sendAll("first\nunfinished");
    expect(String(await client.recv())).toBe("first\n");
    const first = running.close();
    const second = running.close({ graceMs: 0 });
    expect(await first).toBe(await second);
    expect((await first).cut).toHaveLength(1);
    await rest(client).catch((error: unknown) => expect(error).toMatchObject({ code: "ECONNRESET" }));
  });
});

const isPlain = ({ name }: StreamCell): boolean => /^(TCP|Unix)/.test(name);

describe.each(STREAM_SERVERS.filter((cell) => !isPlain(cell)))(
  "draining of $name, many at once",
  ({ server, address, workers }) => {
    test("finishes every request whose header had been sent when close() was called", async () => {
      const expectNothingLeft = leakCheck();
      const running = await serve(FrameLoopHandler, { server, address: await address(), options: workers });
      const clients = await Promise.all(Array.from({ length: 8 }, () => dial(running.address)));
      for (const client of clients) expect(String(await client.recvExactly(5))).toBe("ready");
      const body = frame("a body in two parts");
      await Promise.all(clients.map((client) => client.sendAll(body.subarray(0, 9))));
      const closing = running.close();
      // Later than a read at a boundary would end.
      await new Promise((resolve) => setTimeout(resolve, 50));
      const answers = clients.map(async (client) => {
        await client.sendAll(body.subarray(9));
        return rest(client);
      });
      expect(await Promise.all(answers)).toEqual(clients.map(() => "a body in two parts"));
      await Promise.all(clients.map((client) => client.close()));
      expect(await closing).toMatchObject({ open: 8, finished: 8, cut: [] });
      expect(running.errors).toEqual([]);
      await expectNothingLeft();
    });
  },
);

describe.each(STREAM_SERVERS.filter(isPlain))("draining of $name, one at a time", ({ server, address }) => {
  test("refuses what waits for its turn, and reports it", async () => {
    const expectNothingLeft = leakCheck();
    const running = await serve(LineLoopHandler, { server, address: await address() });
    await using first = await dial(running.address);
    await first.sendAll("served\n");
    expect(String(await first.recv())).toBe("served\n");
    await using second = await dial(running.address);
    await using third = await dial(running.address);
    await second.sendAll("waits\n");
    await third.sendAll("waits\n");
    const report = await running.close();
    expect(report).toMatchObject({ open: 1, finished: 1, refused: running.drops.length });
    expect(running.drops.every(({ reason }) => reason === "draining")).toBe(true);
    expect(running.requests).toHaveLength(1);
    for (const waiting of [second, third]) {
      await waiting.recv().then(
        (data) => expect(data).toHaveLength(0),
        (error: unknown) => expect(error).toMatchObject({ code: "ECONNRESET" }),
      );
    }
    for (const client of [first, second, third]) await client.close();
    await expectNothingLeft();
  });
});
