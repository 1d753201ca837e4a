import { once } from "node:events";
import { setImmediate as nextTurn } from "node:timers/promises";

import { beforeEach, describe, expect, test } from "vitest";

import { errorToData } from "./error-data.ts";
import type { RelayFromWorker } from "./relay-messages.ts";
import { RelayedSocket } from "./relayed-socket.ts";

const MARK = 10;

let said: RelayFromWorker[];
let moved: (readonly ArrayBuffer[] | undefined)[];

beforeEach(() => {
  said = [];
  moved = [];
});

/** The worker's end alone: what it says is in `said`. */
function relayedSocket(): RelayedSocket {
  return new RelayedSocket((part, moves) => {
    said.push(part);
    moved.push(moves);
  }, MARK);
}

function data(text: string): { kind: "data"; chunk: Uint8Array } {
  return { kind: "data", chunk: new TextEncoder().encode(text) };
}

/** What a flowing stream gives, as text. */
function textOf(socket: RelayedSocket): { text: string; ended: boolean } {
  const got = { text: "", ended: false };
  socket.on("data", (chunk: Buffer) => (got.text += chunk.toString()));
  socket.on("end", () => (got.ended = true));
  return got;
}

/** What it has allowed in all. */
function allowed(): number {
  return said.reduce((sum, part) => sum + (part.kind === "credit" ? part.bytes : 0), 0);
}

describe("RelayedSocket, as a reader", () => {
  test("allows nothing before it is read, then its high-water mark", async () => {
    const socket = relayedSocket();
    await nextTurn();
    expect(said).toEqual([]);
    textOf(socket);
    await nextTurn();
    expect(said).toEqual([{ kind: "credit", bytes: MARK }]);
  });

  test("gives what comes, in order, and the end", async () => {
    const socket = relayedSocket();
    const got = textOf(socket);
    for (const part of [data("one"), data("two"), { kind: "end" } as const]) socket.receive(part);
    await nextTurn();
    expect(got).toEqual({ text: "onetwo", ended: true });
    expect(socket.destroyed).toBe(false);
  });

  test("allows more when half of the mark has come, and was read", async () => {
    const socket = relayedSocket();
    textOf(socket);
    await nextTurn();
    socket.receive(data("1234"));
    await nextTurn();
    expect(allowed()).toBe(MARK);
    socket.receive(data("5"));
    await nextTurn();
    expect(allowed()).toBe(MARK + 5);
  });

  test("allows no more than its mark to a reader that stands still", async () => {
    const socket = relayedSocket();
    const got = textOf(socket);
    await nextTurn();
    socket.pause();
    for (const text of ["123", "45", "67890"]) {
      socket.receive(data(text));
      await nextTurn();
    }
    expect([got.text, socket.readableLength, allowed()]).toEqual(["", MARK, MARK]);
  });

  test.each([
    ["its mark", ["1234567890"]],
    ["its mark in pieces", ["1234", "5678", "90"]],
    ["more than its mark, because a chunk is never cut", ["12345678901234567890"]],
  ])("goes on when its reader does, after that has left %s unread", async (_what, texts) => {
    const socket = relayedSocket();
    const got = textOf(socket);
    await nextTurn();
    socket.pause();
    for (const text of texts) {
      socket.receive(data(text));
      await nextTurn();
    }
    socket.resume();
    await nextTurn();
    await nextTurn();
    const came = texts.join("");
    expect(got.text).toBe(came);
    // Everything was read, so that as much as the mark may be on its way, and nothing is.
    expect(allowed() - came.length).toBe(MARK);
  });

  test("keeps what has come for its reader when both sides have ended and the socket is closed", async () => {
    const socket = relayedSocket();
    const got = textOf(socket);
    await nextTurn();
    socket.pause();
    socket.end();
    socket.receive({ kind: "written" });
    socket.receive(data("last words"));
    socket.receive({ kind: "end" });
    socket.receive({ kind: "closed", error: undefined });
    await nextTurn();
    socket.resume();
    await nextTurn();
    await nextTurn();
    expect(got).toEqual({ text: "last words", ended: true });
    expect(socket.destroyed).toBe(true);
  });

  test("pays no attention to what still comes when it is destroyed", async () => {
    const socket = relayedSocket();
    const got = textOf(socket);
    socket.destroy();
    for (const part of [data("late"), { kind: "end" } as const, { kind: "written" } as const]) socket.receive(part);
    socket.receive({ kind: "closed", error: errorToData(new Error("late, too")) });
    await nextTurn();
    expect(got).toEqual({ text: "", ended: false });
    expect(socket.errored).toBe(null);
  });
});

