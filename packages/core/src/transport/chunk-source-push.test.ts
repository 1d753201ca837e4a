import { once } from "node:events";
import type { Socket } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import { TLSSocket } from "node:tls";

import { describe, expect, test } from "vitest";

import { eventually } from "../../test/support/eventually.ts";
import { someTurns } from "../../test/support/some-turns.ts";
import { sourceOf } from "../../test/support/source-of.ts";
import { socketPair } from "../../test/support/socket-pair.ts";
import { STREAM_KINDS } from "../../test/support/stream-kinds.ts";

/** What Node reads at once, in bytes. */
const READ = 65_536;

/** Have the socket's chunks, and what `answer` says about each. */
function pushesOf(socket: Socket, answer: () => boolean): (Buffer | null)[] {
  const pushed: (Buffer | null)[] = [];
  socket.push = (chunk: Buffer | null) => {
    pushed.push(chunk);
    return answer();
  };
  return pushed;
}

describe("net.Socket.push(), as a source replaces it", () => {
  test("is called with each chunk as it comes, and with null at the end", async () => {
    await using pair = await socketPair();
    const pushed = pushesOf(pair.server, () => true);
    pair.server.read(0);
    for (const text of ["one", "two"]) {
      pair.client.write(text);
      await eventually(() => expect(pushed.at(-1)?.toString()).toBe(text));
    }
    pair.client.end();
    await eventually(() => expect(pushed.map((chunk) => chunk?.toString())).toEqual(["one", "two", undefined]));
    expect(pushed.at(-1)).toBeNull();
    expect(pair.server.readableLength).toBe(0);
  });

  test("stops the reading where it answers false, and _read() goes on with it", async () => {
    await using pair = await socketPair();
    const pushed = pushesOf(pair.server, () => false);
    pair.client.write(Buffer.alloc(10 * READ));
    pair.server.read(0);
    for (let count = 1; count <= 3; count++) {
      await eventually(() => expect(pushed).toHaveLength(count));
      await someTurns();
      expect(pushed).toHaveLength(count);
      pair.server._read(0);
    }
    expect(pushed.every((chunk) => chunk !== null && chunk.length <= READ)).toBe(true);
  });

  test("gets chunks that are its own: the next one does not overwrite them", async () => {
    await using pair = await socketPair();
    const pushed = pushesOf(pair.server, () => true);
    pair.server.read(0);
    for (let index = 0; index < 20; index++) {
      pair.client.write(`chunk ${index}`);
      await eventually(() => expect(pushed).toHaveLength(index + 1));
    }
    expect(pushed.map(String)).toEqual(Array.from({ length: 20 }, (_, index) => `chunk ${index}`));
  });
});

describe("chunkSourceOf(): what it does to the stream", () => {
  const PUSHING = ["an accepted TCP socket", "a TCP socket that connected", "a Unix socket"];

  test.each(Object.entries(STREAM_KINDS))("%s: it pushes, or it has a listener", async (name, pairOf) => {
    await using pair = await pairOf();
    const { source, sink } = sourceOf(pair.stream);
    source.resume();
    pair.peer.write("x");
    await eventually(() => expect(sink.text).toBe("x"));
    const pushes = PUSHING.includes(name);
    expect(Object.hasOwn(pair.stream, "push")).toBe(pushes);
    expect(pair.stream.listenerCount("data")).toBe(pushes ? 0 : 1);
    expect(pair.stream.readableLength).toBe(0);
  });

  test("a TLS socket has a listener", async () => {
    await using pair = await socketPair();
    const secure = new TLSSocket(pair.server, { isServer: true });
    secure.on("error", () => {});
    sourceOf(secure).source.resume();
    expect(Object.hasOwn(secure, "push")).toBe(false);
    expect(secure.listenerCount("data")).toBe(1);
    secure.destroy();
  });

  test("all plain sockets share their functions", async () => {
    await using one = await socketPair();
    await using other = await socketPair();
    for (const { server } of [one, other]) sourceOf(server).source.resume();
    const own = [one, other].map(({ server }) => Object.getOwnPropertyDescriptor(server, "push")?.value as unknown);
    expect(own[0]).toBeTypeOf("function");
    expect(own[0]).toBe(own[1]);
    expect(one.server.listeners("end").at(-1)).toBe(other.server.listeners("end").at(-1));
  });
});

describe("chunkSourceOf() of a plain socket", () => {
  test("gives what a client had read ahead, although it is paused in the middle, and then the rest", async () => {
    await using pair = await socketPair();
    const { source, sink } = sourceOf(pair.client);
    pair.server.write(Buffer.alloc(30_000, "a"));
    await eventually(() => expect(pair.client.readableLength).toBe(30_000));
    sink.onChunk = () => source.pause();
    source.resume();
    expect(sink.length).toBe(30_000);
    pair.server.end(Buffer.alloc(500_000, "b"));
    await someTurns();
    expect(sink.length).toBeLessThanOrEqual(30_000 + READ);
    sink.onChunk = () => {};
    source.resume();
    await eventually(() => expect(sink.ends).toBe(1));
    expect(sink.text).toBe("a".repeat(30_000) + "b".repeat(500_000));
  });

  test("tells the end of a socket that is not half-open, which ends then, too", async () => {
    await using pair = await socketPair();
    pair.server.allowHalfOpen = false;
    const { source, sink } = sourceOf(pair.server);
    source.resume();
    pair.client.resume().end("last words");
    await once(pair.server, "close");
    expect([sink.text, sink.ends]).toEqual(["last words", 1]);
  });

  test.each(["resume", "discard"] as const)("tells no end after %s() when the peer resets", async (begin) => {
    await using pair = await socketPair();
    const { source, sink } = sourceOf(pair.server);
    source[begin]();
    await nextTurn();
    pair.client.resetAndDestroy();
    const [error] = (await once(pair.server, "error")) as [Error];
    expect(error).toMatchObject({ code: "ECONNRESET" });
    await someTurns();
    expect(sink.ends).toBe(0);
  });

  test("throws nothing when it is used after the socket was destroyed", async () => {
    await using pair = await socketPair();
    const { source, sink } = sourceOf(pair.server);
    source.resume();
    pair.server.destroy();
    source.pause();
    source.resume();
    source.discard();
    source.release();
    await once(pair.server, "close");
    source.resume();
    expect([sink.length, sink.ends]).toEqual([0, 0]);
  });

  test("gives nothing after release(): the socket keeps what still comes, and its end", async () => {
    await using pair = await socketPair();
    const { source, sink } = sourceOf(pair.server);
    source.resume();
    pair.client.write("before");
    await eventually(() => expect(sink.text).toBe("before"));
    source.release();
    pair.client.end("after");
    await eventually(() => expect(pair.server.readableLength).toBe(5));
    await someTurns();
    expect([sink.text, sink.ends]).toEqual(["before", 0]);
    expect(String(pair.server.read())).toBe("after");
    await once(pair.server, "end");
    expect(sink.ends).toBe(0);
  });

  test("calls back when what waits in the kernel has come", async () => {
    await using pair = await socketPair();
    const { source, sink } = sourceOf(pair.server);
    pair.client.write("waits in the kernel");
    await someTurns();
    source.resume();
    expect(sink.length).toBe(0);
    await new Promise<void>((resolve) => source.afterArrivals?.(resolve));
    expect(sink.text).toBe("waits in the kernel");
  });
});
