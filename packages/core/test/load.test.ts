/**
 * Many connections, and what is left of them: nothing.
 *
 * Three rounds, because the first ones warm caches and pools up; what still grows from the second to the third grows for ever.
 */
import { AsyncTCPServer, TCPServer, ThreadingTCPServer, type Address } from "@socketserver/core";
import { leakCheck, serve } from "@socketserver/testing";
import { once } from "node:events";
import { connect } from "node:net";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, test, vi } from "vitest";

import { ChunkLoopHandler } from "./fixtures/conversation-handlers.ts";

const ONE_AFTER_ANOTHER = 10_000;
const AT_ONCE = 2_000;
const MESSAGE = Buffer.from("hello");

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** Send a message, get it back, end. From one of 250 addresses, so that ports last. */
async function exchange(address: Address, index: number): Promise<void> {
  const { host, port } = address as { readonly host: string; readonly port: number };
  const socket = connect({ host, port, localAddress: `127.0.0.${1 + (index % 250)}` });
  let answer = "";
  socket.on("data", (data) => {
    answer += String(data);
    if (answer.length === MESSAGE.length) socket.end();
  });
  socket.write(MESSAGE);
  await once(socket, "close");
  expect(answer).toBe("hello");
}

describe.each([
  ["TCPServer", TCPServer],
  ["AsyncTCPServer", AsyncTCPServer],
  ["ThreadingTCPServer", ThreadingTCPServer],
] as const)("%s", (_name, server) => {
  test("leaves nothing of 10 000 connections one after another and 2 000 at once, three times over", async () => {
    const expectNothingLeft = leakCheck();
    const heaps: number[] = [];
    {
      // The one at a time needs room for those that wait.
      await using running = await serve(ChunkLoopHandler, {
        server,
        options: { requestQueueSize: AT_ONCE, backlog: 4_096 },
      });
      const expectOnlyServer = leakCheck();
      for (let round = 0; round < 3; round++) {
        for (let index = 0; index < ONE_AFTER_ANOTHER; index++) await exchange(running.address, index);
        await Promise.all(Array.from({ length: AT_ONCE }, (_, index) => exchange(running.address, index)));
        await running.closedCount(ONE_AFTER_ANOTHER + AT_ONCE);
        expect(running.closedRequests.every(({ reason }) => reason === "peer-end")).toBe(true);
        // `closeRequest()` of a thread ends a moment after the connection.
        await vi.waitFor(() => expect(running.server.activeRequests).toBe(0));
        running.requests.length = 0;
        running.closedRequests.length = 0;
        await expectOnlyServer();
        collectGarbage();
        heaps.push(process.memoryUsage().heapUsed);
      }
      expect(running.drops).toEqual([]);
    }
    const [, second = 0, third = 0] = heaps;
    expect((third - second) / 1_048_576).toBeLessThan(2);
    await expectNothingLeft();
  }, 240_000);
});
