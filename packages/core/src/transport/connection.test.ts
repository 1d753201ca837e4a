import { once } from "node:events";
import { duplexPair } from "node:stream";
import { setImmediate as nextTurn } from "node:timers/promises";

import { describe, expect, test } from "vitest";

import { socketPair } from "../../test/support/socket-pair.ts";
import { StalledDuplex } from "../../test/support/stalled-duplex.ts";
import { Connection } from "./connection.ts";

/** Two connections, back to back, in memory. */
function memoryPair(): [Connection, Connection] {
  const [one, other] = duplexPair({ allowHalfOpen: true });
  return [new Connection(one), new Connection(other)];
}

async function text(bytes: Promise<Uint8Array>): Promise<string> {
  return Buffer.from(await bytes).toString();
}

async function everything(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all).toString();
}

describe("Connection over a Duplex in memory", () => {
  test("carries bytes in both directions", async () => {
    const [one, other] = memoryPair();
    await one.sendAll("ping");
    expect(await text(other.recvExactly(4))).toBe("ping");
    expect(other.send(Buffer.from("pong"))).toBe(true);
    expect(await text(one.recv())).toBe("pong");
    expect([one.bytesWritten, one.bytesRead, other.bytesRead, other.bytesWritten]).toEqual([4, 4, 4, 4]);
    await Promise.all([one.close(), other.close()]);
  });

  test("answers empty after the peer ended its side, and can still send", async () => {
    const [one, other] = memoryPair();
    one.shutdown("write");
    expect((await other.recv()).length).toBe(0);
    await other.sendAll("still here");
    expect(await text(one.recv())).toBe("still here");
    await Promise.all([one.close(), other.close()]);
  });

  test("has no address of its own, and takes the ones that are given", async () => {
    const [one, other] = memoryPair();
    expect(one.remoteAddress).toEqual({ path: "" });
    expect(one.localAddress).toEqual({ path: "" });
    const given = { remoteAddress: { host: "192.0.2.1", port: 1 }, localAddress: { path: "/run/x" } };
    expect(new Connection(duplexPair()[0], given)).toMatchObject(given);
    await Promise.all([one.close(), other.close()]);
  });

  test("is closed at once over a stream that is already destroyed", async () => {
    const [stream] = duplexPair();
    stream.destroy();
    const connection = new Connection(stream);
    expect(await connection.closed).toBe("aborted");
    await expect(connection.recv()).rejects.toMatchObject({ code: "ERR_SOCKETSERVER_CONNECTION_CLOSED" });
    await connection.close();
  });

  test("does not know delays, and does not mind", () => {
    expect(() => memoryPair()[0].setNoDelay(true)).not.toThrow();
  });
});

describe("Connection.sendAll()", () => {
  test("resolves below the high-water mark only", async () => {
    const [stream, peer] = duplexPair();
    const connection = new Connection(stream, { highWaterMark: 1_000 });
    let sent = false;
    const sending = connection.sendAll(Buffer.alloc(1_000_000)).then(() => (sent = true));
    await nextTurn();
    expect(sent).toBe(false);
    peer.resume();
    await sending;
    connection.abort();
    await connection.closed;
  });

  test("sends text as UTF-8", async () => {
    const [one, other] = memoryPair();
    await one.sendAll("grüß");
    expect(await text(other.recv())).toBe("grüß");
    one.abort();
    other.abort();
  });

  test.each([undefined, null, 5, {}, [1]])("rejects %s", async (data) => {
    const [one] = memoryPair();
    await expect(one.sendAll(data as never)).rejects.toMatchObject({
      name: "TypeError",
      code: "ERR_SOCKETSERVER_INVALID_ARGUMENT",
    });
  });

  test("rejects after our side ended", async () => {
    const [one] = memoryPair();
    one.shutdown("write");
    await expect(one.sendAll("x")).rejects.toMatchObject({ code: "ERR_SOCKETSERVER_WRITE_AFTER_END" });
  });

  test("rejects for a waiting writer when the connection is aborted", async () => {
    const [one] = memoryPair();
    const sending = one.sendAll(Buffer.alloc(1_000_000));
    one.abort();
    await expect(sending).rejects.toMatchObject({ code: "ERR_SOCKETSERVER_CONNECTION_CLOSED" });
  });
});

