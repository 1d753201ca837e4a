import { leakCheck } from "@socketserver/testing";
import { beforeEach, describe, expect, test } from "vitest";

import { CELLS, make, serveScripted } from "./matrix.ts";

beforeEach(() => leakCheck());

describe("verifyRequest()", () => {
  for (const cell of CELLS) {
    test(`SS-26 ${cell.name}: shutdownRequest() is called exactly once for a request that is refused`, async () => {
      await using running = await serveScripted(cell, { verifyRequest: "refuses" });
      await cell.provoke(running.address);
      expect(await running.closedCount(1)).toMatchObject([{ reason: "refused" }]);
      const report = await running.close();
      expect(running.server.shutdownCalls).toBe(1);
      expect(report.cut).toEqual([]);
      expect(running.errors).toEqual([]);
    });
  }
});

describe("handleRequest()", () => {
  for (const cell of CELLS) {
    // Python counts `_threads`; what could pile up here are the records of requests, in the server and in its workers.
    test(`SS-27 ${cell.name} forgets finished requests`, async () => {
      await using server = await make(cell);
      const address = await server.listen();
      for (let request = 0; request < 10; request++) {
        const answer = cell.ask(address, "hello\n");
        await server.handleRequest();
        expect(await answer).toEqual(Buffer.from("hello\n"));
      }
      await expect.poll(() => server.activeRequests).toBe(0);
      const workers = "workers" in server ? (server.workers as readonly { readonly active: number }[]) : [];
      for (const worker of workers) expect(worker).toMatchObject({ active: 0, served: 10 });
      expect(workers).toHaveLength(cell.inWorkers ? 1 : 0);
    });
  }
});
