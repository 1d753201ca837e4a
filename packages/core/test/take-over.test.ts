import { DatagramRequestHandler, UDPServer, type BaseServer, type TCPServer } from "@socketserver/core";
import { leakCheck, serve, talkDatagram } from "@socketserver/testing";
import { existsSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { DATAGRAM_CELLS, SERVER_CELLS, serveIn, type Cell } from "./conformance/matrix.ts";
import { AskingHandler, AskingPacketHandler } from "./fixtures/asking-handlers.ts";
import { askServer } from "./support/ask-server.ts";
import { eventually } from "./support/eventually.ts";
import { soon } from "./support/soon.ts";
import { Succession } from "./support/succession.ts";
import { Visitor } from "./support/visitor.ts";

let expectNothingLeft: () => Promise<void>;

beforeEach(() => {
  expectNothingLeft = leakCheck();
});

afterEach(() => expectNothingLeft());

/** A server of a cell that does not listen yet, elsewhere. */
async function newIn(cell: Cell, options: object = {}): Promise<BaseServer> {
  const handler = cell.stream ? AskingHandler : AskingPacketHandler;
  return new cell.server((await cell.address()) as never, handler as never, { ...cell.options, ...options } as never);
}

describe.each(SERVER_CELLS)("takeOver() of $name", (cell) => {
  const handler = cell.stream ? AskingHandler : AskingPacketHandler;

  test("answers the address of the other server, which it has from then on, and serves there", async () => {
    await using line = await Succession.begin(cell, handler);
    const { address } = line;
    const old = line.server;
    const events: string[] = [];
    old.on("draining", () => events.push("old draining"));
    old.on("close", () => events.push("old close"));
    const [next, taken] = await line.takeOver();
    expect(taken).toEqual(address);
    expect(next.serverAddress).toEqual(address);
    expect(["listening", "serving"]).toContain(next.state);
    expect(await askServer(cell, address, "echo hello")).toBe("hello");
    expect(await soon(old.close())).toMatchObject({ open: 0, cut: [], refused: 0 });
    expect([old.state, next.ready]).toEqual(["closed", true]);
    expect(await askServer(cell, address, "ready")).toBe(true);
    expect(events).toEqual(["old draining", "old close"]);
    expect(next.statistics).toMatchObject({ taken: 2, dropped: {} });
    expect(line.complaints).toEqual([]);
  });

  test("again and again ends every server but the last, which ends the rest", async () => {
    const line = await Succession.begin(cell, handler);
    const { address } = line;
    const times = cell.inWorkers ? 3 : 8;
    for (let count = 0; count < times; count++) {
      await line.takeOver();
      expect(await askServer(cell, address, "echo hello")).toBe("hello");
      if ("path" in address) expect(existsSync(address.path)).toBe(true);
    }
    await line.close();
    expect(line.servers.map(({ state }) => state)).toEqual(Array(times + 1).fill("closed"));
    expect(line.servers.reduce((taken, { statistics }) => taken + statistics.taken, 0)).toBe(times);
    if ("path" in address) expect(existsSync(address.path)).toBe(false);
    expect(line.complaints).toEqual([]);
  });

  test("that fails in serverActivate() leaves the other one serving, and can be tried again", async () => {
    await using old = await serveIn(cell, handler);
    const calls: string[] = [];
    class Failing extends (cell.server as unknown as typeof TCPServer) {
      override serverActivate(): Promise<void> {
        calls.push("serverActivate");
        return calls.length === 1 ? Promise.reject(new Error("cannot activate")) : Promise.resolve();
      }

      override async serverStop(): Promise<void> {
        calls.push("serverStop");
        await super.serverStop();
      }
    }
    await using next = new Failing((await cell.address()) as never, handler as never, cell.options);
    await expect(next.takeOver(old.server as never)).rejects.toThrow("cannot activate");
    expect([next.state, old.server.ready, calls]).toEqual(["new", true, ["serverActivate", "serverStop"]]);
    expect(await askServer(cell, old.address, "echo hello")).toBe("hello");
    expect(await next.takeOver(old.server as never)).toEqual(old.address);
    expect(await soon(old.close())).toMatchObject({ cut: [], refused: 0 });
    expect(calls).toEqual(["serverActivate", "serverStop", "serverActivate"]);
  });
});

const STREAMS = SERVER_CELLS.filter(({ stream }) => stream);

describe.each(STREAMS)("takeOver() of $name, and those who are there", (cell) => {
  test("serves who waits for its turn, and who waits outside", async () => {
    const limits = { maxConnections: 2, admissionWaitMs: 60_000, graceMs: 60_000 };
    // The old one serves one at a time, so that the second one waits; the new one is of any class.
    const plain = STREAMS.find(
      ({ concurrency, name }) => concurrency === "plain" && name.includes("Unix") === cell.name.includes("Unix"),
    );
    await using old = await serveIn(plain as Cell, AskingHandler, limits);
    const visitors = [await Visitor.enter(old.address)];
    for (let waiting = 1; waiting <= 3; waiting++) {
      visitors.push(await Visitor.come(old.address));
      await eventually(() => expect(old.server.statistics).toMatchObject({ active: 1, waiting }));
    }
    await using next = await newIn(cell, limits);
    await next.takeOver(old.server);
    expect(old.server.statistics).toMatchObject({ active: 1, waiting: 0 });
    expect(next.statistics).toMatchObject({ taken: 0, active: 0, waiting: 3 });
    const served = next.serveForever();
    for (const visitor of visitors) {
      expect(await visitor.inside).toBe(true);
      await visitor.leave();
    }
    expect(await old.close()).toMatchObject({ open: 1, finished: 1, refused: 0 });
    expect(old.requests).toHaveLength(1);
    expect([old.drops, old.errors]).toEqual([[], []]);
    await next.close();
    await served;
    expect(next.statistics).toMatchObject({ taken: 3, active: 0, waiting: 0, dropped: {} });
  });

  test("drains who is in, and lets the old one finish", async () => {
    await using line = await Succession.begin(cell, AskingHandler, { graceMs: 60_000 });
    const visitor = await Visitor.enter(line.address);
    await visitor.begin("echo unfin");
    await eventually(() => expect(line.server.activeRequests).toBe(1));
    const old = line.server;
    const [next] = await line.takeOver();
    expect(await askServer(cell, line.address, "echo meanwhile")).toBe("meanwhile");
    expect(await visitor.ask("ished")).toBe("unfinished");
    expect(await visitor.dismissed()).toBe(true);
    await visitor.leave();
    expect(await soon(old.close())).toMatchObject({ open: 1, finished: 1, cut: [] });
    expect([old.statistics.taken, next.statistics.taken]).toEqual([1, 1]);
    expect(line.complaints).toEqual([]);
  });

  test("keeps those outside who do not fit into the new one either", async () => {
    const limits = { maxConnections: 0, admissionWaitMs: 60_000 };
    await using old = await serveIn(cell, AskingHandler, limits);
    const visitors: Visitor[] = [];
    for (let waiting = 1; waiting <= 3; waiting++) {
      visitors.push(await Visitor.come(old.address));
      await eventually(() => expect(old.server.statistics.waiting).toBe(waiting));
    }
    await using next = await newIn(cell, limits);
    await next.takeOver(old.server);
    expect([old.server.statistics.waiting, next.statistics.waiting]).toEqual([0, 3]);
    const served = next.serveForever();
    expect(await old.close()).toMatchObject({ refused: 0 });
    await next.changeAdmission({ maxConnections: 1 });
    for (const visitor of visitors) {
      expect(await visitor.inside).toBe(true);
      await visitor.leave();
    }
    await next.close();
    await served;
    expect(next.statistics).toMatchObject({ taken: 3, waiting: 0, dropped: {} });
  });

  test("judges new clients, and those who wait outside, by the rules of the new one", async () => {
    const rules = { maxConnections: 0, admissionWaitMs: 60_000 };
    await using old = await serveIn(cell, AskingHandler, rules);
    const waiting = await Visitor.come(old.address);
    await eventually(() => expect(old.server.statistics.waiting).toBe(1));
    await using next = await newIn(cell, { maxConnections: 1 });
    await next.takeOver(old.server);
    const served = next.serveForever();
    expect(await waiting.inside).toBe(true);
    const refused = await Visitor.enter(next.serverAddress);
    expect(await refused.inside).toBe(false);
    refused.vanish();
    await waiting.leave();
    expect(await old.close()).toMatchObject({ open: 0, refused: 0 });
    await next.close();
    await served;
    expect(next.statistics).toMatchObject({ taken: 1, dropped: { "max-connections": 1 } });
    expect(old.drops).toEqual([]);
  });
});

/** Handlers of datagrams that answer when they are released. */
function newHeld(): {
  readonly HeldHandler: new (...args: never[]) => DatagramRequestHandler;
  readonly release: () => void;
} {
  const { promise, resolve } = Promise.withResolvers<void>();
  class HeldHandler extends DatagramRequestHandler {
    override async handle(): Promise<void> {
      await promise;
      await this.request.reply('"released"');
    }
  }
  return { HeldHandler, release: resolve };
}

describe.each(DATAGRAM_CELLS)("takeOver() of $name, and datagrams that are there", (cell) => {
  test("serves what waits, and lets the old one answer what it has", async () => {
    const { HeldHandler, release } = newHeld();
    await using old = await serve(HeldHandler, { server: UDPServer, options: { graceMs: 60_000 } });
    const held = askServer(cell, old.address, "echo held");
    await eventually(() => expect(old.server.activeRequests).toBe(1));
    const waiting = [1, 2, 3].map((count) => askServer(cell, old.address, `echo ${count}`));
    await eventually(() => expect(old.server.statistics).toMatchObject({ active: 1, waiting: 3 }));
    await using next = await newIn(cell);
    await next.takeOver(old.server);
    expect([old.server.statistics.waiting, next.statistics.waiting]).toEqual([0, 3]);
    const served = next.serveForever();
    expect(await Promise.all(waiting)).toEqual(["1", "2", "3"]);
    release();
    expect(await held).toBe("released");
    expect(await old.close()).toMatchObject({ open: 1, finished: 1, refused: 0 });
    await next.close();
    await served;
    expect([old.requests.length, next.statistics.taken]).toEqual([1, 3]);
  });

  test("lets the old one answer what it has, also if the new one closes first", async () => {
    const { HeldHandler, release } = newHeld();
    await using old = await serve(HeldHandler, { server: UDPServer, options: { graceMs: 60_000 } });
    const held = talkDatagram(old.address, "held", { timeoutMs: 1_000 });
    await eventually(() => expect(old.server.activeRequests).toBe(1));
    await using next = await newIn(cell);
    await next.takeOver(old.server);
    void next.close();
    await eventually(() => expect(["draining", "closed"]).toContain(next.state));
    // Longer than it takes to close a socket that is not needed any more.
    await delay(50);
    release();
    expect(String(await held)).toBe('"released"');
    await soon(old.close());
    expect(old.errors).toEqual([]);
  });
});