describe("Connection.sendSoon()", () => {
  test("lets what is sent at once leave in one write, on the next tick", async () => {
    const stream = new StalledDuplex();
    const connection = new Connection(stream);
    for (const data of ["a", Buffer.from("b"), new Uint8Array([0x63]), "é"]) {
      expect(connection.sendSoon(data)).toBe(true);
    }
    expect([stream.waiting.length, connection.bytesWritten]).toEqual([0, 0]);
    await nextTurn();
    expect(stream.waiting.map(({ bytes }) => bytes.toString())).toEqual(["abcé"]);
    expect(connection.bytesWritten).toBe(5);
    connection.abort();
  });

  const LATER: readonly (readonly [string, (connection: Connection) => void | Promise<void>, string])[] = [
    ["send()", (connection) => void connection.send("then"), "then"],
    ["sendAll()", (connection) => connection.sendAll("then"), "then"],
    ["sendAll() of nothing", (connection) => connection.sendAll(""), ""],
    ["much", (connection) => void connection.sendSoon("x".repeat(40_000)), "x".repeat(40_000)],
    ["writable", (connection) => connection.writable.getWriter().write(Buffer.from("then")), "then"],
    ['shutdown("write")', (connection) => connection.shutdown("write"), ""],
    ['shutdown("both")', (connection) => connection.shutdown("both"), ""],
    ["close()", (connection) => void connection.close(), ""],
  ];

  test.each(LATER)("leaves before what comes later: %s", async (_what, then, last) => {
    const [one, other] = memoryPair();
    one.sendSoon("so");
    one.sendSoon("on ");
    const done = then(one);
    const received = everything(other);
    await done;
    one.shutdown("write");
    expect(await received).toBe(`soon ${last}`);
    await Promise.all([one.close(), other.close()]);
    expect(one.closeReason).toBe("done");
  });

  test("loses nothing over a real socket that is closed at once", async () => {
    await using pair = await socketPair();
    const connection = new Connection(pair.server);
    pair.client.on("end", () => pair.client.end());
    const chunks: Buffer[] = [];
    pair.client.on("data", (chunk: Buffer) => chunks.push(chunk));
    for (let index = 0; index < 10_000; index++) connection.sendSoon(`${index}\n`);
    await connection.close();
    expect(connection.closeReason).toBe("done");
    expect(Buffer.concat(chunks).toString()).toBe(Array.from({ length: 10_000 }, (_, index) => `${index}\n`).join(""));
  });

  test("answers false while the high-water mark is pending, also of what has not left yet", async () => {
    const [stream, peer] = duplexPair();
    const connection = new Connection(stream, { highWaterMark: 1_000 });
    expect(connection.sendSoon(Buffer.alloc(600))).toBe(true);
    expect(connection.sendSoon(Buffer.alloc(600))).toBe(false);
    peer.resume();
    await connection.sendAll("");
    expect(connection.sendSoon("more")).toBe(true);
    connection.abort();
    await connection.closed;
  });

  test("answers what was read: a server that drains may end the next read", async () => {
    const [one, other] = memoryPair();
    await other.sendAll("question");
    expect(await text(one.recv())).toBe("question");
    one.sendSoon("answer");
    one.drain();
    expect((await one.recv()).length).toBe(0);
    one.abort();
    other.abort();
  });

  test("is an activity", async () => {
    const [one] = memoryPair();
    const before = one.lastActivity;
    await nextTurn();
    one.sendSoon("x");
    expect(one.lastActivity).toBeGreaterThan(before);
    one.abort();
  });

  test.each([undefined, null, 5, {}, [1]])("throws for %s", (data) => {
    const [one] = memoryPair();
    expect(() => one.sendSoon(data as never)).toThrow(
      expect.objectContaining({ name: "TypeError", code: "ERR_SOCKETSERVER_INVALID_ARGUMENT" }) as Error,
    );
  });

  test("throws after our side ended", () => {
    const [one] = memoryPair();
    one.shutdown("write");
    expect(() => one.sendSoon("x")).toThrow(
      expect.objectContaining({ code: "ERR_SOCKETSERVER_WRITE_AFTER_END" }) as Error,
    );
  });

  test("is lost with the connection, and the next one throws", async () => {
    const stream = new StalledDuplex();
    const connection = new Connection(stream);
    connection.sendSoon("lost");
    connection.abort();
    const failure = expect.objectContaining({ code: "ERR_SOCKETSERVER_CONNECTION_CLOSED" }) as Error;
    expect(() => connection.sendSoon("next")).toThrow(failure);
    await nextTurn();
    expect([stream.waiting.length, connection.bytesWritten]).toEqual([0, 0]);
    expect(() => connection.sendSoon("")).toThrow(failure);
  });

  test("does no harm over a stream that is destroyed before it leaves", async () => {
    const [stream] = duplexPair();
    const connection = new Connection(stream);
    connection.sendSoon("lost");
    stream.destroy();
    expect(await connection.closed).toBe("aborted");
    await nextTurn();
    expect(() => connection.sendSoon("next")).toThrow(/Cannot use connection/);
  });

  test("throws the system's error once the peer has reset", async () => {
    await using pair = await socketPair();
    const connection = new Connection(pair.server);
    const read = connection.recv();
    pair.client.resetAndDestroy();
    await expect(read).rejects.toMatchObject({ code: "ECONNRESET" });
    expect(() => connection.sendSoon("late")).toThrow(
      expect.objectContaining({ name: "PeerError", code: "ECONNRESET" }) as Error,
    );
    expect(await connection.closed).toBe("peer-reset");
  });

  test("makes a peer that takes nothing a slow reader", async () => {
    const connection = new Connection(new StalledDuplex(), { writeStallMs: 20 });
    connection.sendSoon("x");
    expect(await connection.closed).toBe("slow-reader");
    expect(() => connection.sendSoon("x")).toThrow(
      expect.objectContaining({ name: "PeerError", code: "ERR_SOCKETSERVER_SLOW_READER" }) as Error,
    );
  });
});

