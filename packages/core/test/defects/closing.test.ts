import type { BaseServer, WorkerMembers } from "@socketserver/core";
import { dial, leakCheck, serve, talk, type AnyServerClass, type RunningServer } from "@socketserver/testing";
import { writeFile } from "node:fs/promises";
import { beforeEach, describe, expect, test } from "vitest";

import { CELLS, DATAGRAM_CELLS, STREAM_CELLS, serveIn } from "../conformance/matrix.ts";
import {
  BigAnswerHandler,
  ClosingHandler,
  ClosingPacketHandler,
  CommittingHandler,
  EchoAllHandler,
  EndlessHandler,
} from "../fixtures/closing-handlers.ts";
import { ExitingHandler } from "../fixtures/failing-handlers.ts";
import { EchoLineHandler } from "../fixtures/echo-handlers.ts";
import { FailingSetupForkingServer, FailingSetupThreadingServer } from "../fixtures/failing-setup-servers.ts";
import { LastMomentHandler } from "../fixtures/packet-handlers.ts";
import { temporaryPath } from "../support/temporary-path.ts";

/** Wait until a request was taken. */
async function taken({ requests, server }: RunningServer): Promise<void> {
  while (requests.length === 0) await new Promise((resolve) => server.once("request", resolve));
}

beforeEach(() => leakCheck());

describe("a graceful close", () => {
  // A plain server runs one request at a time.
  for (const cell of DATAGRAM_CELLS.filter(({ concurrency }) => concurrency !== "plain")) {
    test(`D6 ${cell.name}: does not lose replies in flight`, async () => {
      const running = await serveIn(cell, LastMomentHandler);
      const answers = ["one", "two", "three"].map((packet) => cell.ask(running.address, packet));
      while (running.requests.length < 3) await new Promise((resolve) => running.server.once("request", resolve));
      expect(await running.close()).toMatchObject({ open: 3, finished: 3, cut: [] });
      expect(await Promise.all(answers)).toEqual([Buffer.from("one"), Buffer.from("two"), Buffer.from("three")]);
    });
  }
});

/** Servers whose workers fail to start when they are told to. */
interface FailingSetup {
  readonly kind: string;
  readonly server: AnyServerClass<BaseServer & WorkerMembers>;
  readonly workers: (count: number) => object;
}

const FAILING_SETUPS: readonly FailingSetup[] = [
  {
    kind: "thread",
    server: FailingSetupThreadingServer,
    workers: (count: number) => ({ threading: { threads: count } }),
  },
  {
    kind: "process",
    server: FailingSetupForkingServer,
    workers: (count: number) => ({ forking: { processes: count } }),
  },
];

describe.each(FAILING_SETUPS)("a $kind that fails to start", ({ server, workers }) => {
  test("D8 leaves close() working when the first one fails", async () => {
    const failIf = await temporaryPath("fail");
    await writeFile(failIf, "");
    const first = new server(
      { port: 0 } as never,
      EchoLineHandler as never,
      { ...workers(2), setup: { failIf } } as never,
    );
    await expect(first.listen()).rejects.toThrow("workerSetup fails");
    expect(first.state).toBe("new");
    expect(await first.close()).toMatchObject({ open: 0 });
    expect(first.workers).toEqual([]);
  });

  test("D8 leaves close() working when the replacement of a lost one fails", async () => {
    const failIf = await temporaryPath("fail");
    const options = { ...workers(1), setup: { failIf } };
    const running = await serve(ExitingHandler, { server, options });
    const failed = Promise.withResolvers<void>();
    running.server.on("workerExit", ({ error }) => {
      if (error?.message === "workerSetup fails") failed.resolve();
    });
    await writeFile(failIf, "");
    await using client = await dial(running.address);
    await client.sendAll("end");
    await failed.promise;
    expect(await running.close()).toMatchObject({ cut: [] });
    expect(running.server.state).toBe("closed");
  });
});

describe("close()", () => {
  for (const cell of STREAM_CELLS) {
    test(`D9 ${cell.name}: does not wait for an idle client`, async () => {
      const running = await serveIn(cell, EchoAllHandler, { lingerMs: 50 });
      await using client = await dial(running.address);
      await client.sendAll("hello");
      expect((await client.recv()).toString()).toBe("hello");
      const report = await running.close();
      expect(report).toMatchObject({ open: 1, finished: 1, cut: [] });
      expect(report.durationMs).toBeLessThan(running.server.options.graceMs / 2);
      expect(await client.recv()).toHaveLength(0);
    });

    test(`D9 ${cell.name}: waits for graceMs at most if the handler holds on to an idle client`, async () => {
      const running = await serveIn(cell, CommittingHandler);
      await using client = await dial(running.address);
      await taken(running);
      const report = await running.close({ graceMs: 50 });
      expect(report).toMatchObject({ open: 1, finished: 0, neverSettled: 0, cut: [{ id: 1 }] });
      expect(running.closedRequests).toMatchObject([{ reason: "drain" }]);
      // Unix sockets know no reset.
      const outcome = client.recv().catch((error: unknown) => error);
      expect(await outcome).toMatchObject(cell.name.includes("Unix") ? { length: 0 } : { code: "ECONNRESET" });
    });

    test(`D9 ${cell.name}: waits for graceMs at most if the handler never ends`, async () => {
      const running = await serveIn(cell, EndlessHandler);
      await using client = await dial(running.address);
      await client.sendAll("begin");
      await taken(running);
      const report = await running.close({ graceMs: 50 });
      // Not even the end of its worker makes it settle.
      expect(report).toMatchObject({ open: 1, finished: 0, neverSettled: 1, cut: [{ id: 1, settled: false }] });
    });

    test(`D17 ${cell.name}: an answer arrives whole although input was left unread`, async () => {
      // What is left unread must not make anybody wait: that would take longer than the test may.
      await using running = await serveIn(cell, BigAnswerHandler, { lingerMs: 40_000 });
      const lengths: number[] = [];
      for (let round = 0; round < 30; round++) {
        const answer = await talk(running.address, Buffer.alloc(300_000, "?"), { halfClose: round % 2 === 0 });
        lengths.push(answer.length);
      }
      expect(lengths).toEqual(Array.from({ length: 30 }, () => 100_000));
      expect(running.errors).toEqual([]);
    });
  }

  for (const cell of CELLS) {
    test(`D9 ${cell.name}: can be called from a handler, which still answers`, async () => {
      const running = await serveIn(cell, cell.stream ? ClosingHandler : ClosingPacketHandler);
      expect(await cell.ask(running.address, "close\n")).toEqual(Buffer.from("closed by 1\n"));
      await running.served;
      expect(await running.server.close()).toMatchObject({ open: 1, finished: 1, callers: 0, cut: [] });
      expect(running.errors).toEqual([]);
    });
  }
});
