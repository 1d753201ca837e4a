import { once } from "node:events";
import type { Socket } from "node:net";
import { duplexPair, type Duplex } from "node:stream";
import { setImmediate as nextTurn } from "node:timers/promises";

import { leakCheck } from "@socketserver/testing";
import fc from "fast-check";
import { beforeEach, describe, expect, test, vi } from "vitest";

import { RelayPair } from "../../test/support/relay-pair.ts";
import { socketPair } from "../../test/support/socket-pair.ts";
import { soon } from "../../test/support/soon.ts";
import { StalledDuplex } from "../../test/support/stalled-duplex.ts";
import { temporaryPath } from "../../test/support/temporary-path.ts";
import { someTurns } from "../../test/support/some-turns.ts";
import { Connection } from "../transport/connection.ts";
import { sendQueueOf } from "../transport/send-queue.ts";
import type { RelayToWorker } from "./relay-messages.ts";
import { SocketRelay } from "./socket-relay.ts";

vi.mock("../transport/send-queue.ts", { spy: true });

/** What the runtime reads from a socket at once. */
const CHUNK = 65_536;

let said: RelayToWorker[];
let moved: (readonly ArrayBuffer[] | undefined)[];

beforeEach(() => {
  said = [];
  moved = [];
  return leakCheck();
});

/** The listener side's end alone: what it says is in `said`. */
function relayOf(stream: Duplex): SocketRelay {
  return new SocketRelay(stream, (part, moves) => {
    said.push(part);
    moved.push(moves);
  });
}

function text(): string {
  return said.map((part) => (part.kind === "data" ? Buffer.from(part.chunk).toString() : `<${part.kind}>`)).join("");
}

/** Everything that a stream gives until it ends; it is paused for a few turns after each chunk if the reader is slow. */
function readAll(stream: Duplex, seen: (bytes: number) => void = () => {}, slowTurns = 0): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const chunks: Buffer[] = [];
  stream.on("data", (chunk: Buffer) => {
    chunks.push(chunk);
    seen(chunk.length);
    if (slowTurns > 0) {
      stream.pause();
      void (async () => {
        for (let turn = 0; turn < slowTurns; turn++) await nextTurn();
        stream.resume();
      })();
    }
  });
  stream.once("end", () => resolve(Buffer.concat(chunks)));
  stream.once("error", reject);
  return promise;
}

/** Write everything, waiting as a writer should, and end. */
async function writeAll(stream: Duplex, bytes: Buffer, step = CHUNK): Promise<void> {
  for (let at = 0; at < bytes.length; at += step) {
    if (!stream.write(bytes.subarray(at, at + step))) await once(stream, "drain");
  }
  stream.end();
}

/** Bytes among which no two places look alike for long. */
function pattern(length: number): Buffer {
  return Buffer.from(
    Uint32Array.from({ length: Math.ceil(length / 4) }, (_, index) => index * 2_654_435_761).buffer,
  ).subarray(0, length);
}

