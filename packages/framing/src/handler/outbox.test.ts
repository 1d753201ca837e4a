import { duplexPair } from "node:stream";
import { setImmediate as nextTurn } from "node:timers/promises";

import { Connection } from "@socketserver/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { collectGarbage } from "../../../core/test/support/collect-garbage.ts";
import { StalledDuplex } from "../../../core/test/support/stalled-duplex.ts";
import { Outbox } from "./outbox.ts";

/** An outbox, and the writes that come out of it. */
function outbox(highWaterMark = 65_536): { box: Outbox; stream: StalledDuplex; connection: Connection } {
  const stream = new StalledDuplex();
  const connection = new Connection(stream, { highWaterMark, writeStallMs: Infinity });
  return { box: new Outbox(connection), stream, connection };
}

/** What has been written so far, write by write, which the far end takes. */
async function writes(stream: StalledDuplex): Promise<string[]> {
  // A stream joins what it is given while it works on something else: so the far end takes each write at once.
  for (let turn = 0; turn < 3; turn++) {
    stream.takeAll();
    await nextTurn();
  }
  return stream.taken.map(String);
}

describe("Outbox.add()", () => {
  test("collects what is sent at once, and writes it when the present code lets go", async () => {
    const { box, stream } = outbox();
    for (const text of ["a", "b", "c"]) expect(box.add(Buffer.from(text))).toBeUndefined();
    expect(stream.waiting).toEqual([]);
    process.nextTick(() => expect(stream.waiting.map(({ bytes }) => String(bytes))).toEqual(["abc"]));
    expect(await writes(stream)).toEqual(["abc"]);
  });

  test("collects over promises that wait for nothing", async () => {
    const { box, stream } = outbox();
    for (const text of ["a", "b", "c"]) {
      box.add(Buffer.from(text));
      await Promise.resolve();
    }
    expect(stream.waiting).toEqual([]);
    expect(await writes(stream)).toEqual(["abc"]);
  });

  test("does not wait for what is sent in the next turn", async () => {
    const { box, stream } = outbox();
    box.add(Buffer.from("a"));
    await nextTurn();
    stream.takeAll();
    box.add(Buffer.from("b"));
    expect(await writes(stream)).toEqual(["a", "b"]);
  });

  test("writes at once when 16 KiB are collected", () => {
    const { box, stream } = outbox();
    box.add(Buffer.alloc(16_000));
    expect(stream.waiting).toHaveLength(0);
    box.add(Buffer.alloc(384));
    expect(stream.waiting.map(({ bytes }) => bytes.length)).toEqual([16_384]);
  });

  test("writes what is large at once and without a copy, behind what was collected", () => {
    const { box, stream } = outbox();
    const large = Buffer.alloc(16_384, "x");
    box.add(Buffer.from("small"));
    box.add(large);
    expect(stream.waiting.map(({ bytes }) => bytes.length)).toEqual([5]);
    stream.takeOne();
    expect(stream.waiting[0]?.bytes.buffer).toBe(large.buffer);
  });

  test("writes what stands alone without a copy", () => {
    const { box, stream } = outbox();
    const alone = Buffer.from("alone");
    box.add(alone);
    box.flush();
    expect(stream.waiting[0]?.bytes.buffer).toBe(alone.buffer);
  });

  test("takes any Uint8Array, and only its own part of the memory", async () => {
    const { box, stream } = outbox();
    box.add(new Uint8Array([97, 98, 99, 100]).subarray(1, 3));
    box.add(new Uint8Array([101]));
    expect(await writes(stream)).toEqual(["bce"]);
  });

  test("keeps the order and loses nothing, whatever the sizes and the pace of the peer", async () => {
    const steps = fc.record({
      size: fc.oneof(fc.nat(40), fc.integer({ min: 16_300, max: 16_500 }), fc.constant(70_000)),
      turns: fc.nat(2),
      takes: fc.nat(3),
      waits: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(steps, { maxLength: 20 }),
        fc.integer({ min: 1, max: 100_000 }),
        async (plan, highWaterMark) => {
          const { box, stream } = outbox(highWaterMark);
          const sent: Buffer[] = [];
          for (const [index, { size, turns, takes, waits }] of plan.entries()) {
            const bytes = Buffer.alloc(size, index);
            sent.push(bytes);
            const room = box.add(bytes);
            if (waits && room !== undefined) {
              stream.takeAll();
              await Promise.all([room, takeWhile(stream, room)]);
            }
            for (let turn = 0; turn < turns; turn++) await nextTurn();
            for (let take = 0; take < takes; take++) stream.takeOne();
          }
          const drained = box.drain();
          await takeWhile(stream, drained);
          await drained;
          for (let turn = 0; turn < 50; turn++) {
            stream.takeAll();
            await nextTurn();
          }
          expect(Buffer.concat(stream.taken).equals(Buffer.concat(sent))).toBe(true);
        },
      ),
      { numRuns: 60 },
    );
  });

  test("answers with a promise while the high-water mark is pending, and with nothing when there is room again", async () => {
    const { box, stream } = outbox(20_000);
    expect(box.add(Buffer.alloc(16_384))).toBeUndefined();
    const room = box.add(Buffer.alloc(16_384));
    expect(room).toBeInstanceOf(Promise);
    let free = false;
    void room?.then(() => (free = true));
    await nextTurn();
    expect(free).toBe(false);
    expect(box.add(Buffer.from("more"))).toBeInstanceOf(Promise);
    while (stream.takeOne()) await nextTurn();
    await room;
    expect(box.add(Buffer.from("more"))).toBeUndefined();
  });

  test("counts what it has collected: there is no room while the high-water mark is pending", async () => {
    const { box, stream } = outbox(1_000);
    const room = box.add(Buffer.alloc(2_000));
    await nextTurn();
    expect(stream.waiting.map(({ bytes }) => bytes.length)).toEqual([1_000]);
    expect(room).toBeInstanceOf(Promise);
  });

  test("releases everyone who waits for room", async () => {
    const { box, stream } = outbox(20_000);
    const rooms = [16_384, 16_384, 16_384, 10].map((size) => box.add(Buffer.alloc(size)));
    await nextTurn();
    await takeWhile(stream, Promise.all(rooms));
    await Promise.all(rooms);
    expect(Buffer.concat(stream.taken)).toHaveLength(3 * 16_384 + 10);
  });

  test("keeps nothing of messages without bytes", async () => {
    const { box } = outbox();
    const empty = new WeakRef(emptyBytes());
    box.add(empty.deref() as Uint8Array);
    await nextTurn();
    collectGarbage();
    expect(empty.deref()).toBeUndefined();
    box.flush();
  });

  test("throws at once what ended the connection", async () => {
    const { box, connection } = outbox();
    connection.abort();
    expect(() => box.add(Buffer.from("x"))).toThrow(
      expect.objectContaining({ code: "ERR_SOCKETSERVER_CONNECTION_CLOSED" }) as Error,
    );
    await connection.closed;
    expect(() => box.add(Buffer.from("x"))).toThrow(/Cannot use connection/);
  });

  test("throws at the next call why what was collected could not leave", async () => {
    const { box, stream, connection } = outbox();
    connection.shutdown("write");
    expect(box.add(Buffer.from("lost"))).toBeUndefined();
    await nextTurn();
    const failure = expect.objectContaining({ code: "ERR_SOCKETSERVER_WRITE_AFTER_END" }) as Error;
    expect(() => box.add(Buffer.from("next"))).toThrow(failure);
    await expect(box.drain()).rejects.toThrow(failure);
    expect(stream.taken).toEqual([]);
  });

  test("rejects whoever waits for room when the connection is cut", async () => {
    const { box, connection } = outbox(1);
    const rooms = [16_384, 1].map((size) => box.add(Buffer.alloc(size)));
    const rejected = rooms.map((room) =>
      expect(room).rejects.toMatchObject({ code: "ERR_SOCKETSERVER_CONNECTION_CLOSED" }),
    );
    connection.abort();
    await Promise.all(rejected);
  });
});

