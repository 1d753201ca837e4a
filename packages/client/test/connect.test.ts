/**
 * Connections that come about: to every kind of address, and with every option in effect.
 *
 * @module
 */
import { connect, type Target } from "@socketserver/client";
import {
  AsyncTCPServer,
  AsyncUnixStreamServer,
  BaseRequestHandler,
  Connection,
  type Address,
  type BaseServer,
} from "@socketserver/core";
import { leakCheck, serve, type AnyServerClass, type RunningServer } from "@socketserver/testing";
import { randomBytes, randomUUID } from "node:crypto";
import { buffer } from "node:stream/consumers";
import { beforeEach, describe, expect, test } from "vitest";

import { EchoAllHandler, EndlessHandler } from "../../core/test/fixtures/closing-handlers.ts";
import { needs } from "../../core/test/support/peers.ts";
import { soon } from "../../core/test/support/soon.ts";
import { temporaryPath } from "../../core/test/support/temporary-path.ts";
import { freePort } from "./support/free-port.ts";
import { NameService } from "./support/name-service.ts";
import { tcpOptions } from "./support/tcp-options.ts";

const isLinux = process.platform === "linux";

type Where = readonly [name: string, address: () => Address | Promise<Address>];

const PLACES: readonly Where[] = [
  ["IPv4", () => ({ host: "127.0.0.1", port: 0 })],
  ["IPv6", () => ({ host: "::1", port: 0 })],
  ["a Unix path", async () => ({ path: await temporaryPath() })],
  ...(isLinux ? [["an abstract name", () => ({ path: `\0socketserver-${randomUUID()}` })] satisfies Where] : []),
];

/** Greets, ends its side, and keeps what comes after that. */
class PartingHandler extends BaseRequestHandler {
  static readonly replies: string[] = [];

  override async handle(): Promise<void> {
    await this.request.sendAll("bye");
    this.request.shutdown("write");
    PartingHandler.replies.push(String(await buffer(this.request)));
  }
}

/** Resets the connection when the client has said something. */
class RudeHandler extends BaseRequestHandler {
  override async handle(): Promise<void> {
    await this.request.recv();
    this.request.abort();
  }
}

function serveAt(address: Address, handler: unknown = EchoAllHandler): Promise<RunningServer> {
  const server = ("path" in address ? AsyncUnixStreamServer : AsyncTCPServer) as AnyServerClass<BaseServer>;
  return serve(handler, { server, address });
}

const serveLoopback = (handler?: unknown): Promise<RunningServer> => serveAt({ host: "127.0.0.1", port: 0 }, handler);

/** Say something, end our side, and answer all that comes back. */
async function echoed(connection: Connection, said: string | Uint8Array): Promise<Buffer> {
  const sending = connection.sendAll(said).then(() => connection.shutdown("write"));
  const [answer] = await Promise.all([buffer(connection), sending]);
  return answer;
}

beforeEach(() => leakCheck());

describe.each(PLACES)("connect() over %s", (_name, address) => {
  test("answers a connection that carries bytes both ways, and ends when both sides have", async () => {
    await using running = await serveAt(await address());
    const connection = await connect(running.address);
    expect(connection).toBeInstanceOf(Connection);
    const said = randomBytes(1_000_000);
    expect((await echoed(connection, said)).equals(said)).toBe(true);
    expect([connection.bytesWritten, connection.bytesRead]).toEqual([said.length, said.length]);
    await connection.close();
    expect(connection.closeReason).toBe("peer-end");
    expect(await running.closedCount(1)).toMatchObject([{ bytesRead: said.length, reason: "peer-end" }]);
  });

  test("tells both addresses as the server does", async () => {
    await using running = await serveAt(await address());
    await using connection = await connect(running.address);
    await connection.sendAll("here");
    expect(String(await connection.recv())).toBe("here");
    expect(connection.remoteAddress).toEqual(running.address);
    expect(connection.localAddress).toEqual(running.requests[0]?.clientAddress);
  });

  test("lets our side speak on when the server has ended its own", async () => {
    await using running = await serveAt(await address(), PartingHandler);
    await using connection = await connect(running.address);
    expect(await buffer(connection)).toEqual(Buffer.from("bye"));
    await connection.sendAll("and thanks");
    connection.shutdown("write");
    await running.closedCount(1);
    expect(PartingHandler.replies.at(-1)).toBe("and thanks");
  });

  test("is closed by await using, and the server sees our end", async () => {
    await using running = await serveAt(await address());
    const { closed } = await (async () => {
      await using connection = await connect(running.address);
      return { closed: connection.closed };
    })();
    expect(await closed).toBe("done");
    expect(await running.closedCount(1)).toMatchObject([{ reason: "peer-end" }]);
  });
});