describe("SocketRelay, reading", () => {
  test("reads nothing before the worker allows it", async () => {
    const [near, far] = duplexPair();
    relayOf(near);
    far.end("hello");
    await someTurns();
    expect(said).toEqual([]);
    expect(near.readableFlowing).not.toBe(true);
  });

  test("tells what comes, and the end", async () => {
    const [near, far] = duplexPair();
    const relay = relayOf(near);
    far.write("hello");
    relay.receive({ kind: "credit", bytes: 100 });
    await someTurns();
    far.end(" world");
    await someTurns();
    expect(text()).toBe("hello world<end>");
  });

  test("stops when as much has come as was allowed, and goes on when more is", async () => {
    const [near, far] = duplexPair({ highWaterMark: 1 });
    const relay = relayOf(near);
    for (const piece of ["abc", "def", "ghi", "jkl"]) far.write(piece);
    relay.receive({ kind: "credit", bytes: 4 });
    await someTurns();
    expect(text()).toBe("abcdef");
    relay.receive({ kind: "credit", bytes: 3 });
    await someTurns();
    expect(text()).toBe("abcdefghi");
  });

  test("reads nothing on a credit that a chunk has used up already", async () => {
    const [near, far] = duplexPair({ highWaterMark: 1 });
    const relay = relayOf(near);
    for (const piece of ["0123456789", "abc"]) far.write(piece);
    relay.receive({ kind: "credit", bytes: 4 });
    await someTurns();
    relay.receive({ kind: "credit", bytes: 6 });
    await someTurns();
    expect(text()).toBe("0123456789");
    relay.receive({ kind: "credit", bytes: 1 });
    await someTurns();
    expect(text()).toBe("0123456789abc");
  });

  test("is never ahead of what was allowed by more than one chunk, and gives all that is allowed", async () => {
    const cases = fc.record({
      pieces: fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 15 }),
      credits: fc.array(fc.integer({ min: 1, max: 80 }), { maxLength: 15 }),
    });
    await fc.assert(
      fc.asyncProperty(cases, async ({ pieces, credits }) => {
        said = [];
        const [near, far] = duplexPair({ highWaterMark: 1 });
        const relay = relayOf(near);
        for (const length of pieces) far.write(Buffer.alloc(length));
        const total = pieces.reduce((sum, length) => sum + length, 0);
        let allowed = 0;
        for (const bytes of credits) {
          relay.receive({ kind: "credit", bytes });
          allowed += bytes;
          await someTurns();
          const lengths = said.map((part) => (part.kind === "data" ? part.chunk.length : 0));
          const sent = lengths.reduce((sum, length) => sum + length, 0);
          expect(sent - (lengths.at(-1) ?? 0)).toBeLessThan(allowed);
          expect(sent).toBeGreaterThanOrEqual(Math.min(allowed, total));
        }
      }),
      { numRuns: 40 },
    );
  });

  test("moves copies: the buffer under a chunk may belong to others", async () => {
    const [near, far] = duplexPair();
    relayOf(near).receive({ kind: "credit", bytes: 100 });
    const shared = Buffer.from("xhellox");
    far.write(shared.subarray(1, 6));
    await someTurns();
    const [part] = said as [Extract<RelayToWorker, { readonly kind: "data" }>];
    expect(moved[0]).toEqual([part.chunk.buffer]);
    expect(part.chunk.buffer.byteLength).toBe(5);
    structuredClone(part, { transfer: [...(moved[0] ?? [])] });
    expect(shared.toString()).toBe("xhellox");
  });

  test("tells an end that the stream saw before the worker allowed a read", async () => {
    const [near, far] = duplexPair();
    far.end();
    near.resume();
    await once(near, "end");
    relayOf(near).receive({ kind: "credit", bytes: 100 });
    await someTurns();
    expect(text()).toBe("<end>");
  });
});

describe("SocketRelay, asked what waits", () => {
  test("says that it has sent it two turns later, also if nothing waited", async () => {
    const relay = relayOf(duplexPair()[0]);
    relay.receive({ kind: "sync" });
    await nextTurn();
    expect(said).toEqual([]);
    await nextTurn();
    expect(said).toEqual([{ kind: "synced" }]);
  });

  test("sends what waits in the kernel before it says so, also on a credit of that very moment", async () => {
    // What was written to a Unix socket is there for its peer at once.
    await using pair = await socketPair(await temporaryPath());
    await new Promise((resolve) => pair.client.write("waited", resolve));
    const relay = relayOf(pair.server);
    relay.receive({ kind: "credit", bytes: 100 });
    relay.receive({ kind: "sync" });
    await vi.waitFor(() => expect(said).toContainEqual({ kind: "synced" }));
    expect(text()).toBe("waited<synced>");
    relay.receive({ kind: "destroy" });
  });

  test("says so when its stream does, if the bytes of that come from farther away", async () => {
    const asked: (() => void)[] = [];
    const distant = Object.assign(duplexPair()[0], { afterArrivals: (callback: () => void) => asked.push(callback) });
    relayOf(distant).receive({ kind: "sync" });
    await someTurns();
    expect([said, asked.length]).toEqual([[], 1]);
    asked[0]?.();
    expect(said).toEqual([{ kind: "synced" }]);
  });

  test("looks what the kernel still has only if something was written", async () => {
    await using pair = await socketPair();
    const relay = relayOf(pair.server);
    const look = vi.mocked(sendQueueOf);
    look.mockClear();
    relay.receive({ kind: "sync" });
    await vi.waitFor(() => expect(said).toHaveLength(1));
    expect(look).not.toHaveBeenCalled();
    relay.receive({ kind: "data", chunks: [Buffer.from("answer")] });
    relay.receive({ kind: "sync" });
    await vi.waitFor(() => expect(said.filter(({ kind }) => kind === "synced")).toHaveLength(2));
    expect(look).toHaveBeenCalledOnce();
    relay.receive({ kind: "destroy" });
  });
});

