import { leakCheck } from "@socketserver/testing";
import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { openLoop } from "../src/load/open-loop.ts";

const SIZE = 16;
const LOAD = { requestsPerSecond: 500, seconds: 0.4, connections: 4, size: SIZE };
const TOTAL = 200;
const STALL_MS = 150;

/** A server of this process that does this with each connection. */
async function serving(behave: (socket: Socket) => void): Promise<AsyncDisposable & { readonly port: number }> {
  const server = createServer((socket) => behave(socket.on("error", () => {})));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const close = async (): Promise<void> => void (await once(server.close(), "close"));
  return { port: (server.address() as AddressInfo).port, [Symbol.asyncDispose]: close };
}

const echo = (socket: Socket): void => void socket.on("data", (data) => socket.write(data));

let expectNothingLeft: () => Promise<void>;
beforeEach(() => {
  expectNothingLeft = leakCheck();
});
afterEach(() => expectNothingLeft());

describe("openLoop()", () => {
  test("sends every request once, at its time, on all connections", async () => {
    const bytes = new Map<Socket, number>();
    await using server = await serving((socket) => {
      socket.on("data", (data: Buffer) => {
        bytes.set(socket, (bytes.get(socket) ?? 0) + data.length);
        // In pieces, as a network may.
        socket.write(data.subarray(0, 5));
        setImmediate(() => socket.write(data.subarray(5)));
      });
    });
    const started = performance.now();
    const { p50, p99, p999, reconnects } = await openLoop(server.port, LOAD);
    // The last one is due a little before the end.
    expect(performance.now() - started).toBeGreaterThan(LOAD.seconds * 1000 - 50);
    expect([...bytes.values()]).toEqual(Array(LOAD.connections).fill((TOTAL / LOAD.connections) * SIZE));
    expect(reconnects).toBe(0);
    expect(p50).toBeGreaterThan(0);
    expect(p99).toBeGreaterThanOrEqual(p50);
    expect(p999).toBeGreaterThanOrEqual(p99);
  });

  test("counts from when a request was due, also if all of them wait", async () => {
    let stalled = false;
    await using server = await serving((socket) => {
      socket.on("data", (data: Buffer) => {
        if (!stalled) {
          stalled = true;
          // As a server would whose event loop is blocked: nobody can send meanwhile, either.
          const until = performance.now() + STALL_MS;
          while (performance.now() < until);
        }
        socket.write(data);
      });
    });
    const { p50, p99 } = await openLoop(server.port, LOAD);
    expect(p99).toBeGreaterThan(STALL_MS * 0.8);
    // A third of all requests were due during the stall, and wait for its half on average.
    expect(p50).toBeLessThan(p99);
  });

  test("sends what was not answered on the next connection, when one ends or is reset", async () => {
    let [count, unanswered] = [0, 0];
    await using server = await serving((socket) => {
      const index = count++;
      let answered = 0;
      socket.on("data", (data: Buffer) => {
        for (let at = 0; at + SIZE <= data.length; at += SIZE) {
          if (index >= 4 || answered < 10) {
            socket.write(data.subarray(at, at + SIZE));
            answered++;
          } else {
            unanswered++;
            if (index % 2 === 0) socket.end();
            else socket.resetAndDestroy();
            return;
          }
        }
      });
    });
    // It resolves only when every request was answered.
    const { reconnects } = await openLoop(server.port, LOAD);
    expect(unanswered).toBeGreaterThanOrEqual(4);
    expect(reconnects).toBe(4);
  });

  test.each([
    ["answers something else", (socket: Socket) => void socket.on("data", () => socket.write("y".repeat(SIZE)))],
    ["answers twice", (socket: Socket) => void socket.on("data", (data) => socket.write(data) && socket.write(data))],
  ])("rejects a server that %s", async (_, behave) => {
    await using server = await serving(behave);
    await expect(openLoop(server.port, LOAD)).rejects.toThrow("an answer is not that of the oldest request");
  });

  test("rejects a server that ends every connection", async () => {
    await using server = await serving((socket) => void socket.once("data", () => socket.end()));
    await expect(openLoop(server.port, LOAD)).rejects.toThrow("one connection after the other ends");
  });

  test("rejects if nobody listens", async () => {
    let port: number;
    {
      await using server = await serving(echo);
      port = server.port;
    }
    await expect(openLoop(port, LOAD)).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });
});
