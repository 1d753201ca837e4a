import { AsyncTCPServer, BaseRequestHandler, TCPServer, type Address } from "@socketserver/core";
import { dial, leakCheck, serve, talk, type RunningServer } from "@socketserver/testing";
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { beforeEach, describe, expect, test } from "vitest";

import { FrameLoopHandler } from "./fixtures/conversation-handlers.ts";
import { BackendHandler } from "./fixtures/odd-threads.ts";
import { soon } from "./support/soon.ts";
import { STREAM_SERVERS } from "./support/stream-servers.ts";

beforeEach(() => leakCheck());

/** A backend that resets each connection when it is asked something. */
async function resettingBackend(): Promise<Server & AsyncDisposable> {
  const backend = createServer((socket) => {
    socket.on("error", () => {
      // Our own reset.
    });
    socket.once("data", () => socket.resetAndDestroy());
  });
  backend.listen(0, "127.0.0.1");
  await once(backend, "listening");
  return backend;
}

describe.each(STREAM_SERVERS)("a handler of $name", ({ server, address, workers }) => {
  async function start(handler: unknown): Promise<RunningServer> {
    return serve(handler, { server, address: await address(), options: { ...workers, graceMs: 25_000, lingerMs: 50 } });
  }

  test("whose backend resets has failed: the client did nothing wrong", async () => {
    await using backend = await resettingBackend();
    await using running = await start(BackendHandler);
    const { port } = backend.address() as AddressInfo;
    await using client = await dial(running.address);
    await client.sendAll(String(port));
    await client.recv().catch(() => undefined);
    expect(await soon(running.closedCount(1))).toMatchObject([{ reason: "handler-error" }]);
    expect(running.errors).toMatchObject([{ code: "ECONNRESET" }]);
  });

  test("whose exact read is ended at a boundary by the drain is done, and says nothing", async () => {
    const running = await start(FrameLoopHandler);
    await using client = await dial(running.address);
    expect(String(await client.recvExactly(5))).toBe("ready");
    const closing = running.close();
    expect(await client.recv()).toHaveLength(0);
    await client.close();
    expect(await soon(closing)).toMatchObject({ open: 1, finished: 1, cut: [] });
    expect(running.closedRequests).toMatchObject([{ reason: "done" }]);
    expect(running.errors).toEqual([]);
  });
});

describe.each([
  ["TCPServer", TCPServer],
  ["AsyncTCPServer", AsyncTCPServer],
] as const)("%s", (_name, Base) => {
  test("says aborted of a request whose handler destroyed the raw socket", async () => {
    class DestroyingHandler extends BaseRequestHandler {
      override handle(): void {
        this.request.socket.destroy();
      }
    }
    await using running = await serve(DestroyingHandler, { server: Base });
    const client = await dial(running.address);
    expect(await soon(running.closedCount(1))).toMatchObject([{ reason: "aborted" }]);
    await client.close();
    expect(running.errors).toEqual([]);
  });

  test("serves no client that was gone before it was accepted", async () => {
    const seen: Address[] = [];
    class SeeingHandler extends BaseRequestHandler {
      override async handle(): Promise<void> {
        seen.push(this.clientAddress);
        await this.request.sendAll("seen");
      }
    }
    await using running = await serve(SeeingHandler, { server: Base });
    resetWhileBlocked(running.port, await aClient());
    // The turns in which they are accepted.
    await delay(50);
    expect(String(await talk(running.address, "", { halfClose: false }))).toBe("seen");
    const addresses = [...seen, ...running.requests.map(({ clientAddress }) => clientAddress)];
    expect(addresses.filter((address) => "path" in address)).toEqual([]);
    expect(running.errors).toEqual([]);
    await soon(running.close());
    expect(running.server.activeRequests).toBe(0);
    expect(running.closedRequests).toHaveLength(running.requests.length);
  });
});

/** A thread that connects to the port that it is sent, resets that connection, and says so in shared memory. */
const CLIENT = `
  const { parentPort, workerData } = require("node:worker_threads");
  const { connect } = require("node:net");
  parentPort.once("message", ({ port }) => {
    let left = 5;
    for (let index = 0; index < 5; index++) {
      const socket = connect(port, "127.0.0.1", () => socket.resetAndDestroy());
      socket.on("close", () => {
        if (--left > 0) return;
        Atomics.store(workerData, 0, 1);
        Atomics.notify(workerData, 0);
      });
    }
  });
  parentPort.postMessage("ready");
`;

interface Client {
  readonly done: Int32Array;
  readonly worker: Worker;
}

async function aClient(): Promise<Client> {
  const done = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(CLIENT, { eval: true, workerData: done });
  await once(worker, "message");
  return { done, worker };
}

/** Have clients connect and reset, while this thread can accept nobody. */
function resetWhileBlocked(port: number, { done, worker }: Client): void {
  const message = { port };
  worker.postMessage(message, []);
  expect(Atomics.wait(done, 0, 0, 5_000)).not.toBe("timed-out");
}

describe("writeStallMs", () => {
  test("does not cut a client that reads steadily, however large the high-water mark is", async () => {
    const total = 24 * 1_048_576;
    class LargeHandler extends BaseRequestHandler {
      override async handle(): Promise<void> {
        for (let sent = 0; sent < total; sent += total / 3) await this.request.sendAll(Buffer.alloc(total / 3, "x"));
      }
    }
    const options = { highWaterMark: 8 * 1_048_576, writeStallMs: 400 };
    await using running = await serve(LargeHandler, { server: AsyncTCPServer, options });
    const client = connect(running.port, "127.0.0.1");
    let received = 0;
    client.on("data", ({ length }) => {
      received += length;
      client.pause();
      setTimeout(() => client.resume(), 4);
    });
    client.on("error", () => {
      // The count tells.
    });
    await new Promise((resolve) => client.once("close", resolve));
    expect(received).toBe(total);
    expect(await running.closedCount(1)).toMatchObject([{ bytesWritten: total, durationMs: expect.any(Number) }]);
    expect(running.closedRequests[0]?.reason).toMatch(/^(done|peer-end)$/);
    // Slow enough that a write as large as the mark took longer than a stall may.
    expect(running.closedRequests[0]?.durationMs).toBeGreaterThan(400);
    expect(running.errors).toEqual([]);
  });

  test("cuts a client that reads nothing, however large the high-water mark is", async () => {
    class LargeHandler extends BaseRequestHandler {
      override async handle(): Promise<void> {
        for (;;) await this.request.sendAll(Buffer.alloc(8 * 1_048_576, "x"));
      }
    }
    const options = { highWaterMark: 8 * 1_048_576, writeStallMs: 100 };
    await using running = await serve(LargeHandler, { server: AsyncTCPServer, options });
    const client = await dial(running.address);
    expect(await soon(running.closedCount(1))).toMatchObject([{ reason: "slow-reader" }]);
    client.abort();
  });
});