describe("SocketRelay, writing", () => {
  test("tells that something is written when all of it has left", async () => {
    const stream = new StalledDuplex();
    const relay = relayOf(stream);
    relay.receive({ kind: "data", chunks: [Buffer.from("ab"), Buffer.from("cd")] });
    await someTurns();
    stream.takeOne();
    await someTurns();
    expect(said).toEqual([]);
    stream.takeAll();
    await someTurns();
    expect(said).toEqual([{ kind: "written" }]);
    expect(Buffer.concat(stream.taken).toString()).toBe("abcd");
  });

  test("ends the stream after what is written, and tells when that has left", async () => {
    const stream = new StalledDuplex();
    const relay = relayOf(stream);
    relay.receive({ kind: "data", chunks: [Buffer.from("ab")] });
    relay.receive({ kind: "end" });
    await someTurns();
    expect([said, stream.finished]).toEqual([[], false]);
    stream.takeAll();
    await someTurns();
    expect([said, stream.finished]).toEqual([[{ kind: "written" }, { kind: "written" }], true]);
  });

  test("passes on whether to send small pieces at once, to a stream that knows the difference", () => {
    const setNoDelay = vi.fn<(noDelay: boolean) => void>();
    relayOf(Object.assign(duplexPair()[0], { setNoDelay })).receive({ kind: "noDelay", noDelay: true });
    expect(setNoDelay.mock.calls).toEqual([[true]]);
    relayOf(duplexPair()[0]).receive({ kind: "noDelay", noDelay: true });
  });

  test("does not say that it has written what could not leave", async () => {
    const [near] = duplexPair();
    const relay = relayOf(near);
    near.destroy();
    relay.receive({ kind: "data", chunks: [Buffer.from("ab")] });
    relay.receive({ kind: "end" });
    await someTurns();
    expect(said.map(({ kind }) => kind)).toEqual(["closed"]);
  });
});

describe("SocketRelay, closing", () => {
  test("destroys the stream, and tells that it is closed", async () => {
    const [near] = duplexPair();
    relayOf(near).receive({ kind: "destroy" });
    expect(near.destroyed).toBe(true);
    await someTurns();
    expect(said).toEqual([{ kind: "closed", error: undefined }]);
  });

  test("resets a socket, and its peer sees that", async () => {
    await using pair = await socketPair();
    const failed = once(pair.client, "error");
    relayOf(pair.server).receive({ kind: "reset" });
    expect(await soon(failed)).toMatchObject([{ code: "ECONNRESET" }]);
    await vi.waitFor(() => expect(said).toEqual([{ kind: "closed", error: undefined }]));
  });

  test("tells the error with which the stream closed, its code included", async () => {
    await using pair = await socketPair();
    relayOf(pair.server).receive({ kind: "credit", bytes: 100 });
    pair.client.resetAndDestroy();
    await vi.waitFor(() => expect(said.length).toBe(1));
    expect(said).toMatchObject([{ kind: "closed", error: { kind: "error", fields: { code: "ECONNRESET" } } }]);
  });

  test("resets the stream without a word when the worker is gone", async () => {
    await using pair = await socketPair();
    const failed = once(pair.client, "error");
    const closed = once(pair.server, "close");
    relayOf(pair.server).reset();
    expect(await soon(failed)).toMatchObject([{ code: "ECONNRESET" }]);
    await closed;
    expect(said).toEqual([]);
  });

  test("gives back a stream that the worker never had, untouched", async () => {
    await using pair = await socketPair();
    const names = ["data", "end", "close", "error"];
    const listeners = (socket: Socket): number[] => names.map((name) => socket.listenerCount(name));
    const before = listeners(pair.server);
    const relay = relayOf(pair.server);
    pair.client.write("hello");
    relay.release();
    expect([pair.server.destroyed, pair.server.readableFlowing]).toEqual([false, false]);
    expect(listeners(pair.server)).toEqual(before);
    const heard = said;
    said = [];
    relayOf(pair.server).receive({ kind: "credit", bytes: 100 });
    await vi.waitFor(() => expect(text()).toBe("hello"));
    const closed = once(pair.server, "close");
    pair.server.destroy();
    await closed;
    expect(heard).toEqual([]);
    expect(text()).toBe("hello<closed>");
  });
});