describe("connect()", () => {
  test("is told of a reset, by the error and by the reason", async () => {
    await using running = await serveLoopback(RudeHandler);
    const connection = await connect(running.address);
    await connection.sendAll("hello");
    await expect(connection.recv()).rejects.toMatchObject({ name: "PeerError", code: "ECONNRESET" });
    expect(await connection.closed).toBe("peer-reset");
  });

  test("resets with abort()", async () => {
    await using running = await serveLoopback();
    const connection = await connect(running.address);
    connection.abort();
    expect(await connection.closed).toBe("aborted");
    expect(await running.closedCount(1)).toMatchObject([{ reason: "peer-reset" }]);
  });

  test("needs no host for this machine", async () => {
    await using running = await serveLoopback();
    await using connection = await connect({ port: running.port });
    expect(connection.remoteAddress).toEqual({ host: "127.0.0.1", port: running.port });
  });

  test("finds this machine by its name, in whichever family the server is", async () => {
    for (const host of ["127.0.0.1", "localhost"]) {
      await using running = await serveAt({ host, port: 0 });
      await using connection = await connect({ host: "localhost", port: running.port });
      expect(String(await echoed(connection, "hello"))).toBe("hello");
    }
  });

  test.runIf(isLinux)("tries every address of a name, the families in turns", async () => {
    await using running = await serveAt({ host: "127.0.0.3", port: 0 });
    using names = new NameService({ "host.test": ["::1", "127.0.0.2", "127.0.0.3"] });
    await using connection = await connect({ host: "host.test", port: running.port });
    expect(connection.remoteAddress).toEqual(running.address);
    expect(names.asked).toEqual(["host.test"]);
  });

  test("takes the first of a list that it reaches, whatever kinds they are", async () => {
    await using running = await serveLoopback();
    await using unix = await serveAt({ path: await temporaryPath() });
    using names = new NameService({});
    const bad: Target[] = [{ path: await temporaryPath() }, { host: "none.test", port: 1 }, { port: await freePort() }];
    for (const [good, other] of [
      [running.address, unix.address],
      [unix.address, running.address],
    ] as const) {
      await using connection = await connect([...bad, good, other], { attemptDelayMs: Infinity });
      expect(connection.remoteAddress).toEqual(good);
    }
    expect(names.asked).toEqual(["none.test", "none.test"]);
  });

  test("asks for no name any more once it is connected", async () => {
    await using running = await serveLoopback();
    using names = new NameService({ "later.test": ["127.0.0.1"] });
    await using connection = await connect([running.address, { host: "later.test", port: running.port }]);
    await echoed(connection, "hello");
    expect(names.asked).toEqual([]);
  });

  test("leaves what it was given as it was", async () => {
    await using running = await serveLoopback();
    const target = Object.freeze([Object.freeze({ port: running.port })]);
    const options = Object.freeze({ noDelay: false, signal: undefined });
    await using connection = await connect(target, options);
    expect(target).toEqual([{ port: running.port }]);
    expect(connection.closeReason).toBeUndefined();
  });

  test("serves many at once", async () => {
    await using running = await serveLoopback();
    const said = Array.from({ length: 100 }, (_, index) => `client ${index}`);
    const answers = said.map(async (words) => {
      await using connection = await connect(running.address);
      return String(await echoed(connection, words));
    });
    expect(await soon(Promise.all(answers), 10_000)).toEqual(said);
  });
});

