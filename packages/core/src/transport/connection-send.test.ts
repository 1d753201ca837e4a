import type { Socket } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";

import { afterEach, beforeEach, describe, expect, test, vi, type MockInstance } from "vitest";

import { eventually } from "../../test/support/eventually.ts";
import { settled } from "../../test/support/settled.ts";
import { socketPair, type SocketPair } from "../../test/support/socket-pair.ts";
import { StalledDuplex } from "../../test/support/stalled-duplex.ts";
import { StreamWriter } from "../handler/stream-writer.ts";
import { Connection } from "./connection.ts";

/** The ways to send, each as a function that need not be waited for. */
const WAYS: Readonly<Record<string, (connection: Connection, text: string) => unknown>> = {
  "send()": (connection, text) => connection.send(text),
  "sendAll()": (connection, text) => connection.sendAll(text),
  "wfile.write()": (connection, text) => new StreamWriter((data) => connection.sendAll(data), 0).write(text),
};

const failure = (code: string): Error => expect.objectContaining({ code: `ERR_SOCKETSERVER_${code}` }) as Error;

let pair: SocketPair;
let connection: Connection;
let write: MockInstance<Socket["write"]>;
let received: string;

/** What each write so far had in it. */
function writes(): string[] {
  return write.mock.calls.map(([data]) => String(data)).filter((text) => text !== "");
}

/** Let the client send this, and wait until it is all there. */
async function come(text: string): Promise<void> {
  const peek = connection.inbound.peek(1);
  pair.client.write(text);
  await peek;
  await eventually(() => expect(connection.inbound.unread).toBe(text.length));
}

beforeEach(async () => {
  pair = await socketPair();
  connection = new Connection(pair.server);
  write = vi.spyOn(pair.server, "write");
  received = "";
  pair.client.on("data", (chunk: Buffer) => (received += String(chunk)));
});

afterEach(async () => {
  connection.abort();
  await pair[Symbol.asyncDispose]();
});

describe.each(Object.entries(WAYS))("Connection: %s", (_name, send) => {
  test("leaves before the call returns, if nothing else waits", async () => {
    for (let count = 1; count <= 3; count++) {
      void send(connection, `${count}`);
      expect(writes()).toHaveLength(count);
    }
    await come("question");
    expect(String(await connection.recv())).toBe("question");
    void send(connection, "4");
    expect(writes()).toEqual(["1", "2", "3", "4"]);
    await eventually(() => expect(received).toBe("1234"));
  });

  test("leaves in one write while more of what came waits to be read", async () => {
    await come("abcdefgh");
    for (let count = 0; count < 8; count++) {
      const letter = String(await connection.recv(1));
      await send(connection, letter.toUpperCase());
    }
    expect(writes()).toEqual([]);
    await nextTick();
    expect(writes()).toEqual(["ABCDEFGH"]);
    await eventually(() => expect(received).toBe("ABCDEFGH"));
  });

  test("leaves at once again after that", async () => {
    await come("ab");
    await connection.recv(1);
    void send(connection, "A");
    await nextTick();
    expect(writes()).toEqual(["A"]);
    await connection.recv(1);
    void send(connection, "B");
    expect(writes()).toEqual(["A", "B"]);
  });

  test("does not wait for input that is never read", async () => {
    await come("unread");
    void send(connection, "answer");
    await nextTick();
    expect(writes()).toEqual(["answer"]);
  });

  test("goes behind what is collected, although nothing waits to be read by now", async () => {
    void connection.sendSoon("first ");
    void send(connection, "second");
    expect(writes()).toEqual([]);
    await nextTick();
    expect(writes()).toEqual(["first second"]);
  });

  test("does not count input that was thrown away", async () => {
    await come("unread");
    await connection.recv();
    connection.shutdown("read");
    pair.client.write("more");
    await nextTurn();
    void send(connection, "answer");
    expect(writes()).toEqual(["answer"]);
  });

  test("answers once for many requests in one packet, whoever reads", async () => {
    await come("line\n".repeat(1_000));
    for (let count = 0; count < 1_000; count++) {
      await send(connection, String(await connection.inbound.readLine(100)).toUpperCase());
    }
    await eventually(() => expect(received).toBe("LINE\n".repeat(1_000)));
    expect(writes()).toHaveLength(1);
  });
});

