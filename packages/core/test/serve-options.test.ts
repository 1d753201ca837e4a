import {
  AsyncTCPServer,
  ForkingTCPServer,
  TCPServer,
  ThreadingTCPServer,
  type ServerOptions,
} from "@socketserver/core";
import { dial, leakCheck, talk } from "@socketserver/testing";
import { createServer } from "node:net";
import { once } from "node:events";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { LineLoopHandler } from "./fixtures/conversation-handlers.ts";

type Make = (address: { readonly port: number }, options?: ServerOptions) => TCPServer;

const SERVERS: readonly (readonly [name: string, make: Make])[] = [
  ["TCPServer", (address, options) => new TCPServer(address, LineLoopHandler, options)],
  ["AsyncTCPServer", (address, options) => new AsyncTCPServer(address, LineLoopHandler, options)],
  [
    "ThreadingTCPServer",
    (address, options) => new ThreadingTCPServer(address, LineLoopHandler, { ...options, threading: { threads: 1 } }),
  ],
  [
    "ForkingTCPServer",
    (address, options) => new ForkingTCPServer(address, LineLoopHandler, { ...options, forking: { processes: 1 } }),
  ],
];

describe.each(SERVERS)("serveForever() of %s", (_name, make) => {
  let expectNothingLeft: () => Promise<void>;

  beforeEach(() => {
    expectNothingLeft = leakCheck();
  });

  afterEach(() => expectNothingLeft());

  test.each(["SIGINT", "SIGTERM"] as const)("drains on %s, and resolves when all is closed", async (signal) => {
    const server = make({ port: 0 });
    const listening = once(server as never, "listening");
    const serving = server.serveForever({ signals: true });
    await listening;
    await using client = await dial(server.serverAddress);
    await client.sendAll("one\n");
    expect(String(await client.recv())).toBe("one\n");
    process.kill(process.pid, signal);
    expect(await client.recv()).toHaveLength(0);
    await client.close();
    await serving;
    expect(server.state).toBe("closed");
    expect(process.listenerCount(signal)).toBe(0);
  });

  test("cuts on a second signal", async () => {
    const server = make({ port: 0 }, { graceMs: 25_000 });
    const listening = once(server as never, "listening");
    const serving = server.serveForever({ signals: true });
    await listening;
    await using client = await dial(server.serverAddress);
    await client.sendAll("one\nunfinished");
    expect(String(await client.recv())).toBe("one\n");
    process.kill(process.pid, "SIGINT");
    await once(server as never, "draining");
    // Later than what one press of a key sends.
    await new Promise((resolve) => setTimeout(resolve, 300));
    process.kill(process.pid, "SIGINT");
    await serving;
    expect((await server.close()).cut).toHaveLength(1);
    await client.recv().catch((error: unknown) => expect(error).toMatchObject({ code: "ECONNRESET" }));
  });

  test("closes when the caller's signal aborts, also before the start", async () => {
    const server = make({ port: 0 });
    const controller = new AbortController();
    const serving = server.serveForever({ signal: controller.signal });
    await once(server as never, "listening");
    controller.abort();
    await serving;
    expect(server.state).toBe("closed");

    const late = make({ port: 0 });
    await late.serveForever({ signal: controller.signal });
    expect(late.state).toBe("closed");
  });

  test("resolves if close() comes while it begins to listen", async () => {
    const server = make({ port: 0 });
    const serving = server.serveForever();
    const report = await server.close();
    await serving;
    expect(report).toMatchObject({ open: 0, refused: 0 });
    expect(server.state).toBe("closed");
  });

  test("leaves the server new if it cannot listen, so that it can be tried again", async () => {
    const squatter = createServer().listen(0, "127.0.0.1");
    await once(squatter, "listening");
    const { port } = squatter.address() as { readonly port: number };
    const server = make({ port });
    await expect(server.serveForever()).rejects.toMatchObject({ code: "EADDRINUSE" });
    expect(server.state).toBe("new");
    squatter.close();
    await once(squatter, "close");
    const serving = server.serveForever();
    await once(server as never, "listening");
    expect(String(await talk(server.serverAddress, "again\n"))).toBe("again\n");
    await server.close();
    await serving;
  });
});
