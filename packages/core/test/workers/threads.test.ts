import type { Connection } from "@socketserver/core";
import { leakCheck, serve, type AnyServerClass, type RunningServer } from "@socketserver/testing";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { CommandHandler, CommandServer, LastWorkerServer, UnreadyServer } from "../fixtures/thread-handlers.ts";
import { ask } from "../support/ask.ts";
import { clientsOf } from "../support/clients-of.ts";

describe("ThreadingMixIn(TCPServer)", () => {
  let expectNothingLeft: () => Promise<void>;

  beforeEach(() => {
    expectNothingLeft = leakCheck();
  });

  afterEach(() => expectNothingLeft());

  async function start(server: AnyServerClass<CommandServer> = CommandServer): Promise<RunningServer<CommandServer>> {
    return serve(CommandHandler, { server, options: { threading: { threads: 2 } } });
  }

  async function closeAll(clients: readonly Connection[]): Promise<void> {
    await Promise.all(clients.map((client) => client.close()));
  }

  test("spreads connections over threads, in turn", async () => {
    await using running = await start();
    const clients = await clientsOf(running, 4);
    const threads = await Promise.all(clients.map((client) => ask(client, "where")));
    expect(new Set(threads).size).toBe(2);
    expect(threads.slice(2)).toEqual(threads.slice(0, 2));
    expect(threads).not.toContain("0");
    expect(running.server.workers).toMatchObject([
      { active: 2, served: 2 },
      { active: 2, served: 2 },
    ]);
    await closeAll(clients);
  });

  test("takes threads in turn that are equally busy", async () => {
    await using running = await start();
    for (let index = 0; index < 4; index++) {
      await closeAll(await clientsOf(running, 1));
      await vi.waitFor(() => expect(running.server.activeRequests).toBe(0), { interval: 5 });
    }
    expect(running.server.workers.map(({ served }) => served)).toEqual([2, 2]);
  });

  test("asks chooseWorker", async () => {
    await using running = await start(LastWorkerServer);
    const clients = await clientsOf(running, 3);
    expect(running.server.workers.map(({ served }) => served).toSorted((one, other) => one - other)).toEqual([0, 3]);
    await closeAll(clients);
  });

  test("gives each thread a replica with the real address, and with memory of its own", async () => {
    await using running = await start();
    const clients = await clientsOf(running, 2);
    const [first, second] = clients as [Connection, Connection];
    expect(JSON.parse(await ask(first, "address"))).toEqual(running.address);
    expect(await ask(first, "setups")).toBe("1");
    expect(await ask(first, "count")).toBe("1");
    expect(await ask(first, "count")).toBe("2");
    expect(await ask(second, "count")).toBe("1");
    expect(running.server.counter).toBe(0);
    expect(await ask(first, "listen")).toBe("ERR_SOCKETSERVER_SERVER_CLOSED");
    await closeAll(clients);
  });

  test("reports a handler's error on the listener side, with its name, code, fields and cause", async () => {
    await using running = await start();
    const [client] = (await clientsOf(running, 1)) as [Connection];
    expect(await ask(client, "throw")).toBe("");
    await client.close();
    expect(await running.closedCount(1)).toMatchObject([{ reason: "handler-error" }]);
    const [error] = running.errors as [Error & { readonly cause: unknown }];
    expect(error).toMatchObject({ name: "QuotaError", message: "no more", code: "QUOTA", left: 7 });
    expect(error.stack).toContain("thread-handlers.ts");
    expect(error.cause).toBeInstanceOf(TypeError);
  });

  test("stops taking requests when a handler calls shutdown(), and goes on with those that run", async () => {
    const running = await start();
    const clients = await clientsOf(running, 2);
    const [first, second] = clients as [Connection, Connection];
    expect(await ask(first, "shutdown")).toBe("shut down");
    await running.served;
    expect(running.server.state).toBe("listening");
    expect(await ask(second, "count")).toBe("1");
    await closeAll(clients);
    await running.close();
  });

  test("closes when a handler calls close(), and lets its answer out", async () => {
    const running = await start();
    const clients = await clientsOf(running, 2);
    const [first, second] = clients as [Connection, Connection];
    expect(await ask(first, "close")).toBe("closed by 1");
    expect(await second.recv()).toHaveLength(0);
    await closeAll(clients);
    await running.served;
    expect(await running.close()).toMatchObject({ open: 2, finished: 2, cut: [], callers: 0 });
  });

  test.each([
    ["exits", "exit"],
    ["throws outside of its handlers", "crash"],
  ])("loses only the connections of a thread that %s, and replaces it", async (_name, command) => {
    await using running = await start();
    const clients = await clientsOf(running, 2);
    const [lost, kept] = clients as [Connection, Connection];
    const replaced = new Promise((resolve) => running.server.once("workerReady", resolve));
    const exited = new Promise((resolve) => running.server.once("workerExit", resolve));
    await lost.sendAll(`${command}\n`);
    expect(await exited).toMatchObject({ lost: 1 });
    expect(await running.closedCount(1)).toMatchObject([{ reason: "worker-lost" }]);
    expect(await ask(kept, "count")).toBe("1");
    await replaced;
    expect(running.server.workers).toHaveLength(2);
    const more = await clientsOf(running, 2);
    expect(new Set(await Promise.all(more.map((client) => ask(client, "where")))).size).toBe(2);
    expect(running.errors).toHaveLength(1);
    await closeAll([...more, kept]);
    lost.abort();
  });

  test("rejects listen() if a worker cannot be set up, and accepts nobody", async () => {
    const server = new UnreadyServer({ port: 0 }, CommandHandler, { threading: { threads: 2 } });
    await expect(server.listen()).rejects.toThrow("cannot set up");
    expect(server.state).toBe("new");
    await server.close();
  });

  test("ends a thread that computes for ever when the grace is over, and lets the others finish", async () => {
    const running = await start();
    const clients = await clientsOf(running, 2);
    const [burning, idle] = clients as [Connection, Connection];
    await burning.sendAll("burn\n");
    expect(await ask(idle, "count")).toBe("1");
    const closing = running.close({ graceMs: 200 });
    expect(await idle.recv()).toHaveLength(0);
    await idle.close();
    const report = await closing;
    expect(report).toMatchObject({ open: 2, finished: 1 });
    expect(report.cut).toMatchObject([{ id: 1 }]);
    expect(running.closedRequests.map(({ reason }) => reason).toSorted()).toEqual(["done", "drain"]);
    burning.abort();
  });

  test("closes at once when nothing runs", async () => {
    const running = await start();
    expect(await running.close()).toMatchObject({ open: 0, finished: 0, cut: [], refused: 0 });
  });
});
