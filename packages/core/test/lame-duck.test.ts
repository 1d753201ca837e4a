import type { BaseServer, DrainReport } from "@socketserver/core";
import { dial, leakCheck } from "@socketserver/testing";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { SERVER_CELLS, WORKER_CELLS, serveIn } from "./conformance/matrix.ts";
import { AskingHandler, AskingPacketHandler } from "./fixtures/asking-handlers.ts";
import { EndlessHandler } from "./fixtures/closing-handlers.ts";
import { askServer } from "./support/ask-server.ts";
import { eventually } from "./support/eventually.ts";
import { sendDatagram } from "./support/send-datagram.ts";
import { soon } from "./support/soon.ts";
import { Visitor } from "./support/visitor.ts";

let expectNothingLeft: () => Promise<void>;

beforeEach(() => {
  expectNothingLeft = leakCheck();
});

afterEach(() => expectNothingLeft());

/** Longer than any test: what ends sooner was ended. */
const LONG = 60_000;
const PATIENT = { lameDuckMs: LONG, graceMs: LONG };

/** The events of the end of a server, in their order. */
function endOf(server: BaseServer): string[] {
  const events: string[] = [];
  for (const event of ["lameDuck", "draining", "close"] as const) server.on(event, () => events.push(event));
  return events;
}

describe.each(SERVER_CELLS)("close() of $name with lameDuckMs", (cell) => {
  const handler = cell.stream ? AskingHandler : AskingPacketHandler;

  test("goes on accepting and serving, and is ready no more, on either side", async () => {
    await using running = await serveIn(cell, handler, PATIENT);
    const { address, server } = running;
    const events = endOf(server);
    expect([server.ready, await askServer(cell, address, "ready")]).toEqual([true, true]);
    const closing = running.close();
    expect([server.ready, server.state, events]).toEqual([false, "serving", ["lameDuck"]]);
    for (let count = 0; count < 2; count++) expect(await askServer(cell, address, "ready")).toBe(false);
    await running.closedCount(3);
    expect([server.ready, server.state, events]).toEqual([false, "serving", ["lameDuck"]]);
    const report = await soon(running.close({ lameDuckMs: 0 }));
    expect(await closing).toBe(report);
    expect(events).toEqual(["lameDuck", "draining", "close"]);
    expect([server.ready, server.state, running.drops]).toEqual([false, "closed", []]);
  });

  test("drains when that time is over, and not before", async () => {
    await using running = await serveIn(cell, handler, { lameDuckMs: 300 });
    const startedAt = performance.now();
    let drainedAfter = 0;
    running.server.on("draining", () => (drainedAfter = performance.now() - startedAt));
    const report = await soon(running.close());
    expect(drainedAfter).toBeGreaterThan(295);
    expect(report.durationMs).toBeGreaterThan(295);
    expect(report).toMatchObject({ open: 0, refused: 0 });
  });

  test("does so only if it serves", async () => {
    const server = new cell.server(
      (await cell.address()) as never,
      handler as never,
      { ...cell.options, ...PATIENT } as never,
    );
    const events = endOf(server);
    await server.listen();
    expect(server.ready).toBe(false);
    await soon(server.close());
    expect(events).toEqual(["draining", "close"]);
  });

  test("by a handler does not wait for it in vain", async () => {
    const serves = cell.concurrency !== "plain";
    const running = await serveIn(cell, handler, { lameDuckMs: serves ? 300 : LONG });
    const events = endOf(running.server);
    const startedAt = performance.now();
    const report = (await soon(askServer(cell, running.address, 'close { "graceMs": 60000 }'))) as DrainReport;
    expect(report).toMatchObject({ open: 1, finished: 0, callers: 1 });
    if (serves) expect(performance.now() - startedAt).toBeGreaterThan(295);
    await soon(running.served);
    await running.close();
    expect(events).toEqual(serves ? ["lameDuck", "draining", "close"] : ["draining", "close"]);
  });
});

const CONVERSING = SERVER_CELLS.filter(({ concurrency, stream }) => stream && concurrency !== "plain");

describe.each(CONVERSING)("the lame duck of $name", (cell) => {
  test("reports only what is open when it begins to drain", async () => {
    const running = await serveIn(cell, AskingHandler, PATIENT);
    const { address } = running;
    const [leaving, staying] = [await Visitor.enter(address), await Visitor.enter(address)];
    const closing = running.close();
    await leaving.leave();
    await askServer(cell, address, "echo on the way");
    const late = await Visitor.enter(address);
    expect(await late.inside).toBe(true);
    await running.closedCount(2);
    await eventually(() => expect(running.server.activeRequests).toBe(2));
    void running.close({ lameDuckMs: 0 });
    for (const visitor of [staying, late]) {
      expect(await visitor.dismissed()).toBe(true);
      await visitor.leave();
    }
    expect(await closing).toMatchObject({ open: 2, finished: 2, cut: [], refused: 0 });
  });

  test("is told to those who are in already", async () => {
    await using running = await serveIn(cell, AskingHandler, PATIENT);
    const visitor = await Visitor.enter(running.address);
    expect(await visitor.ask("ready")).toBe(true);
    const closing = running.close();
    while ((await visitor.ask("ready")) !== false) await delay(5);
    await visitor.leave();
    await running.close({ lameDuckMs: 0 });
    await closing;
  });

  test("ends when shutdown() is called, also by a handler", async () => {
    const running = await serveIn(cell, AskingHandler, PATIENT);
    const closing = running.close();
    expect(await askServer(cell, running.address, "shutdown")).toBe("shut down");
    expect(await soon(closing)).toMatchObject({ cut: [] });
  });

  test("lasts as long as the deadline says, and graceMs more for those who are in", async () => {
    const running = await serveIn(cell, EndlessHandler, { lameDuckMs: 200, graceMs: 200 });
    await using client = await dial(running.address);
    await eventually(() => expect(running.server.activeRequests).toBe(1));
    const report = await soon(running.close());
    expect(report).toMatchObject({ open: 1, cut: [{ id: 1, settled: false }] });
    expect(report.cut[0]?.ageMs).toBeGreaterThan(395);
    client.abort();
  });
});

describe.each(WORKER_CELLS)("a worker of $name", (cell) => {
  const handler = cell.stream ? AskingHandler : AskingPacketHandler;

  test("that is started while its server leaves is not ready either", async () => {
    await using running = await serveIn(cell, handler, PATIENT);
    void running.server.close();
    const before = await askServer(cell, running.address, "where");
    const replaced = new Promise((resolve) => running.server.once("workerReady", resolve));
    const victim = cell.stream ? await Visitor.enter(running.address) : undefined;
    await (victim?.say("exit") ?? sendDatagram(running.address, "exit"));
    await replaced;
    victim?.vanish();
    expect(await askServer(cell, running.address, "where")).not.toBe(before);
    expect(await askServer(cell, running.address, "ready")).toBe(false);
    await running.close({ lameDuckMs: 0 });
  });
});
