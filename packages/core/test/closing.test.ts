import { AsyncUnixStreamServer, BaseRequestHandler, TCPServer, UnixStreamServer } from "@socketserver/core";
import type { Address, Connection } from "@socketserver/core";
import { dial, leakCheck, serve, talk, type RunningServer } from "@socketserver/testing";
import { pbkdf2 } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { readdir, unlink } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { dirname } from "node:path";
import { setImmediate as nextTurn, setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { beforeEach, describe, expect, test } from "vitest";

import { EchoAllHandler } from "./fixtures/closing-handlers.ts";
import { EchoLineHandler } from "./fixtures/echo-handlers.ts";
import { Program } from "./support/program.ts";
import { soon } from "./support/soon.ts";
import { temporaryPath } from "./support/temporary-path.ts";

beforeEach(() => leakCheck());

const derive = promisify(pbkdf2);

describe("servers that took the path of a Unix socket over from each other", () => {
  /** Three servers that listen; the file is that of the last one. */
  async function threeAt(path: string): Promise<RunningServer[]> {
    const servers: RunningServer[] = [];
    for (let count = 0; count < 3; count++) {
      if (count > 0) await unlink(path);
      servers.push(await serve(EchoLineHandler, { server: UnixStreamServer, address: { path } }));
    }
    return servers;
  }

  test("leave the newest one's file alone when the older ones close at once", async () => {
    const path = await temporaryPath();
    const [first, second, newest] = (await threeAt(path)) as [RunningServer, RunningServer, RunningServer];
    await soon(Promise.all([first.close(), second.close()]));
    expect([first, second].map(({ errors }) => errors)).toEqual([[], []]);
    expect(await readdir(dirname(path))).toEqual(["server.sock"]);
    expect(String(await talk({ path }, "hello\n"))).toBe("hello\n");
    await newest.close();
    expect(await readdir(dirname(path))).toEqual([]);
  });

  test("leave nothing behind when all close at once", async () => {
    const path = await temporaryPath();
    const servers = await threeAt(path);
    await soon(Promise.all(servers.map((running) => running.close())));
    for (const { server, errors } of servers) {
      expect(server.state).toBe("closed");
      expect(errors).toEqual([]);
    }
    expect(await readdir(dirname(path))).toEqual([]);
  });
});

/** Keep Node's four threads busy, so that whatever looks at files or names takes its time; until the answer is called. */
function slowFiles(jobs = 12): () => Promise<void> {
  const end = new AbortController();
  const work = async (): Promise<void> => {
    while (!end.signal.aborted) await derive("password", "salt", 20_000, 64, "sha512");
  };
  const works = Array.from({ length: jobs }, work);
  return async () => {
    end.abort();
    await Promise.all(works);
  };
}

/** Connect again and again until that works. */
async function connectTo(path: string): Promise<Socket> {
  for (;;) {
    const client = connect({ path });
    try {
      await once(client, "connect");
      return client;
    } catch {
      await nextTurn();
    }
  }
}

describe("close() during listen() of a Unix server", () => {
  test.each([
    ["in the queue", {}],
    ["outside", { maxConnections: 0, admissionWaitMs: 60_000 }],
  ])("leaves no connection %s that came before the server was ready", async (_where, options) => {
    const path = await temporaryPath();
    const server = new AsyncUnixStreamServer({ path }, EchoAllHandler, options);
    const restore = slowFiles();
    const opening = server.listen().catch((error: unknown) => error);
    const clients = await Promise.all(Array.from({ length: 5 }, () => connectTo(path)));
    // They connect in one turn, and are accepted in another.
    for (let turn = 0; turn < 3; turn++) await nextTurn();
    const wasReady = server.state !== "new";
    const ends = clients.map((client) => {
      client.on("error", () => {
        // A reset is as good as an end.
      });
      client.resume();
      return once(client, "close");
    });
    const closing = server.close({ graceMs: 2_000 });
    // What is slow is the opening: the end has half a second for its own files.
    const restored = restore();
    try {
      await soon(closing);
      expect(wasReady).toBe(false);
      expect(await soon(opening)).toMatchObject({ code: "ERR_SOCKETSERVER_SERVER_CLOSED" });
      expect(server.state).toBe("closed");
      expect(server.activeRequests).toBe(0);
      expect(server.statistics.waiting).toBe(0);
      await soon(Promise.all(ends));
    } finally {
      await restored;
      for (const client of clients) client.destroy();
    }
    expect(await readdir(dirname(path))).toEqual([]);
  });
});

/** How many names this process looks up at present. */
function lookups(): number {
  return process.getActiveResourcesInfo().filter((name) => name === "GetAddrInfoReqWrap").length;
}

describe("close({ graceMs: 0 }) during listen()", () => {
  test("resolves when nothing of a Unix server is left", async () => {
    const path = await temporaryPath();
    const server = new UnixStreamServer({ path }, EchoLineHandler);
    const opening = server.listen().catch((error: unknown) => error);
    while (!existsSync(path)) await nextTurn();
    const wasReady = server.state !== "new";
    await soon(server.close({ graceMs: 0 }));
    expect(await readdir(dirname(path))).toEqual([]);
    expect(wasReady).toBe(false);
    expect(await opening).toMatchObject({ code: "ERR_SOCKETSERVER_SERVER_CLOSED" });
  });

  test("resolves when a TCP server looks its host up no more", async () => {
    const server = new TCPServer({ host: "localhost", port: 0 }, EchoLineHandler);
    const restore = slowFiles(4);
    const opening = server.listen().catch((error: unknown) => error);
    await nextTurn();
    const before = lookups();
    await soon(server.close({ graceMs: 0 }));
    const after = lookups();
    await restore();
    expect([before, after]).toEqual([1, 0]);
    expect(await opening).toMatchObject({ code: "ERR_SOCKETSERVER_SERVER_CLOSED" });
  });
});

describe.each(["threading", "forking"])(
  "serveForever({ signals: true }) while the workers of a %s server start",
  (how) => {
    test("resolves on the second SIGINT at the latest", async () => {
      const path = new URL("./fixtures/slow-start-program.ts", import.meta.url).pathname;
      await using program = new Program(process.execPath, [path, how]);
      await program.linesMatching(/^setting up$/, 2);
      const end = program.end("SIGINT");
      // Later than what one press of a key sends.
      await Promise.race([end, delay(400)]);
      void program.end("SIGINT");
      expect(await soon(end, 8_000)).toMatchObject({ code: 0, stderr: "" });
      expect(program.lines.at(-1)).toBe("served, closed");
    });
  },
);

describe("processRequest() that starts a request later", () => {
  const started: unknown[] = [];

  class LateHandler extends BaseRequestHandler {
    override handle(): void {
      started.push(this);
    }
  }

  /** A pool by somebody else: waits for a slot, then lets the request run, and the loop go on. */
  class PooledServer extends TCPServer {
    readonly slot = Promise.withResolvers<void>();

    override async processRequest(request: Connection, clientAddress: Address): Promise<void> {
      await this.slot.promise;
      void this.runRequest(request, clientAddress);
    }
  }

  beforeEach(() => {
    started.length = 0;
  });

  async function requested(): Promise<{ running: RunningServer<PooledServer>; client: Connection }> {
    const running = await serve(LateHandler, { server: PooledServer });
    const client = await dial(running.address);
    while (running.requests.length === 0) await new Promise((resolve) => running.server.once("request", resolve));
    return { running, client };
  }

  async function handlersAfter(running: RunningServer<PooledServer>): Promise<number> {
    running.server.slot.resolve();
    for (let turn = 0; turn < 5; turn++) await nextTurn();
    return started.length;
  }

  test("starts no handler after the server has closed", async () => {
    const { running, client } = await requested();
    expect(await soon(running.close({ graceMs: 20 }))).toMatchObject({ open: 1, cut: [{ id: 1 }] });
    expect(await handlersAfter(running)).toBe(0);
    expect(running.closedRequests).toMatchObject([{ reason: "drain" }]);
    expect(running.server.activeRequests).toBe(0);
    expect(running.errors).toEqual([]);
    client.abort();
  });

  test("starts no handler for a request that was cut", async () => {
    const { running, client } = await requested();
    const closing = running.close({ graceMs: 20 });
    await running.closedCount(1);
    expect(await handlersAfter(running)).toBe(0);
    await soon(closing);
    expect(running.closedRequests).toMatchObject([{ reason: "drain" }]);
    expect(running.errors).toEqual([]);
    client.abort();
  });

  test("starts the handler of a request whose slot comes within the grace", async () => {
    const { running, client } = await requested();
    const closing = running.close();
    expect(await handlersAfter(running)).toBe(1);
    await client.close();
    expect(await soon(closing)).toMatchObject({ open: 1, finished: 1, cut: [] });
  });
});
