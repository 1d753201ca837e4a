import { AsyncTCPServer, type AdmissionOptions } from "@socketserver/core";
import { leakCheck, serve, type RunningServer } from "@socketserver/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { SERVER_CELLS, serveIn } from "./conformance/matrix.ts";
import { AskingHandler } from "./fixtures/asking-handlers.ts";
import { eventually } from "./support/eventually.ts";
import { settled } from "./support/settled.ts";
import { Visitor } from "./support/visitor.ts";

let expectNothingLeft: () => Promise<void>;

beforeEach(() => {
  expectNothingLeft = leakCheck();
});

afterEach(() => expectNothingLeft());

/** Longer than any test: who waits so long, waits for the event that the test is about. */
const LONG = 60_000;

/** Come, and wait until one more is there, outside or in the queue. */
async function comeAndWait({ address, server }: RunningServer, from?: string): Promise<Visitor> {
  const { waiting } = server.statistics;
  const visitor = await Visitor.come(address, from);
  await eventually(() => expect(server.statistics.waiting).toBe(waiting + 1));
  return visitor;
}

describe.each(SERVER_CELLS.filter(({ stream }) => stream))("who waits outside of $name", (cell) => {
  test("comes in when there is a place, first come first served", async () => {
    await using running = await serveIn(cell, AskingHandler, { maxConnections: 1, admissionWaitMs: LONG });
    let inside = await Visitor.enter(running.address);
    const waiting = [await comeAndWait(running), await comeAndWait(running), await comeAndWait(running)];
    for (const next of waiting) {
      expect(running.server.statistics).toMatchObject({ active: 1 });
      for (const visitor of waiting.slice(waiting.indexOf(next))) expect(await settled(visitor.inside)).toBe(false);
      await inside.leave();
      expect(await next.inside).toBe(true);
      inside = next;
    }
    await inside.leave();
    await running.closedCount(4);
    expect(running.drops).toEqual([]);
    expect(running.server.statistics).toMatchObject({ taken: 4, waiting: 0, dropped: {} });
  });

  test("is refused after admissionWaitMs, and not before", async () => {
    await using running = await serveIn(cell, AskingHandler, { maxConnections: 1, admissionWaitMs: 200 });
    const inside = await Visitor.enter(running.address);
    const startedAt = performance.now();
    const waiting = await Visitor.enter(running.address);
    expect(await waiting.inside).toBe(false);
    expect(performance.now() - startedAt).toBeGreaterThan(195);
    expect(running.drops).toMatchObject([{ reason: "max-connections" }]);
    waiting.vanish();
    await inside.leave();
  });

  test("is refused with draining when the server closes, and is in the report", async () => {
    const running = await serveIn(cell, AskingHandler, { maxConnections: 1, admissionWaitMs: LONG });
    const inside = await Visitor.enter(running.address);
    const waiting = [await comeAndWait(running), await comeAndWait(running)];
    const closing = running.close();
    expect(await Promise.all(waiting.map((visitor) => visitor.inside))).toEqual([false, false]);
    await inside.leave();
    expect(await closing).toMatchObject({ open: 1, finished: 1, refused: 2 });
    expect(running.drops).toMatchObject([{ reason: "draining" }, { reason: "draining" }]);
    for (const visitor of waiting) visitor.vanish();
  });

  test("may leave, and keeps nobody behind it out", async () => {
    await using running = await serveIn(cell, AskingHandler, { maxConnections: 1, admissionWaitMs: LONG });
    const inside = await Visitor.enter(running.address);
    const [vanishing, leaving, last] = [
      await comeAndWait(running),
      await comeAndWait(running),
      await comeAndWait(running),
    ];
    vanishing.vanish();
    const left = leaving.leave();
    await inside.leave();
    expect(await last.inside).toBe(true);
    await left;
    await last.leave();
    await eventually(() => expect(running.server.statistics).toMatchObject({ active: 0, waiting: 0 }));
    expect(running.drops).toEqual([]);
  });
});

describe("admissionWaitMs", () => {
  const serveWith = (options: AdmissionOptions): Promise<RunningServer> =>
    serve(AskingHandler, { server: AsyncTCPServer, options: { admissionWaitMs: LONG, ...options } });

  test("lets no more than admissionQueueSize wait", async () => {
    await using running = await serveWith({ maxConnections: 0, admissionQueueSize: 1 });
    const waiting = await comeAndWait(running);
    const refused = await Visitor.enter(running.address);
    expect(await refused.inside).toBe(false);
    expect(running.drops).toMatchObject([{ reason: "max-connections" }]);
    refused.vanish();
    waiting.vanish();
  });

  test("lets a client that is behind its own limit hold nobody up", async () => {
    await using running = await serveWith({ maxConnectionsPerAddress: 1 });
    const inside = await Visitor.enter(running.address, "127.0.0.1");
    const waiting = await comeAndWait(running, "127.0.0.1");
    const other = await Visitor.enter(running.address, "127.0.0.2");
    expect(await other.inside).toBe(true);
    expect(await settled(waiting.inside)).toBe(false);
    await inside.leave();
    expect(await waiting.inside).toBe(true);
    await waiting.leave();
    await other.leave();
  });

  test("lets in who waits for the rate alone, though somebody else waits for longer", async () => {
    await using running = await serveWith({ maxConnectionsPerAddress: 1, maxAcceptRate: 2 });
    const inside = [
      await Visitor.enter(running.address, "127.0.0.1"),
      await Visitor.enter(running.address, "127.0.0.2"),
    ];
    inside.push(await comeAndWait(running, "127.0.0.1"));
    const waiting = await Visitor.come(running.address, "127.0.0.3");
    expect(await waiting.inside).toBe(true);
    for (const visitor of [...inside, waiting]) visitor.vanish();
  });

  test("lets in who waits when the rules change", async () => {
    await using running = await serveWith({ maxConnections: 0 });
    const waiting = await comeAndWait(running);
    await running.server.changeAdmission({ maxConnections: 1 });
    expect(await waiting.inside).toBe(true);
    await waiting.leave();
  });

  test("does not let anyone wait who is denied, and refuses who is denied meanwhile", async () => {
    await using running = await serveWith({ maxConnections: 0, denyAddresses: ["127.0.0.2"] });
    const denied = await Visitor.enter(running.address, "127.0.0.2");
    expect(await denied.inside).toBe(false);
    const waiting = await comeAndWait(running, "127.0.0.1");
    const other = await comeAndWait(running, "127.0.0.3");
    await running.server.changeAdmission({ denyAddresses: ["127.0.0.1"] });
    expect(await waiting.inside).toBe(false);
    expect(running.drops.map(({ reason }) => reason)).toEqual(["denied", "denied"]);
    for (const visitor of [denied, waiting, other]) visitor.vanish();
  });

  test("reads nothing of who waits, and loses nothing of what it sent", async () => {
    await using running = await serveWith({ maxConnections: 0 });
    const waiting = await comeAndWait(running);
    await waiting.say("echo second");
    expect(running.server.statistics).toMatchObject({ taken: 0, bytesRead: 0, waiting: 1 });
    await running.server.changeAdmission({ maxConnections: 1 });
    expect(await waiting.inside).toBe(true);
    await waiting.leave();
    expect(await running.closedCount(1)).toMatchObject([{ bytesRead: "echo in\necho second\n".length }]);
  });
});
