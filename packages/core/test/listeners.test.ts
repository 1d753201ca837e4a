import { AsyncTCPServer, BaseRequestHandler, PeerError, type Connection } from "@socketserver/core";
import { RunningServer, dial, leakCheck, serve, talk } from "@socketserver/testing";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { setImmediate as nextTurn } from "node:timers/promises";
import { beforeEach, describe, expect, test } from "vitest";

import { WORKER_CELLS, make } from "./conformance/matrix.ts";
import { AddressHandler } from "./fixtures/address-handler.ts";
import { LineLoopHandler } from "./fixtures/conversation-handlers.ts";
import { EchoLineHandler } from "./fixtures/echo-handlers.ts";
import { soon } from "./support/soon.ts";

beforeEach(() => leakCheck());

/** What a server says of its end, in order. */
function endEvents({ server }: RunningServer): string[] {
  const events: string[] = [];
  server.on("draining", () => events.push("draining"));
  server.on("close", () => events.push("close"));
  return events;
}

/** Serve one client, let one wait, and have one dropped, so that the second one surely waits. */
async function withWaiting(running: RunningServer): Promise<Connection[]> {
  const served = await dial(running.address);
  await served.sendAll("served\n");
  await served.recv();
  const waiting = await dial(running.address);
  const dropped = new Promise((resolve) => running.server.once("drop", resolve));
  // The reset may come before it knows that it is connected.
  await dial(running.address).then(
    (refused) => refused.abort(),
    () => undefined,
  );
  await dropped;
  return [served, waiting];
}

describe("a listener that calls close()", () => {
  test.each(["on", "once"] as const)("of draining, by %s(): both events come once", async (how) => {
    const running = await serve(EchoLineHandler);
    const events = endEvents(running);
    running.server[how]("draining", () => void running.server.close());
    await soon(running.close());
    expect(events).toEqual(["draining", "close"]);
    expect(running.errors).toEqual([]);
  });

  test("of drop, for a request that was refused while the server drains: both events come once", async () => {
    const running = await serve(LineLoopHandler, { options: { requestQueueSize: 1 } });
    const clients = await withWaiting(running);
    const events = endEvents(running);
    running.server.on("drop", () => void running.server.close());
    expect(await soon(running.close())).toMatchObject({ open: 1, refused: 1 });
    expect(events).toEqual(["draining", "close"]);
    expect(running.drops.map(({ reason }) => reason)).toEqual(["queue-full", "draining"]);
    expect(running.errors).toEqual([]);
    for (const client of clients) client.abort();
  });

  test("of drop, for a request too many: closes the server, and both events come once", async () => {
    const running = await serve(LineLoopHandler, { options: { requestQueueSize: 1 } });
    const events = endEvents(running);
    running.server.on("drop", () => void running.server.close());
    const clients = await withWaiting(running);
    await soon(running.served);
    expect(await running.close()).toMatchObject({ open: 1, refused: 1 });
    expect(events).toEqual(["draining", "close"]);
    for (const client of clients) client.abort();
  });
});

describe("a listener that fails", () => {
  test("silences neither later listeners nor the diagnostics channel, and is reported", async () => {
    await using running = await serve(EchoLineHandler, { server: AsyncTCPServer });
    const calls: string[] = [];
    const onMessage = (): void => void calls.push("channel");
    subscribe("socketserver:request", onMessage);
    running.server.on("request", () => {
      throw new Error("listener fails");
    });
    running.server.on("request", () => calls.push("listener"));
    try {
      expect(String(await talk(running.address, "hello\n"))).toBe("hello\n");
    } finally {
      unsubscribe("socketserver:request", onMessage);
    }
    expect(calls).toEqual(["listener", "channel"]);
    expect(running.errors).toMatchObject([{ message: "listener fails" }]);
  });

  test("is removed by once() although it fails", async () => {
    await using running = await serve(EchoLineHandler);
    running.server.once("request", () => {
      throw new Error("listener fails");
    });
    for (const line of ["one\n", "two\n"]) expect(String(await talk(running.address, line))).toBe(line);
    expect(running.errors).toMatchObject([{ message: "listener fails" }]);
  });

  test("later is reported too, and is no unhandled rejection", async () => {
    await using running = await serve(EchoLineHandler);
    const unhandled: unknown[] = [];
    const onUnhandled = (error: unknown): void => void unhandled.push(error);
    process.on("unhandledRejection", onUnhandled);
    // The types ask for a listener that answers nothing.
    const rejecting: () => unknown = async () => {
      await nextTurn();
      throw new Error("listener rejects");
    };
    running.server.on("request", rejecting);
    try {
      const reported = new Promise((resolve) => running.server.once("requestError", resolve));
      expect(String(await talk(running.address, "hello\n"))).toBe("hello\n");
      expect(await soon(reported)).toMatchObject({ message: "listener rejects" });
      await nextTurn();
    } finally {
      process.off("unhandledRejection", onUnhandled);
    }
    expect(unhandled).toEqual([]);
    expect(running.errors).toHaveLength(1);
  });

  test.each(WORKER_CELLS)("of listening: the workers know the real address, $name", async (cell) => {
    const server = await make(cell, AddressHandler);
    server.on("listening", () => {
      throw new Error("listener fails");
    });
    const errors: unknown[] = [];
    server.on("requestError", (error) => errors.push(error));
    await server.listen();
    await using running = new RunningServer(server, () => server.serveForever());
    expect(JSON.parse(String(await cell.ask(running.address, "address\n")))).toEqual(running.address);
    expect(errors).toMatchObject([{ message: "listener fails" }]);
  });
});

describe("requestError", () => {
  test("is on its diagnostics channel also when nobody listens", async () => {
    class RefusingHandler extends BaseRequestHandler {
      override handle(): void {
        // Of a kind that is not printed.
        throw new PeerError("ERR_SOCKETSERVER_PROTOCOL", "Cannot read message: the peer sent none");
      }
    }
    const server = new AsyncTCPServer({ port: 0 }, RefusingHandler);
    const messages: unknown[] = [];
    const onMessage = (message: unknown): void => void messages.push(message);
    subscribe("socketserver:requestError", onMessage);
    try {
      const address = await server.listen();
      const serving = server.serveForever();
      await talk(address, "hello\n");
      await server.close();
      await serving;
    } finally {
      unsubscribe("socketserver:requestError", onMessage);
    }
    expect(messages).toMatchObject([{ server, args: [{ code: "ERR_SOCKETSERVER_PROTOCOL" }, { host: "127.0.0.1" }] }]);
  });
});