describe("SocketRelay and RelayedSocket", () => {
  const LARGE = 5 * 1_048_576;
  const MARK = 16_384;

  test.each([
    ["a fast reader", 0],
    ["a slow reader", 8],
  ])("carry every byte of a large upload to %s, and never more than a mark and a chunk at once", async (_who, slow) => {
    await using pair = await socketPair();
    const ends = new RelayPair(pair.server, MARK);
    const bytes = pattern(LARGE);
    const got = readAll(ends.socket, (count) => ends.consumed(count), slow);
    const sent = writeAll(pair.client, bytes);
    expect((await soon(got, 20_000)).equals(bytes)).toBe(true);
    await sent;
    expect(ends.mostIn).toBeLessThan(MARK + CHUNK);
    ends.socket.destroy();
  });

  test.each([
    ["a fast reader", 0],
    ["a slow reader", 8],
  ])("carry every byte of a large answer to %s, and never more than a mark and a chunk at once", async (_who, slow) => {
    await using pair = await socketPair();
    const ends = new RelayPair(pair.server, MARK);
    const bytes = pattern(LARGE);
    const got = readAll(pair.client, () => {}, slow);
    const sent = writeAll(ends.socket, bytes, 10_000);
    expect((await soon(got, 20_000)).equals(bytes)).toBe(true);
    await sent;
    expect(ends.mostOut).toBeLessThan(MARK + 10_000);
    ends.socket.destroy();
  });

  test("bring what waited in the kernel to a connection that drains, before its read ends", async () => {
    await using pair = await socketPair(await temporaryPath());
    await new Promise((resolve) => pair.client.write("waited", resolve));
    const ends = new RelayPair(pair.server, MARK);
    await using connection = new Connection(ends.socket, { remoteAddress: { path: "" } });
    connection.drain();
    expect((await soon(connection.recv())).toString()).toBe("waited");
    await connection.sendAll("answer");
    expect(await soon(connection.recv())).toHaveLength(0);
    pair.client.resume().end();
  });

  test("hold back the peer of a handler that does not read", async () => {
    const [near, far] = duplexPair({ highWaterMark: 1_000 });
    const ends = new RelayPair(near, 10_000);
    ends.socket.on("data", (chunk: Buffer) => ends.consumed(chunk.length));
    await someTurns();
    ends.socket.pause();
    let pending = 0;
    for (let write = 0; write < 100; write++) {
      pending++;
      far.write(Buffer.alloc(1_000), () => pending--);
    }
    await someTurns();
    await someTurns();
    expect(ends.mostIn).toBeLessThanOrEqual(11_000);
    expect(pending).toBeGreaterThan(80);
  });

  test("hold back a handler whose peer does not read", async () => {
    const stream = new StalledDuplex();
    const ends = new RelayPair(stream, 10_000);
    let written = 0;
    while (ends.socket.write(Buffer.alloc(1_000))) written++;
    await someTurns();
    expect(written).toBeLessThan(10);
    expect(ends.mostOut).toBeLessThanOrEqual(10_000);
    expect(ends.toWorker).toEqual([]);
  });

  test("carry an answer after the peer has ended its side", async () => {
    await using pair = await socketPair();
    const ends = new RelayPair(pair.server, MARK);
    const asked = readAll(ends.socket);
    const answered = readAll(pair.client);
    pair.client.end("question");
    expect((await soon(asked)).toString()).toBe("question");
    expect([pair.server.destroyed, ends.socket.destroyed]).toEqual([false, false]);
    const closed = once(ends.socket, "close");
    ends.socket.end("answer");
    expect((await soon(answered)).toString()).toBe("answer");
    await soon(closed);
    expect(ends.fromWorker.filter((kind) => kind !== "credit")).toEqual(["data", "end", "destroy"]);
  });

  test.each([
    ["that reads fast", 0],
    ["that reads slowly", 20],
  ])("carry what the peer says after a handler %s has ended its side", async (_how, slow) => {
    await using pair = await socketPair();
    const ends = new RelayPair(pair.server, MARK);
    const bytes = pattern(300_000);
    const greeted = readAll(pair.client);
    const heard = readAll(ends.socket, () => {}, slow);
    ends.socket.end("greeting");
    expect((await soon(greeted)).toString()).toBe("greeting");
    const closed = once(ends.socket, "close");
    await writeAll(pair.client, bytes);
    expect((await soon(heard)).equals(bytes)).toBe(true);
    await soon(closed);
    expect(pair.server.destroyed).toBe(true);
  });

  test("tell the handler of a reset by its code", async () => {
    await using pair = await socketPair();
    const ends = new RelayPair(pair.server, MARK);
    ends.socket.resume();
    const failed = once(ends.socket, "error");
    await vi.waitFor(() => expect(ends.fromWorker).toEqual(["credit"]));
    pair.client.resetAndDestroy();
    expect(await soon(failed)).toMatchObject([{ code: "ECONNRESET" }]);
    expect(ends.socket.destroyed).toBe(true);
  });

  test("reset the peer of a handler that resets, and close that of one that destroys", async () => {
    await using first = await socketPair();
    const failed = once(first.client, "error");
    new RelayPair(first.server, MARK).socket.resetAndDestroy();
    expect(await soon(failed)).toMatchObject([{ code: "ECONNRESET" }]);

    await using second = await socketPair();
    const ended = readAll(second.client);
    new RelayPair(second.server, MARK).socket.destroy();
    expect((await soon(ended)).length).toBe(0);
  });

  test("carry a conversation over a Unix socket", async () => {
    await using pair = await socketPair(await temporaryPath());
    const ends = new RelayPair(pair.server, MARK);
    ends.socket.on("data", (chunk: Buffer) => ends.socket.write(chunk.toString().toUpperCase()));
    ends.socket.once("end", () => ends.socket.end());
    const answered = readAll(pair.client);
    pair.client.end("hello");
    expect((await soon(answered)).toString()).toBe("HELLO");
  });

  test("say nothing to each other after both are closed", async () => {
    const [near, far] = duplexPair();
    const ends = new RelayPair(near, MARK);
    readAll(ends.socket).catch(() => {});
    far.resume().end();
    ends.socket.end();
    await once(ends.socket, "close");
    await someTurns();
    expect([near.destroyed, ends.socket.destroyed]).toEqual([true, true]);
    expect(ends.fromWorker.filter((kind) => kind === "destroy").length).toBeLessThanOrEqual(1);
    expect(ends.toWorker.filter((kind) => kind === "closed").length).toBe(1);
  });

  test("carry every byte both ways, whatever the sizes, the marks and the pace of the readers", async () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 300 }), { maxLength: 12 });
    const mark = fc.integer({ min: 1, max: 200 });
    const turns = fc.nat(2);
    const cases = fc.record({ up: sizes, down: sizes, mark, streamMark: mark, slowIn: turns, slowOut: turns });
    await fc.assert(
      fc.asyncProperty(cases, async ({ up, down, mark: relayMark, streamMark, slowIn, slowOut }) => {
        const [near, far] = duplexPair({ highWaterMark: streamMark });
        const ends = new RelayPair(near, relayMark);
        const heard = readAll(ends.socket, (count) => ends.consumed(count), slowIn);
        const answered = readAll(far, () => {}, slowOut);
        const write = async (stream: Duplex, lengths: readonly number[]): Promise<Buffer> => {
          const pieces = lengths.map((length, index) => Buffer.alloc(length, index + 1));
          for (const piece of pieces) if (!stream.write(piece)) await once(stream, "drain");
          stream.end();
          return Buffer.concat(pieces);
        };
        const work = Promise.all([write(far, up), write(ends.socket, down), heard, answered]);
        const [asked, said_, gotAsked, gotSaid] = await soon(work);
        expect(gotAsked).toEqual(asked);
        expect(gotSaid).toEqual(said_);
        expect(ends.mostIn).toBeLessThan(relayMark + 300);
        expect(ends.mostOut).toBeLessThan(relayMark + 300);
      }),
      { numRuns: 60 },
    );
  });
});
