/**
 * Many connections, and what is left of them: nothing.
 *
 * Three rounds, because the first ones warm caches and pools up; what still grows from the second to the third grows for ever.
 */
import { AsyncTCPServer, ForkingTCPServer, TCPServer, ThreadingTCPServer, type Address } from "@socketserver/core";
import { leakCheck, serve } from "@socketserver/testing";
import { once } from "node:events";
import { connect } from "node:net";
import { describe, expect, test, vi } from "vitest";

import { ChunkLoopHandler } from "./fixtures/conversation-handlers.ts";
import { collectGarbage } from "./support/collect-garbage.ts";

/** How many connections; fewer where each one crosses to a worker in several messages. */
const MANY = { oneAfterAnother: 10_000, atOnce: 2_000 };
const FEWER = { oneAfterAnother: 1_500, atOnce: 300 };
const MESSAGE = Buffer.from("hello");

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
  { name: "TCPServer", server: TCPServer, workers: {}, ...MANY },
  { name: "AsyncTCPServer", server: AsyncTCPServer, workers: {}, ...MANY },
  { name: "ThreadingTCPServer", server: ThreadingTCPServer, workers: {}, ...MANY },
  {
    name: "ThreadingTCPServer (relay)",
    server: ThreadingTCPServer,
    workers: { threading: { threads: 2, relay: true } },
    ...FEWER,
  },
  { name: "ForkingTCPServer", server: ForkingTCPServer, workers: { forking: { processes: 2 } }, ...FEWER },
  {
    name: "ForkingTCPServer (relay)",
    server: ForkingTCPServer,
    workers: { forking: { processes: 2, relay: true } },
    ...FEWER,
  },
])("$name", ({ server, workers, oneAfterAnother, atOnce }) => {
  test(`leaves nothing of ${oneAfterAnother} connections one after another and ${atOnce} at once, three times over`, async () => {
    const expectNothingLeft = leakCheck();
    const heaps: number[] = [];
    {
      // The one at a time needs room for those that wait.
      await using running = await serve(ChunkLoopHandler, {
        server,
        options: { ...workers, requestQueueSize: atOnce, backlog: 4_096 },
      });
      const expectOnlyServer = leakCheck();
      for (let round = 0; round < 3; round++) {
        for (let index = 0; index < oneAfterAnother; index++) await exchange(running.address, index);
        await Promise.all(Array.from({ length: atOnce }, (_, index) => exchange(running.address, index)));
        await running.closedCount(oneAfterAnother + atOnce);
        expect(running.closedRequests.every(({ reason }) => reason === "peer-end")).toBe(true);
        // `closeRequest()` of a worker ends a moment after the connection.
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
