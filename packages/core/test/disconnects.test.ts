import { AsyncTCPServer, TCPServer, ThreadingTCPServer } from "@socketserver/core";
import { dial, leakCheck, serve, talk, type RunningServer } from "@socketserver/testing";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import {
  ChunkLoopHandler,
  CountingHandler,
  LargeAnswerHandler,
  LineLoopHandler,
} from "./fixtures/conversation-handlers.ts";
import { STREAM_SERVERS } from "./support/stream-servers.ts";

describe.each(STREAM_SERVERS)("ordinary disconnects from $name", ({ name, server, address }) => {
  let expectNothingLeft: () => Promise<void>;
  let printed: string[];

  beforeEach(() => {
    expectNothingLeft = leakCheck();
    printed = [];
    vi.spyOn(process.stderr, "write").mockImplementation((text) => {
      printed.push(String(text));
      return true;
    });
  });

  afterEach(async () => {
    vi.restoreAllMocks();
    expect(printed).toEqual([]);
    await expectNothingLeft();
  });

  /** Nobody hears `requestError`: what is no ordinary disconnect would be printed. */
  async function start(handler: unknown, options: object = {}): Promise<RunningServer> {
    const running = await serve(handler, { server, address: await address(), options });
    running.server.removeAllListeners("requestError");
    return running;
  }

  test("give a half-closing client its answer", async () => {
    await using running = await start(CountingHandler);
    expect(String(await talk(running.address, Buffer.alloc(200_000)))).toBe("200000 bytes");
    expect(await running.closedCount(1)).toMatchObject([{ reason: "peer-end", bytesRead: 200_000 }]);
  });

  test("are quiet when a client connects and leaves", async () => {
    await using running = await start(LineLoopHandler);
    await (await dial(running.address)).close();
    expect(await running.closedCount(1)).toMatchObject([{ reason: "peer-end", bytesRead: 0, bytesWritten: 0 }]);
  });

  test("are quiet when a client resets in the middle of our write", async () => {
    await using running = await start(LargeAnswerHandler);
    const client = await dial(running.address);
    await client.sendAll("64\n");
    await client.recv(1);
    client.abort();
    const [closed] = await running.closedCount(1);
    expect(closed).toMatchObject({ reason: "peer-reset" });
  });

  test("are quiet when a client resets while we read", async () => {
    await using running = await start(ChunkLoopHandler);
    const client = await dial(running.address);
    await client.sendAll("x");
    await client.recv(1);
    client.abort();
    const [closed] = await running.closedCount(1);
    // A Unix socket knows no reset: its peer sees an end.
    expect(closed).toMatchObject({ reason: name.includes("Unix") ? "peer-end" : "peer-reset" });
  });

  test("cut off a client that never reads", async () => {
    await using running = await start(LargeAnswerHandler, { writeStallMs: 100 });
    const client = await dial(running.address);
    await client.sendAll("64\n");
    expect(await running.closedCount(1)).toMatchObject([{ reason: "slow-reader" }]);
    client.abort();
  });

  test("cut off a client that never writes", async () => {
    await using running = await start(LineLoopHandler, { idleTimeoutMs: 50 });
    await using client = await dial(running.address);
    expect(await running.closedCount(1)).toMatchObject([{ reason: "idle" }]);
    expect(await client.recv()).toHaveLength(0);
  });

  test("end a line without end, which is told to whoever asks and is not printed", async () => {
    await using running = await start(LineLoopHandler);
    const client = await dial(running.address);
    await client.sendAll(Buffer.alloc(200_000, "x")).catch(() => "cut");
    expect(await running.closedCount(1)).toMatchObject([{ reason: "too-big" }]);
    client.abort();
  });
});

describe.each([
  ["TCPServer", TCPServer],
  ["AsyncTCPServer", AsyncTCPServer],
  ["ThreadingTCPServer", ThreadingTCPServer],
])("a large answer from %s", (_name, server) => {
  test("reaches a slow reader whole, and takes little memory", async () => {
    const MEBIBYTES = 100;
    await using running = await serve(LargeAnswerHandler, { server: server });
    // A first, small answer, so that what the code itself takes is not counted.
    await talk(running.address, "1\n");
    const before = process.memoryUsage.rss();
    const client = await dial(running.address);
    await client.sendAll(`${MEBIBYTES}\n`);
    let most = before;
    let received = 0;
    let reads = 0;
    for await (const chunk of client) {
      received += chunk.length;
      // Slower than the writer, so that everything in between is full all the time.
      if (reads++ % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
      most = Math.max(most, process.memoryUsage.rss());
    }
    await client.close();
    expect(received).toBe(MEBIBYTES * 1_048_576);
    expect((most - before) / 1_048_576).toBeLessThan(32);
    expect((await running.closedCount(2))[1]).toMatchObject({ reason: "done", bytesWritten: MEBIBYTES * 1_048_576 });
  });
});
