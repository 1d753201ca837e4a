import { AsyncTCPServer } from "@socketserver/core";
import { dial, leakCheck } from "@socketserver/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { SERVER_CELLS, STREAM_CELLS, serveIn } from "./conformance/matrix.ts";
import { LineLoopHandler } from "./fixtures/conversation-handlers.ts";
import { soon } from "./support/soon.ts";

let expectNothingLeft: () => Promise<void>;

beforeEach(() => {
  expectNothingLeft = leakCheck();
});

afterEach(() => expectNothingLeft());

/** Lines of 5 000 bytes each. */
const lines = (count: number): string => `${"x".repeat(4_999)}\n`.repeat(count);

describe.each(STREAM_CELLS)("a peer of $name that asks again before it was answered", (cell) => {
  test.each([0, 1, 4_096, 8_192, 16_384])("gets every answer, with a mark of %d bytes", async (highWaterMark) => {
    await using running = await serveIn(cell, LineLoopHandler, { highWaterMark });
    await using client = await dial(running.address);
    const asked = lines(5);
    await client.sendAll(asked);
    expect(String(await soon(client.recvExactly(asked.length)))).toBe(asked);
    // The next one is waited for: nothing is left that this one has not got.
    await client.sendAll("last\n");
    expect(String(await soon(client.recv()))).toBe("last\n");
  });
});

describe("maxBufferedBytes", () => {
  const cell = SERVER_CELLS.find(({ server }) => server === AsyncTCPServer) as (typeof SERVER_CELLS)[number];

  test("counts no answers that have left, although they were collected", async () => {
    await using running = await serveIn(cell, LineLoopHandler, { maxBufferedBytes: 100_000 });
    await using clients = new AsyncDisposableStack();
    const asked = lines(2);
    // Together they got three times as much as may be kept.
    for (let count = 0; count < 30; count++) {
      const client = clients.use(await dial(running.address));
      await client.sendAll(asked);
      expect(String(await soon(client.recvExactly(asked.length)))).toBe(asked);
    }
    expect(running.closedRequests).toEqual([]);
    expect(running.server.activeRequests).toBe(30);
  });
});