describe("Connection: all ways to send, mixed", () => {
  test("keep their order, with input that waits and without", async () => {
    const ways = [...Object.values(WAYS), (one: Connection, text: string) => one.sendSoon(text)];
    let expected = "";
    for (let round = 0; round < 20; round++) {
      await come("abcd");
      for (let step = 0; step < 8; step++) {
        if (step < 4) await connection.recv(1);
        const text = `${round}.${step} `.repeat(step === round % 8 ? 5_000 : 1);
        expected += text;
        await ways[(round * 3 + step) % ways.length]?.(connection, text);
        if (step % 3 === 0) await nextTick();
      }
    }
    await eventually(() => expect(received).toHaveLength(expected.length));
    expect(received === expected).toBe(true);
    expect(connection.bytesWritten).toBe(expected.length);
  });

  test("are all lost with the connection, and throw later", async () => {
    await come("ab");
    await connection.recv(1);
    connection.send("lost");
    connection.abort();
    expect(() => connection.send("x")).toThrow(failure("CONNECTION_CLOSED"));
    await expect(connection.sendAll("x")).rejects.toThrow(failure("CONNECTION_CLOSED"));
    await nextTurn();
    expect(writes()).toEqual([]);
  });
});

describe("Connection.ready()", () => {
  function stalled(highWaterMark = 100): { stalling: Connection; stream: StalledDuplex } {
    const stream = new StalledDuplex();
    return { stalling: new Connection(stream, { highWaterMark }), stream };
  }

  test("resolves at once where less than the mark is pending", async () => {
    const { stalling } = stalled();
    expect(stalling.send(Buffer.alloc(99))).toBe(true);
    expect(await settled(stalling.ready())).toBe(true);
    await stalling.ready();
    stalling.abort();
  });

  test.each(["send", "sendSoon"] as const)("waits after %s() answered false until less is pending", async (word) => {
    const { stalling, stream } = stalled();
    expect(stalling[word](Buffer.alloc(100))).toBe(false);
    const ready = stalling.ready();
    expect(await settled(ready)).toBe(false);
    stream.takeAll();
    await ready;
    expect(stalling[word]("x")).toBe(true);
    stalling.abort();
  });

  test("rejects for those who wait, and for those who ask later, with the error that ended the connection", async () => {
    const { stalling } = stalled();
    stalling.send(Buffer.alloc(1_000));
    const ready = stalling.ready();
    stalling.abort();
    await expect(ready).rejects.toThrow(failure("CONNECTION_CLOSED"));
    await expect(stalling.ready()).rejects.toThrow(failure("CONNECTION_CLOSED"));
    await expect(stalling.sendAll("x")).rejects.toBe(await stalling.ready().catch((error: unknown) => error));
  });

  test("rejects with the system's error after a reset", async () => {
    pair.client.pause();
    // More than two kernels take.
    expect(connection.send(Buffer.alloc(30_000_000))).toBe(false);
    const ready = connection.ready();
    pair.client.resetAndDestroy();
    const reset = { name: "PeerError", code: expect.stringMatching(/^(ECONNRESET|EPIPE)$/) as string };
    await expect(ready).rejects.toMatchObject(reset);
    await expect(connection.ready()).rejects.toMatchObject(reset);
    // What the kernel would not take any more was not written.
    expect(connection.bytesWritten).toBeLessThan(30_000_000);
  });
});

function nextTick(): Promise<void> {
  return new Promise((resolve) => {
    process.nextTick(resolve);
  });
}
