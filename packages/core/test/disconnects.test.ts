import { dial, leakCheck, serve, talk, type RunningServer } from "@socketserver/testing";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import {
  ChunkLoopHandler,
  CountingHandler,
  LargeAnswerHandler,
  LateCountingHandler,
  LineLoopHandler,
} from "./fixtures/conversation-handlers.ts";
import { Program } from "./support/program.ts";
import { STREAM_SERVERS } from "./support/stream-servers.ts";

describe.each(STREAM_SERVERS)("ordinary disconnects from $name", ({ name, server, address, workers }) => {
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
    const running = await serve(handler, { server, address: await address(), options: { ...workers, ...options } });
    running.server.removeAllListeners("requestError");
    return running;
  }

  test("give a half-closing client its answer", async () => {
    await using running = await start(CountingHandler);
    expect(String(await talk(running.address, Buffer.alloc(200_000)))).toBe("200000 bytes");
    expect(await running.closedCount(1)).toMatchObject([{ reason: "peer-end", bytesRead: 200_000 }]);
  });

  test("let a handler that begins to read late have everything", async () => {
    await using running = await start(LateCountingHandler, { idleTimeoutMs: 5_000 });
    expect(String(await talk(running.address, Buffer.alloc(1_000_001)))).toBe("1000000 bytes");
    expect(await running.closedCount(1)).toMatchObject([{ reason: "peer-end", bytesRead: 1_000_001 }]);
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
    await using running = await start(LineLoopHandler, { idleTimeoutMs: 50, lingerMs: 50 });
    await using client = await dial(running.address);
    expect(await running.closedCount(1)).toMatchObject([{ reason: "idle" }]);
    expect(await client.recv()).toHaveLength(0);
  });

  test("end a line without end, which is told to whoever asks and is not printed", async () => {
    await using running = await start(LineLoopHandler, { lingerMs: 50 });
    const client = await dial(running.address);
    await client.sendAll(Buffer.alloc(200_000, "x")).catch(() => "cut");
    expect(await running.closedCount(1)).toMatchObject([{ reason: "too-big" }]);
    client.abort();
  });
});

describe.each([
  ["TCPServer"],
  ["AsyncTCPServer"],
  ["ThreadingTCPServer"],
  ["ThreadingTCPServer", "relay"],
  ["ForkingTCPServer"],
  ["ForkingTCPServer", "relay"],
])("a large answer from %s %s", (...args) => {
  /** Far more than the runtime lets messages that are already read take before it collects them, which was up to 42 MiB. */
  const MEBIBYTES = 200;
  const BOUND = 80;

  /** Ask for as many MiB and read them more slowly than they can be sent, so that everything in between is full all the time; how many bytes came. */
  async function readSlowly(port: number, mebibytes: number): Promise<number> {
    await using client = await dial({ host: "127.0.0.1", port });
    await client.sendAll(`${mebibytes}\n`);
    let received = 0;
    let reads = 0;
    for await (const chunk of client) {
      received += chunk.length;
      if (++reads % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    return received;
  }

  test("reaches a slow reader whole, and takes little memory", async () => {
    await using program = new Program(process.execPath, [
      new URL("fixtures/large-answer-program.ts", import.meta.url).pathname,
      ...args,
    ]);
    const port = Number((await program.line(/^port (\d+)$/))[1]);
    // A small answer first, so that what the code itself takes is not counted.
    for (const mebibytes of [10, MEBIBYTES]) expect(await readSlowly(port, mebibytes)).toBe(mebibytes * 1_048_576);
    const [, second] = await program.linesMatching(/^closed (\S+) (\d+) grown (-?\d+)$/, 2);
    expect(second?.slice(1, 3)).toEqual(["done", String(MEBIBYTES * 1_048_576)]);
    expect(Number(second?.[3])).toBeLessThan(BOUND);
    expect(await program.end("SIGINT")).toMatchObject({ code: 0, stderr: "" });
  });
});
