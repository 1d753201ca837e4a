import { AsyncTCPServer, TCPServer, type BaseServer } from "@socketserver/core";
import { dial, leakCheck, serve, type RunningServer } from "@socketserver/testing";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { AskingHandler } from "./fixtures/asking-handlers.ts";
import { EndlessHandler } from "./fixtures/closing-handlers.ts";
import { askServer } from "./support/ask-server.ts";
import { eventually } from "./support/eventually.ts";
import { Program } from "./support/program.ts";
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

describe("the lame duck", () => {
  async function serveWith(options: object, handler: unknown = AskingHandler): Promise<RunningServer> {
    const running = await serve(handler, { server: AsyncTCPServer, options: { ...PATIENT, ...options } });
    await eventually(() => expect(running.server.ready).toBe(true));
    return running;
  }

  test("is asked for by close() alone, too", async () => {
    await using running = await serveWith({ lameDuckMs: 0 });
    const events = endOf(running.server);
    const closing = running.close({ lameDuckMs: LONG });
    expect(events).toEqual(["lameDuck"]);
    void running.server.close();
    await soon(closing);
  });

  test("is not made longer by a later close(), but shorter", async () => {
    await using running = await serveWith({});
    const closing = running.close({ lameDuckMs: 300 });
    void running.close({ lameDuckMs: LONG });
    expect((await soon(closing)).durationMs).toBeGreaterThan(295);
    await using other = await serveWith({});
    const closingOther = other.close({ lameDuckMs: Infinity });
    void other.close({ lameDuckMs: 100 });
    expect((await soon(closingOther)).durationMs).toBeGreaterThan(95);
  });

  test("does not come again when the server drains already", async () => {
    const running = await serveWith({ lameDuckMs: 0 });
    const events = endOf(running.server);
    const visitor = await Visitor.enter(running.address);
    const closing = running.close();
    const second = running.close({ lameDuckMs: LONG });
    await visitor.leave();
    expect(await soon(second)).toBe(await closing);
    expect(events).toEqual(["draining", "close"]);
  });

  test("that cannot be, because the time is none, leaves the server ready", async () => {
    await using running = await serveWith({});
    for (const lameDuckMs of [-1, Number.NaN, "5" as never]) {
      await expect(running.server.close({ lameDuckMs })).rejects.toMatchObject({
        code: "ERR_SOCKETSERVER_INVALID_ARGUMENT",
      });
    }
    expect(running.server.ready).toBe(true);
    await running.close({ lameDuckMs: 0 });
  });

  test("ends with a close() in its own event, and that of an AbortSignal", async () => {
    const server = new AsyncTCPServer({ port: 0 }, AskingHandler, PATIENT);
    const events = endOf(server);
    server.on("lameDuck", () => void server.close({ lameDuckMs: 0 }));
    const stop = new AbortController();
    await server.listen();
    const served = server.serveForever({ signal: stop.signal });
    await eventually(() => expect(server.ready).toBe(true));
    stop.abort();
    await soon(served);
    expect(events).toEqual(["lameDuck", "draining", "close"]);
  });

  test("gives those who are in graceMs and no more when shutdown() ends it", async () => {
    const running = await serveWith({ graceMs: 200 }, EndlessHandler);
    await using client = await dial(running.address);
    await eventually(() => expect(running.server.activeRequests).toBe(1));
    const closing = running.close();
    await running.server.shutdown();
    expect(await soon(closing)).toMatchObject({ open: 1, cut: [{ id: 1 }] });
    client.abort();
  });

  test("gives those who are in graceMs and no more when a later close() ends it", async () => {
    const running = await serveWith({ graceMs: 200 }, EndlessHandler);
    await using client = await dial(running.address);
    await eventually(() => expect(running.server.activeRequests).toBe(1));
    const closing = running.close();
    void running.close({ lameDuckMs: 0 });
    expect(await soon(closing)).toMatchObject({ open: 1, cut: [{ id: 1 }] });
    client.abort();
  });

  test("serves whoever handleRequest() is called for", async () => {
    const server = new TCPServer({ port: 0 }, AskingHandler, PATIENT);
    const address = await server.listen();
    const serving = (async () => {
      while (server.state !== "draining" && server.state !== "closed") await server.handleRequest().catch(() => {});
    })();
    await eventually(() => expect(server.ready).toBe(true));
    const closing = server.close();
    for (let count = 0; count < 3; count++) expect(await askServer({ stream: true }, address, "ready")).toBe(false);
    void server.close({ lameDuckMs: 0 });
    await soon(closing);
    await serving;
  });
});

describe("a server whose shutdown() was called", () => {
  test.each([
    ["TCPServer", TCPServer],
    ["AsyncTCPServer", AsyncTCPServer],
  ])("is not ready, and is no lame duck: %s", async (_name, Server) => {
    const running = await serve(AskingHandler, { server: Server, options: PATIENT });
    const events = endOf(running.server);
    const visitor = await Visitor.enter(running.address);
    expect(running.server.ready).toBe(true);
    void running.server.shutdown();
    expect(running.server.ready).toBe(false);
    const closing = running.close();
    expect(events).toEqual(["draining"]);
    await visitor.leave();
    await running.close({ lameDuckMs: 0 });
    await closing;
  });
});

describe("serveForever({ signals: true }) with lameDuckMs", () => {
  test("is a lame duck after the first SIGTERM, and cuts at once after the second", async () => {
    await using program = new Program(process.execPath, [
      new URL("./fixtures/lame-duck-program.ts", import.meta.url).pathname,
    ]);
    const [, port] = await program.line(/^port (\d+)$/);
    const address = { host: "127.0.0.1", port: Number(port) };
    await using staying = await dial(address);
    await staying.sendAll("echo unfinished");
    const end = program.end("SIGTERM");
    await program.line(/^lameDuck false$/);
    expect(await askServer({ stream: true }, address, "ready")).toBe(false);
    // A second signal that comes at once is the same one: a terminal and a parent may both send it.
    await delay(300);
    expect(program.lines.at(-1)).toBe("lameDuck false");
    void program.end("SIGTERM");
    expect(await soon(end)).toMatchObject({ code: 0, stderr: "" });
    expect(program.lines.slice(1)).toEqual(["lameDuck false", "draining", "close 1 0 1", "served"]);
    staying.abort();
  });
});
