import {
  AsyncTCPServer,
  BaseRequestHandler,
  type BaseServer,
  type Connection,
  type WorkerMembers,
} from "@socketserver/core";
import { dial, leakCheck } from "@socketserver/testing";
import { performance } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import { beforeEach, describe, expect, test } from "vitest";

import { CELLS, STREAM_CELLS, WORKER_CELLS, make, serveIn } from "../conformance/matrix.ts";
import { EndlessHandler } from "../fixtures/closing-handlers.ts";
import { EchoLineHandler } from "../fixtures/echo-handlers.ts";
import type { LimitedServerReport } from "../fixtures/limited-server-program.ts";
import { Crowd, type Fates } from "../support/crowd.ts";
import { LimitedServer } from "../support/limited-server.ts";
import { someTurns } from "../support/some-turns.ts";

beforeEach(() => leakCheck());

describe("shutdown()", () => {
  for (const cell of CELLS) {
    test(`D3 ${cell.name}: one that comes after the loop has ended does not end the next loop`, async () => {
      await using server = await make(cell);
      const address = await server.listen();
      const first = server.serveForever();
      await server.shutdown();
      await first;
      await server.shutdown();
      const second = server.serveForever();
      expect(await cell.ask(address, "still here\n")).toEqual(Buffer.from("still here\n"));
      await server.shutdown();
      await second;
    });
  }
});

describe("close()", () => {
  for (const cell of CELLS) {
    test(`D4 ${cell.name}: ends an idle serveForever()`, async () => {
      const running = await serveIn(cell);
      await running.server.close();
      await running.served;
      expect(running.server.state).toBe("closed");
    });
  }

  for (const cell of STREAM_CELLS) {
    test(`D4 ${cell.name}: does not spin while it waits for a request`, async () => {
      const running = await serveIn(cell, EndlessHandler);
      await using client = await dial(running.address);
      await client.sendAll("begin");
      while (running.requests.length === 0) await new Promise((resolve) => running.server.once("request", resolve));
      const before = performance.eventLoopUtilization();
      await running.close({ graceMs: 500 });
      expect(performance.eventLoopUtilization(before).utilization).toBeLessThan(0.5);
    });
  }
});

describe("serveForever()", () => {
  /** What a server of few descriptors makes of more clients than it has, and what the next one gets when they have left. */
  async function outOfDescriptors(): Promise<LimitedServerReport & { readonly fates: Fates; readonly next: Fates }> {
    await using server = await LimitedServer.start("AsyncTCPServer", { descriptors: 64 });
    await using crowd = new Crowd();
    const fates = await crowd.come(server.address, 100);
    const report = await server.look();
    await crowd.leave();
    // Its guard looks about once a second.
    await server.look();
    await server.look();
    const next = await crowd.come(server.address, 1);
    await crowd.leave();
    await server.close();
    expect(server.stderr).toBe("");
    return { ...report, fates, next };
  }

  test("D5 AsyncTCPServer refuses and does not spin while there are no descriptors, and goes on when there are some again", async () => {
    const { fates, next, busyMs } = await outOfDescriptors();
    expect(fates).toEqual({ served: expect.any(Number), reset: expect.any(Number) });
    expect(next).toEqual({ served: 1 });
    expect(busyMs).toBeLessThan(500);
  });

  test("D5 AsyncTCPServer reports once that there are no descriptors, and each client that it refuses for that", async () => {
    const { acceptErrors, drops, fates } = await outOfDescriptors();
    expect(acceptErrors).toEqual(["EMFILE"]);
    expect(drops).toEqual({ descriptors: fates.reset });
  });

  for (const cell of CELLS) {
    test(`D16 ${cell.name}: a second one rejects, a handleRequest() too, and the first goes on`, async () => {
      await using running = await serveIn(cell);
      const refusal = { code: "ERR_SOCKETSERVER_ALREADY_SERVING" };
      await expect(running.server.serveForever()).rejects.toMatchObject(refusal);
      await expect(running.server.handleRequest()).rejects.toMatchObject(refusal);
      expect(await cell.ask(running.address, "still here\n")).toEqual(Buffer.from("still here\n"));
    });
  }
});

describe("handleRequest()", () => {
  test("D10 AsyncTCPServer: the bound on concurrent requests holds", async () => {
    const started: PromiseWithResolvers<void>[] = [Promise.withResolvers(), Promise.withResolvers()];
    const release = Promise.withResolvers<void>();
    let running = 0;
    class GatedHandler extends BaseRequestHandler {
      override async handle(): Promise<void> {
        started[running++]?.resolve();
        await release.promise;
      }
    }
    await using server = new AsyncTCPServer({ port: 0 }, GatedHandler, { async: { maxConcurrentRequests: 2 } });
    const address = await server.listen();
    const clients: Connection[] = [];
    for (let client = 0; client < 3; client++) clients.push(await dial(address, { lingerMs: 50 }));
    const order: string[] = [];
    await server.handleRequest();
    await started[0]?.promise;
    order.push("one runs, there is room");
    const second = server.handleRequest().then(() => order.push("there is room again"));
    await started[1]?.promise;
    order.push("two run");
    // Turns enough for a bound that does not hold to show.
    await someTurns();
    order.push("released");
    release.resolve();
    await second;
    expect(order).toEqual(["one runs, there is room", "two run", "released", "there is room again"]);
    expect(running).toBe(2);
    await Promise.all(clients.map((client) => client.close()));
  });

  for (const cell of WORKER_CELLS.filter(({ stream }) => stream)) {
    test(`D10 ${cell.name}: the bound on concurrent requests holds`, async () => {
      const options = cell.options as Readonly<Record<string, object>>;
      const bounded = { [cell.concurrency]: { ...options[cell.concurrency], requestsPerWorker: 1 } };
      await using server = new cell.server(
        (await cell.address()) as never,
        EchoLineHandler as never,
        bounded as never,
      ) as BaseServer & WorkerMembers;
      const address = await server.listen();
      await using first = await dial(address);
      await using second = await dial(address);
      const order: string[] = [];
      await server.handleRequest();
      order.push("one runs");
      await second.sendAll("two\n");
      const both = server.handleRequest().then(() => order.push("there is room again"));
      const answered = second.recv().then((answer) => order.push(answer.toString()));
      // Longer than a worker takes that has room.
      await delay(100);
      expect(server.workers).toMatchObject([{ active: 1, served: 1 }]);
      order.push("one may end");
      await first.sendAll("one\n");
      expect((await first.recv()).toString()).toBe("one\n");
      await Promise.all([both, answered]);
      expect(order.slice(0, 2)).toEqual(["one runs", "one may end"]);
      expect(order.slice(2).toSorted()).toEqual(["there is room again", "two\n"]);
      expect(server.workers).toMatchObject([{ served: 2 }]);
    });
  }
});