describe("Connection.shutdown()", () => {
  test('"read" ends our reads and throws away what comes', async () => {
    const [one, other] = memoryPair();
    const waiting = one.recv();
    one.shutdown("read");
    expect((await waiting).length).toBe(0);
    await other.sendAll(Buffer.alloc(1_000_000));
    expect((await one.recv()).length).toBe(0);
    one.abort();
    other.abort();
  });

  test('"read" is no end of the peer', async () => {
    const [one, other] = memoryPair();
    one.shutdown("read");
    await one.recv();
    const closing = one.close();
    await other.close();
    await closing;
    expect(one.closeReason).toBe("done");
  });

  test('"both" ends both', async () => {
    const [one, other] = memoryPair();
    one.shutdown("both");
    expect((await one.recv()).length).toBe(0);
    expect((await other.recv()).length).toBe(0);
    one.abort();
    other.abort();
  });

  test("throws for anything else", () => {
    const [one] = memoryPair();
    expect(() => one.shutdown("all" as never)).toThrow(
      'Cannot shut down: how must be "read", "write" or "both", received "all"',
    );
  });
});

describe("Connection as streams", () => {
  test("readable gives what comes, until the end", async () => {
    const [one, other] = memoryPair();
    const received = everything(one.readable as AsyncIterable<Uint8Array>);
    await other.sendAll("abc");
    other.shutdown("write");
    expect(await received).toBe("abc");
    one.abort();
    other.abort();
  });

  test("cancelling readable ends the reading side alone", async () => {
    const [one, other] = memoryPair();
    await one.readable.cancel();
    expect((await one.recv()).length).toBe(0);
    await one.sendAll("still here");
    expect(await text(other.recv())).toBe("still here");
    one.abort();
    other.abort();
  });

  test("an error of the connection is the error of readable", async () => {
    const [one] = memoryPair();
    const reading = one.readable.getReader().read();
    one.abort();
    await expect(reading).rejects.toMatchObject({ code: "ERR_SOCKETSERVER_CONNECTION_CLOSED" });
  });

  test("writable sends, and closing it ends our side", async () => {
    const [one, other] = memoryPair();
    const writer = one.writable.getWriter();
    await writer.write(Buffer.from("abc"));
    await writer.close();
    expect(await text(other.recv())).toBe("abc");
    expect((await other.recv()).length).toBe(0);
    one.abort();
    other.abort();
  });

  test("aborting writable resets the connection", async () => {
    const [one] = memoryPair();
    await one.writable.abort();
    expect(await one.closed).toBe("aborted");
  });

  test("iterating gives chunks until the peer ends, and leaving early closes nothing", async () => {
    const [one, other] = memoryPair();
    await other.sendAll("a");
    for await (const chunk of one) {
      expect(chunk.toString()).toBe("a");
      break;
    }
    await other.sendAll("b");
    other.shutdown("write");
    expect(await everything(one)).toBe("b");
    one.abort();
    other.abort();
  });
});

describe("Connection.drainSignal", () => {
  test("aborts when the server begins to drain, and ends a read at a boundary", async () => {
    const [one] = memoryPair();
    const read = one.recv();
    const { drainSignal } = one;
    expect([one.draining, drainSignal.aborted]).toEqual([false, false]);
    one.drain();
    expect([one.draining, drainSignal.aborted]).toEqual([true, true]);
    expect(drainSignal.reason).toMatchObject({ code: "ERR_SOCKETSERVER_SERVER_CLOSED" });
    expect((await read).length).toBe(0);
    expect(one.signal.aborted).toBe(false);
    one.abort();
  });

  test("is aborted already for whoever asks later", () => {
    const [one] = memoryPair();
    one.drain();
    expect(one.drainSignal.aborted).toBe(true);
    one.abort();
  });

  test("sees a request that waits in the kernel before it ends a read", async () => {
    await using pair = await socketPair();
    const connection = new Connection(pair.server);
    await new Promise((resolve) => pair.client.write("request", resolve));
    connection.drain();
    expect(await text(connection.recv())).toBe("request");
    connection.abort();
  });
});

describe("Connection.detach()", () => {
  test("gives the stream away, silent about its close", async () => {
    const [stream, peer] = duplexPair();
    const connection = new Connection(stream);
    let closed = false;
    connection.onClosed(() => (closed = true));
    const detached = connection.detach();
    expect(detached).toBe(stream);
    expect(detached.readableFlowing).not.toBe(true);
    await expect(connection.recv()).rejects.toMatchObject({ code: "ERR_SOCKETSERVER_CONNECTION_CLOSED" });
    expect(() => connection.send("x")).toThrow("it was handed to a worker");
    peer.end("untouched");
    expect(await text(once(detached, "data").then(([chunk]) => chunk as Buffer))).toBe("untouched");
    connection.abort();
    expect(detached.destroyed).toBe(false);
    detached.destroy();
    await once(detached, "close");
    expect(closed).toBe(false);
  });
});