describe("Outbox.flush()", () => {
  test("writes what was collected at once, and nothing twice", async () => {
    const { box, stream } = outbox();
    box.add(Buffer.from("a"));
    box.add(Buffer.from("b"));
    box.flush();
    expect(stream.waiting.map(({ bytes }) => String(bytes))).toEqual(["ab"]);
    stream.takeAll();
    box.flush();
    expect(await writes(stream)).toEqual(["ab"]);
  });

  test("does nothing without anything collected", async () => {
    const { box, stream } = outbox();
    box.flush();
    expect(await writes(stream)).toEqual([]);
  });

  test("never throws", () => {
    const { box, connection } = outbox();
    box.add(Buffer.from("lost"));
    connection.abort();
    expect(() => box.flush()).not.toThrow();
  });
});

describe("Outbox.drain()", () => {
  test("writes what was collected, and resolves when there is room", async () => {
    const { box, stream } = outbox(10);
    box.add(Buffer.alloc(30, "x"));
    let drained = false;
    const draining = box.drain().then(() => (drained = true));
    await nextTurn();
    expect(drained).toBe(false);
    await takeWhile(stream, draining);
    expect(drained).toBe(true);
  });

  test("rejects with what ended the connection before it could leave", async () => {
    const { box, connection } = outbox();
    box.add(Buffer.from("lost"));
    connection.abort();
    await expect(box.drain()).rejects.toMatchObject({ code: "ERR_SOCKETSERVER_CONNECTION_CLOSED" });
  });

  test("resolves over a connection that nothing was sent on, although it is closed", async () => {
    const connection = new Connection(duplexPair()[0]);
    connection.abort();
    await expect(new Outbox(connection).drain()).resolves.toBeUndefined();
  });
});

/** The far end takes what comes until the promise is settled. */
async function takeWhile(stream: StalledDuplex, pending: Promise<unknown>): Promise<void> {
  let settled = false;
  const settle = (): void => {
    settled = true;
  };
  pending.then(settle, settle);
  while (!settled) {
    stream.takeAll();
    await nextTurn();
  }
}

/** Made in a function of its own, so that nothing but what is tested keeps it. */
function emptyBytes(): Uint8Array {
  return new Uint8Array(0);
}