describe("RelayedSocket.afterArrivals()", () => {
  test("asks the listener side one turn later, after the credit of a read that has just begun", async () => {
    const socket = relayedSocket();
    textOf(socket);
    socket.afterArrivals(() => {});
    expect(said).toEqual([]);
    await nextTurn();
    expect(said).toEqual([{ kind: "credit", bytes: MARK }, { kind: "sync" }]);
  });

  test("calls back when the listener side says that it has sent what waited, and not before", async () => {
    const socket = relayedSocket();
    const got = textOf(socket);
    const seen: string[] = [];
    socket.afterArrivals(() => seen.push(got.text));
    for (let turn = 0; turn < 5; turn++) await nextTurn();
    expect(seen).toEqual([]);
    socket.receive(data("waited"));
    socket.receive({ kind: "synced", sendQueue: undefined });
    expect(seen).toEqual(["waited"]);
    await nextTurn();
  });

  test("calls back for each that asked once, in order", async () => {
    const socket = relayedSocket();
    const called: number[] = [];
    for (const which of [1, 2]) socket.afterArrivals(() => called.push(which));
    await nextTurn();
    expect(said).toEqual([{ kind: "sync" }, { kind: "sync" }]);
    socket.receive({ kind: "synced", sendQueue: undefined });
    expect(called).toEqual([1]);
    socket.receive({ kind: "synced", sendQueue: undefined });
    expect(called).toEqual([1, 2]);
  });
});

describe("RelayedSocket, as a writer", () => {
  test("has written when the listener side says so", async () => {
    const socket = relayedSocket();
    let done = false;
    socket.write("abc", () => (done = true));
    await nextTurn();
    expect([said, done]).toEqual([[{ kind: "data", chunks: [new TextEncoder().encode("abc")] }], false]);
    socket.receive({ kind: "written" });
    await nextTurn();
    expect(done).toBe(true);
  });

  test("holds back further writes until then, and sends them together", async () => {
    const socket = relayedSocket();
    socket.write("a");
    socket.write("b");
    socket.write("c");
    await nextTurn();
    expect(said.length).toBe(1);
    socket.receive({ kind: "written" });
    await nextTurn();
    const texts = said.map((part) =>
      part.kind === "data" ? part.chunks.map((chunk) => Buffer.from(chunk).toString()) : [],
    );
    expect(texts).toEqual([["a"], ["b", "c"]]);
  });

  test("tells its writer to wait at the mark, and to go on", async () => {
    const socket = relayedSocket();
    expect(socket.write(Buffer.alloc(MARK - 1))).toBe(true);
    expect(socket.write(Buffer.alloc(1))).toBe(false);
    const drained = once(socket, "drain");
    socket.receive({ kind: "written" });
    await nextTurn();
    socket.receive({ kind: "written" });
    await drained;
  });

  test("sends a copy of its own: the writer keeps its buffer", () => {
    const socket = relayedSocket();
    const bytes = Buffer.from("abc");
    socket.write(bytes);
    const part = said[0] as Extract<RelayFromWorker, { readonly kind: "data" }>;
    const [chunk] = part.chunks;
    expect(moved[0]).toEqual([chunk?.buffer]);
    expect(chunk?.buffer).not.toBe(bytes.buffer);
    expect(chunk?.buffer.byteLength).toBe(3);
    structuredClone(part, { transfer: [...(moved[0] ?? [])] });
    expect(bytes.toString()).toBe("abc");
  });

  test("says its end after everything is written, and has finished when that has left", async () => {
    const socket = relayedSocket();
    socket.end("abc");
    await nextTurn();
    expect(said.map(({ kind }) => kind)).toEqual(["data"]);
    socket.receive({ kind: "written" });
    await nextTurn();
    expect(said.map(({ kind }) => kind)).toEqual(["data", "end"]);
    expect(socket.writableFinished).toBe(false);
    const finished = once(socket, "finish");
    socket.receive({ kind: "written" });
    await finished;
    expect(socket.destroyed).toBe(false);
  });

  test("passes on whether to send small pieces at once", () => {
    relayedSocket().setNoDelay(true).setNoDelay(false);
    expect(said).toEqual([
      { kind: "noDelay", noDelay: true },
      { kind: "noDelay", noDelay: false },
    ]);
  });
});

describe("RelayedSocket, closing", () => {
  test("says that it is destroyed, once", async () => {
    const socket = relayedSocket();
    const closed = once(socket, "close");
    socket.destroy();
    socket.destroy();
    socket.resetAndDestroy();
    await closed;
    expect(said).toEqual([{ kind: "destroy" }]);
  });

  test("says that it is reset, once", async () => {
    const socket = relayedSocket();
    const closed = once(socket, "close");
    expect(socket.resetAndDestroy()).toBe(socket);
    socket.destroy();
    await closed;
    expect(said).toEqual([{ kind: "reset" }]);
  });

  test("says that it is destroyed when both sides have ended", async () => {
    const socket = relayedSocket();
    textOf(socket);
    const closed = once(socket, "close");
    socket.end();
    socket.receive({ kind: "written" });
    socket.receive({ kind: "end" });
    await closed;
    expect(said.at(-1)).toEqual({ kind: "destroy" });
  });

  test("closes without a word when the socket was closed", async () => {
    const socket = relayedSocket();
    const closed = once(socket, "close");
    socket.receive({ kind: "closed", error: undefined });
    await closed;
    socket.resetAndDestroy();
    expect([said, socket.errored]).toEqual([[], null]);
  });

  test("fails with the error of the socket, its code included", async () => {
    const socket = relayedSocket();
    const failed = once(socket, "error");
    const error = Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" });
    socket.receive({ kind: "closed", error: structuredClone(errorToData(error)) });
    expect(await failed).toMatchObject([{ code: "ECONNRESET", message: "read ECONNRESET" }]);
    expect([said, socket.destroyed]).toEqual([[], true]);
  });
});
