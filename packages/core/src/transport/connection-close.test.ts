import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { duplexPair } from "node:stream";

import { describe, expect, test, vi } from "vitest";

import { socketPair } from "../../test/support/socket-pair.ts";
import { someTurns } from "../../test/support/some-turns.ts";
import { Connection } from "./connection.ts";

describe("Connection.closeReason", () => {
  test("is done when we close first", async () => {
    await using pair = await socketPair();
    const connection = new Connection(pair.server);
    expect(connection.closeReason).toBeUndefined();
    pair.client.on("end", () => pair.client.end());
    pair.client.resume();
    await connection.sendAll("bye");
    await connection.close();
    expect(connection.closeReason).toBe("done");
    expect(await connection.closed).toBe("done");
  });

  test("is peer-end when we saw the peer end its side", async () => {
    await using pair = await socketPair();
    const connection = new Connection(pair.server);
    pair.client.end();
    expect((await connection.recv()).length).toBe(0);
    await connection.close();
    expect(connection.closeReason).toBe("peer-end");
  });

  test("is done when the peer ended its side and we did not look", async () => {
    await using pair = await socketPair();
    const connection = new Connection(pair.server);
    pair.client.end();
    pair.client.resume();
    await connection.close();
    expect(connection.closeReason).toBe("done");
  });

  test("is peer-reset when the peer resets, and reads reject with the system's code", async () => {
    await using pair = await socketPair();
    const connection = new Connection(pair.server);
    const read = connection.recv();
    pair.client.resetAndDestroy();
    await expect(read).rejects.toMatchObject({ name: "PeerError", code: "ECONNRESET" });
    expect(await connection.closed).toBe("peer-reset");
    await expect(connection.sendAll("x")).rejects.toMatchObject({ code: "ECONNRESET" });
  });

  test("is slow-reader when the peer takes nothing for writeStallMs", async () => {
    const [stream] = duplexPair();
    const connection = new Connection(stream, { writeStallMs: 20 });
    await expect(connection.sendAll(Buffer.alloc(1_000_000))).rejects.toMatchObject({
      name: "PeerError",
      code: "ERR_SOCKETSERVER_SLOW_READER",
    });
    expect(await connection.closed).toBe("slow-reader");
  });

  test("is slow-reader when the peer takes nothing while we close", async () => {
    const [stream] = duplexPair();
    const connection = new Connection(stream, { writeStallMs: 20 });
    connection.send(Buffer.alloc(1_000_000));
    await connection.close();
    expect(connection.closeReason).toBe("slow-reader");
  });

  test("is aborted after abort(), and the peer sees a reset", async () => {
    await using pair = await socketPair();
    const connection = new Connection(pair.server);
    const reset = once(pair.client, "error");
    pair.client.resume();
    connection.abort();
    connection.abort();
    expect(await connection.closed).toBe("aborted");
    expect((await reset)[0]).toMatchObject({ code: "ECONNRESET" });
    await expect(connection.recv()).rejects.toMatchObject({
      name: "SocketServerError",
      code: "ERR_SOCKETSERVER_CONNECTION_CLOSED",
    });
  });

  test("is aborted when the raw socket is destroyed", async () => {
    await using pair = await socketPair();
    const connection = new Connection(pair.server);
    pair.server.destroy();
    expect(await connection.closed).toBe("aborted");
  });

  test("is the first reason that was concluded", async () => {
    await using pair = await socketPair();
    const connection = new Connection(pair.server, { lingerMs: 1 });
    connection.conclude("handler-error");
    await connection.close();
    expect(connection.closeReason).toBe("handler-error");
  });

  test.each([
    ["drain", "ERR_SOCKETSERVER_DRAINED"],
    ["deadline", "ERR_SOCKETSERVER_DEADLINE"],
    ["worker-lost", "ERR_SOCKETSERVER_CONNECTION_CLOSED"],
  ] as const)("is %s when it is cut for that, and reads reject with %s", async (reason, code) => {
    await using pair = await socketPair();
    const connection = new Connection(pair.server);
    const read = connection.recv();
    connection.cut(reason);
    await expect(read).rejects.toMatchObject({ code });
    expect(await connection.closed).toBe(reason);
  });

  test("stays done when it is cut after our last byte had left", async () => {
    await using pair = await socketPair();
    const connection = new Connection(pair.server, { lingerMs: Infinity });
    pair.client.resume();
    const ended = once(pair.client, "end");
    const closing = connection.close();
    await ended;
    connection.cut("drain");
    await closing;
    expect(connection.closeReason).toBe("done");
  });

  test("is aborted after abort() over a Unix socket, too", async () => {
    const folder = await mkdtemp(join(tmpdir(), "connection-"));
    try {
      await using pair = await socketPair(join(folder, "s"));
      const connection = new Connection(pair.server);
      connection.abort();
      expect(await connection.closed).toBe("aborted");
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe("Connection.close()", () => {
  test("waits at most lingerMs for a peer that never ends its side", async () => {
    await using pair = await socketPair();
    const connection = new Connection(pair.server, { lingerMs: 30 });
    pair.client.resume();
    const begin = performance.now();
    await connection.close();
    expect(performance.now() - begin).toBeGreaterThan(25);
    expect(connection.closeReason).toBe("done");
  });

  test("lets the peer read our last bytes although it was still sending", async () => {
    await using pair = await socketPair();
    const connection = new Connection(pair.server);
    pair.client.write(Buffer.alloc(300_000));
    connection.send("last words");
    const closing = connection.close();
    const [answer] = (await once(pair.client, "data")) as [Buffer];
    expect(answer.toString()).toBe("last words");
    pair.client.end();
    await closing;
  });

  test("is idempotent, also while it waits", async () => {
    await using pair = await socketPair();
    const connection = new Connection(pair.server, { lingerMs: 1 });
    await Promise.all([connection.close(), connection.close()]);
    await connection.close();
    expect(connection.closeReason).toBe("done");
  });

  test("closes what await using declares", async () => {
    await using pair = await socketPair();
    pair.client.on("end", () => pair.client.end());
    pair.client.resume();
    let closed;
    {
      await using connection = new Connection(pair.server);
      ({ closed } = connection);
    }
    expect(await closed).toBe("done");
  });

  test("answers onClosed at once when it is closed", async () => {
    await using pair = await socketPair();
    const connection = new Connection(pair.server, { lingerMs: 1 });
    await connection.close();
    const reasons: string[] = [];
    connection.onClosed((reason) => reasons.push(reason));
    expect(reasons).toEqual(["done"]);
  });
});

describe("Connection.signal", () => {
  test("aborts when the peer resets although nobody reads", async () => {
    await using pair = await socketPair();
    const connection = new Connection(pair.server);
    const { signal } = connection;
    const aborted = once(signal, "abort");
    pair.client.resetAndDestroy();
    await aborted;
    expect(signal.reason).toMatchObject({ code: "ECONNRESET" });
    expect(await connection.closed).toBe("peer-reset");
  });

  test("does not abort when the peer ends its side, and keeps what came readable", async () => {
    await using pair = await socketPair();
    const connection = new Connection(pair.server);
    const { signal } = connection;
    pair.client.end("request");
    await once(pair.server, "end");
    expect(signal.aborted).toBe(false);
    expect((await connection.recv()).toString()).toBe("request");
    connection.abort();
  });

  test("is aborted already for whoever asks later", async () => {
    await using pair = await socketPair();
    const connection = new Connection(pair.server);
    connection.cut("deadline");
    expect(connection.signal.aborted).toBe(true);
    expect(connection.signal.reason).toMatchObject({ code: "ERR_SOCKETSERVER_DEADLINE" });
    await connection.closed;
  });

  test("reads ahead no more than about the high-water mark", async () => {
    await using pair = await socketPair();
    const connection = new Connection(pair.server, { highWaterMark: 1_000 });
    expect(connection.signal.aborted).toBe(false);
    pair.client.write(Buffer.alloc(10_000_000));
    await vi.waitFor(() => expect(connection.bytesRead).toBeGreaterThanOrEqual(1_000));
    const { bytesRead } = connection;
    await someTurns();
    expect(connection.bytesRead).toBe(bytesRead);
    expect(bytesRead).toBeLessThan(1_000_000);
    connection.abort();
  });
});

describe("Connection over TCP", () => {
  test("knows both addresses, also after it is closed", async () => {
    await using pair = await socketPair();
    const connection = new Connection(pair.server);
    const remote = { host: "127.0.0.1", port: pair.client.localPort };
    expect(connection.localAddress).toEqual({ host: "127.0.0.1", port: pair.client.remotePort });
    connection.abort();
    await connection.closed;
    expect(connection.remoteAddress).toEqual(remote);
  });

  test("leaves the socket unread until somebody reads", async () => {
    await using pair = await socketPair();
    const connection = new Connection(pair.server);
    await new Promise((resolve) => pair.client.write("early", resolve));
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    expect(connection.bytesRead).toBe(0);
    expect((await connection.recv()).toString()).toBe("early");
    connection.abort();
  });

  test("rejects a read for which nothing comes within idleTimeoutMs, and stays open", async () => {
    await using pair = await socketPair();
    const connection = new Connection(pair.server, { idleTimeoutMs: 20 });
    expect(connection.idleTimeoutMs).toBe(20);
    await expect(connection.recv()).rejects.toMatchObject({ code: "ERR_SOCKETSERVER_IDLE_TIMEOUT" });
    expect(connection.closeReason).toBeUndefined();
    connection.abort();
  });

  test("remembers when something was last read or written", async () => {
    await using pair = await socketPair();
    const connection = new Connection(pair.server);
    const atFirst = connection.lastActivity;
    await connection.sendAll("x");
    const afterSend = connection.lastActivity;
    expect(afterSend).toBeGreaterThan(atFirst);
    pair.client.write("x");
    await connection.recv();
    expect(connection.lastActivity).toBeGreaterThan(afterSend);
    connection.abort();
  });
});