describe("an option of connect()", () => {
  test("idleTimeoutMs ends a read for which nothing comes", async () => {
    await using running = await serveLoopback();
    await using connection = await connect(running.address, { idleTimeoutMs: 20 });
    await expect(connection.recv()).rejects.toMatchObject({ code: "ERR_SOCKETSERVER_IDLE_TIMEOUT" });
  });

  test("firstByteTimeoutMs resets the connection to a server that says nothing", async () => {
    await using running = await serveLoopback();
    const connection = await connect(running.address, { firstByteTimeoutMs: 20 });
    expect(await soon(connection.closed)).toBe("first-byte");
  });

  test("lingerMs bounds the wait for a server that does not end", async () => {
    await using running = await serveLoopback(EndlessHandler);
    const connection = await connect(running.address, { lingerMs: 20 });
    await soon(connection.close());
    expect(connection.closeReason).toBe("done");
    await running.close({ graceMs: 0 });
  });

  test("connectTimeoutMs counts no more when there is a connection", async () => {
    await using running = await serveLoopback();
    await using connection = await connect(running.address, { connectTimeoutMs: 100, idleTimeoutMs: 200 });
    await expect(connection.recv()).rejects.toMatchObject({ code: "ERR_SOCKETSERVER_IDLE_TIMEOUT" });
    expect(connection.closeReason).toBeUndefined();
    expect(String(await echoed(connection, "still here"))).toBe("still here");
  });

  test.runIf(isLinux)("sourceAddress is where the server sees us, with a port of the system's choice", async () => {
    await using running = await serveLoopback();
    await using connection = await connect(running.address, { sourceAddress: { host: "127.0.0.2" } });
    await connection.sendAll("here");
    await connection.recv();
    const [request] = running.requests;
    expect(request?.clientAddress).toEqual({ host: "127.0.0.2", port: expect.any(Number) });
    expect(connection.localAddress).toEqual(request?.clientAddress);
  });

  test.each(["127.0.0.1", "::1"])("sourceAddress is where the server sees us, on a port of %s", async (host) => {
    await using running = await serveAt({ host, port: 0 });
    const sourceAddress = { host, port: await freePort(host) };
    const connection = await connect(running.address, { sourceAddress });
    await echoed(connection, "here");
    expect(running.requests[0]?.clientAddress).toEqual(sourceAddress);
    await connection.close();
  });

  test("sourceAddress says nothing to a Unix socket", async () => {
    await using running = await serveAt({ path: await temporaryPath() });
    await using connection = await connect(running.address, {
      sourceAddress: { host: "192.0.2.1" },
      keepAliveMs: 1_000,
    });
    expect(String(await echoed(connection, "hello"))).toBe("hello");
  });
});

describe.runIf(isLinux)("what connect() asks of TCP", () => {
  beforeEach(needs("python3"));

  async function optionsWith(options: { noDelay?: boolean; keepAliveMs?: number }): ReturnType<typeof tcpOptions> {
    await using running = await serveLoopback();
    const connection = await connect(running.address, options);
    const answer = await tcpOptions(connection);
    connection.abort();
    await connection.closed;
    return answer;
  }

  test("is to send small pieces at once, and not to ask after the other side, unless told otherwise", async () => {
    expect(await optionsWith({})).toMatchObject({ noDelay: true, keepAlive: false });
    expect(await optionsWith({ keepAliveMs: Infinity })).toMatchObject({ keepAlive: false });
  });

  test("is to fill packets with noDelay off", async () => {
    expect(await optionsWith({ noDelay: false })).toMatchObject({ noDelay: false });
  });

  test.each([
    [1_000, 1],
    [2_999, 2],
    [60_000, 60],
    [32_767_999, 32_767],
  ])("is to begin to ask after keepAliveMs: %d", async (keepAliveMs, idleSeconds) => {
    expect(await optionsWith({ keepAliveMs })).toMatchObject({ noDelay: true, keepAlive: true, idleSeconds });
  });

  test("is to ask every second then, ten times", async () => {
    expect(await optionsWith({ keepAliveMs: 1_000 })).toMatchObject({ intervalSeconds: 1, probes: 10 });
  });
});
