import { setImmediate as nextTurn } from "node:timers/promises";

import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { collectGarbage } from "../../test/support/collect-garbage.ts";
import { settled } from "../../test/support/settled.ts";
import { StalledDuplex } from "../../test/support/stalled-duplex.ts";
import { Outbound } from "./outbound.ts";

/** An outbound, and the writes that come out of it. */
function outboundOf(highWaterMark = 65_536): { outbound: Outbound; stream: StalledDuplex } {
  const stream = new StalledDuplex();
  const onStall = (): void => {
    throw new Error("stalled");
  };
  return { outbound: new Outbound(stream, highWaterMark, Infinity, onStall), stream };
}

/** The writes that have come to the far end and wait there. */
function waiting(stream: StalledDuplex): string[] {
  return stream.waiting.map(({ bytes }) => String(bytes));
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

/** The far end takes everything until nothing is pending. */
async function takeEverything(stream: StalledDuplex, outbound: Outbound): Promise<void> {
  while (outbound.pending > 0) {
    stream.takeAll();
    await nextTurn();
  }
}

describe("Outbound.writeSoon()", () => {
  test("collects what is written at once, and writes it on the next tick", async () => {
    const { outbound, stream } = outboundOf();
    for (const text of ["a", "b", "c"]) expect(outbound.writeSoon(Buffer.from(text))).toBe(true);
    expect(waiting(stream)).toEqual([]);
    await new Promise<void>((resolve) => {
      process.nextTick(resolve);
    });
    expect(waiting(stream)).toEqual(["abc"]);
    expect(await writes(stream)).toEqual(["abc"]);
  });

  test("collects over promises that wait for nothing", async () => {
    const { outbound, stream } = outboundOf();
    for (const text of ["a", "b", "c"]) {
      outbound.writeSoon(Buffer.from(text));
      await Promise.resolve();
    }
    expect(waiting(stream)).toEqual([]);
    expect(await writes(stream)).toEqual(["abc"]);
  });

  test("does not wait for what is written in the next turn", async () => {
    const { outbound, stream } = outboundOf();
    outbound.writeSoon(Buffer.from("a"));
    await nextTurn();
    stream.takeAll();
    outbound.writeSoon(Buffer.from("b"));
    expect(await writes(stream)).toEqual(["a", "b"]);
  });

  test("collects anew after something else made it write", async () => {
    const { outbound, stream } = outboundOf();
    outbound.writeSoon(Buffer.from("a"));
    outbound.write(Buffer.from("b"));
    stream.takeAll();
    outbound.writeSoon(Buffer.from("c"));
    outbound.writeSoon(Buffer.from("d"));
    expect(waiting(stream)).toEqual([]);
    expect(await writes(stream)).toEqual(["a", "b", "cd"]);
  });

  test("writes at once when 16 KiB are collected", () => {
    const { outbound, stream } = outboundOf();
    outbound.writeSoon(Buffer.alloc(16_000));
    expect(stream.waiting).toHaveLength(0);
    outbound.writeSoon(Buffer.alloc(384));
    expect(stream.waiting.map(({ bytes }) => bytes.length)).toEqual([16_384]);
  });

  test("writes what is large at once and without a copy, behind what was collected", () => {
    const { outbound, stream } = outboundOf();
    const large = Buffer.alloc(16_384, "x");
    outbound.writeSoon(Buffer.from("small"));
    outbound.writeSoon(large);
    expect(waiting(stream)).toEqual(["small"]);
    stream.takeOne();
    expect(stream.waiting[0]?.bytes.buffer).toBe(large.buffer);
  });

  test("writes what stands alone without a copy", async () => {
    const { outbound, stream } = outboundOf();
    // Memory of its own: small buffers share theirs with the copies that are made of them.
    const alone = Buffer.alloc(5, "x");
    outbound.writeSoon(alone);
    await nextTurn();
    expect(waiting(stream)).toEqual(["xxxxx"]);
    expect(stream.waiting[0]?.bytes.buffer).toBe(alone.buffer);
  });

  test("takes any Uint8Array, and only its own part of the memory", async () => {
    const { outbound, stream } = outboundOf();
    outbound.writeSoon(new Uint8Array([97, 98, 99, 100]).subarray(1, 3));
    outbound.writeSoon(new Uint8Array([101]));
    expect(await writes(stream)).toEqual(["bce"]);
  });

  test("keeps nothing of data without bytes, and writes nothing for it", async () => {
    const { outbound, stream } = outboundOf();
    const empty = new WeakRef(emptyBytes());
    expect(outbound.writeSoon(empty.deref() as Buffer)).toBe(true);
    await nextTurn();
    collectGarbage();
    expect(empty.deref()).toBeUndefined();
    expect(await writes(stream)).toEqual([]);
  });

  test("is pending, but not written, while it is collected", async () => {
    const { outbound, stream } = outboundOf();
    outbound.writeSoon(Buffer.from("four"));
    expect([outbound.pending, outbound.bytesWritten]).toEqual([4, 0]);
    await nextTurn();
    expect([outbound.pending, outbound.bytesWritten]).toEqual([4, 4]);
    stream.takeAll();
    expect([outbound.pending, outbound.bytesWritten]).toEqual([0, 4]);
  });

  test("answers whether less than the mark is pending, with what is collected", () => {
    const { outbound } = outboundOf(10);
    expect(outbound.writeSoon(Buffer.alloc(5))).toBe(true);
    expect(outbound.writeSoon(Buffer.alloc(4))).toBe(true);
    expect(outbound.writeSoon(Buffer.alloc(0))).toBe(true);
    expect(outbound.writeSoon(Buffer.alloc(1))).toBe(false);
    expect(outbound.writeSoon(Buffer.alloc(0))).toBe(false);
  });

  test("gives the transport no more than a mark at a time of what was collected", async () => {
    const { outbound, stream } = outboundOf(1_000);
    for (let count = 0; count < 4; count++) outbound.writeSoon(Buffer.alloc(600));
    await nextTurn();
    expect(stream.waiting.map(({ bytes }) => bytes.length)).toEqual([1_000]);
    expect([outbound.pending, stream.writableLength]).toEqual([2_400, 1_000]);
  });

  test("keeps the order and loses nothing, whatever the sizes, the ways to write and the pace of the peer", async () => {
    const steps = fc.record({
      size: fc.oneof(fc.nat(40), fc.integer({ min: 16_300, max: 16_500 }), fc.constant(70_000)),
      soon: fc.integer({ min: 0, max: 3 }).map((choice) => choice > 0),
      turns: fc.nat(2),
      takes: fc.nat(3),
    });
    const marks = fc.integer({ min: 1, max: 100_000 });
    await fc.assert(
      fc.asyncProperty(fc.array(steps, { maxLength: 20 }), marks, async (plan, highWaterMark) => {
        const { outbound, stream } = outboundOf(highWaterMark);
        const sent: Buffer[] = [];
        for (const [index, { size, soon, turns, takes }] of plan.entries()) {
          const bytes = Buffer.alloc(size, index);
          sent.push(bytes);
          const room = soon ? outbound.writeSoon(bytes) : outbound.write(bytes);
          expect(outbound.pending).toBe(total(sent) - total(stream.taken));
          expect(room).toBe(outbound.pending < highWaterMark);
          for (let turn = 0; turn < turns; turn++) await nextTurn();
          for (let take = 0; take < takes; take++) stream.takeOne();
        }
        outbound.end();
        await takeEverything(stream, outbound);
        await nextTurn();
        expect(Buffer.concat(stream.taken).equals(Buffer.concat(sent))).toBe(true);
        expect(outbound.bytesWritten).toBe(total(sent));
        expect(stream.finished).toBe(true);
      }),
      { numRuns: 100 },
    );
  });
});

describe("Outbound.write(), after writeSoon()", () => {
  test.each([1, 100_000])("writes what was collected first: %d bytes", async (size) => {
    const { outbound, stream } = outboundOf();
    outbound.writeSoon(Buffer.from("a"));
    outbound.writeSoon(Buffer.from("b"));
    outbound.write(Buffer.alloc(size, "x"));
    expect(waiting(stream)).toEqual(["ab"]);
    await takeEverything(stream, outbound);
    expect(Buffer.concat(stream.taken).toString()).toBe(`ab${"x".repeat(size)}`);
  });

  test("without bytes writes what was collected, and nothing twice", async () => {
    const { outbound, stream } = outboundOf();
    outbound.writeSoon(Buffer.from("a"));
    outbound.writeSoon(Buffer.from("b"));
    expect(outbound.write(Buffer.alloc(0))).toBe(true);
    expect(waiting(stream)).toEqual(["ab"]);
    expect(await writes(stream)).toEqual(["ab"]);
  });
});

describe("Outbound.ready(), after writeSoon()", () => {
  test("resolves at once below the mark", async () => {
    const { outbound } = outboundOf(10);
    outbound.writeSoon(Buffer.alloc(9));
    expect(await settled(outbound.ready())).toBe(true);
  });

  test("waits for what is collected alone", async () => {
    const { outbound, stream } = outboundOf(10);
    outbound.writeSoon(Buffer.alloc(10));
    const ready = outbound.ready();
    expect(await settled(ready)).toBe(false);
    expect(stream.takeOne()).toBe(true);
    expect(await settled(ready)).toBe(true);
  });

  test("releases every waiting writer", async () => {
    const { outbound, stream } = outboundOf(20_000);
    const writers = [16_384, 16_384, 16_384, 10].map((size) => {
      outbound.writeSoon(Buffer.alloc(size));
      return outbound.ready();
    });
    const released = Promise.all(writers);
    expect(await settled(released)).toBe(false);
    while (!(await settled(released))) expect(stream.takeOne()).toBe(true);
    expect(outbound.pending).toBeLessThan(20_000);
  });
});

describe("Outbound.end(), after writeSoon()", () => {
  test.each([
    ["little", "ab"],
    ["more than the mark", "x".repeat(5_000)],
  ])("comes after what was collected: %s", async (_what, text) => {
    const { outbound, stream } = outboundOf(1_000);
    outbound.writeSoon(Buffer.from(text.slice(0, 1)));
    outbound.writeSoon(Buffer.from(text.slice(1)));
    outbound.end();
    await nextTurn();
    expect(stream.finished).toBe(false);
    await takeEverything(stream, outbound);
    await nextTurn();
    expect(Buffer.concat(stream.taken).toString()).toBe(text);
    expect(stream.finished).toBe(true);
  });

  test("makes the next one throw, and what is large or empty, too", () => {
    const { outbound } = outboundOf();
    outbound.end();
    for (const size of [1, 0, 16_384]) {
      expect(() => outbound.writeSoon(Buffer.alloc(size)), `${size} bytes`).toThrow(
        expect.objectContaining({ code: "ERR_SOCKETSERVER_WRITE_AFTER_END" }) as Error,
      );
    }
    expect(outbound.pending).toBe(0);
  });
});

describe("Outbound.fail(), after writeSoon()", () => {
  const failure = new Error("reset");

  test("drops what was collected, and the next one throws", async () => {
    const { outbound, stream } = outboundOf();
    outbound.writeSoon(Buffer.from("lost"));
    outbound.fail(failure);
    expect(outbound.pending).toBe(0);
    for (const size of [1, 0, 16_384]) expect(() => outbound.writeSoon(Buffer.alloc(size))).toThrow(failure);
    expect(await writes(stream)).toEqual([]);
    expect(outbound.bytesWritten).toBe(0);
  });

  test("does not end the stream with what was collected before", async () => {
    const { outbound, stream } = outboundOf();
    outbound.writeSoon(Buffer.from("lost"));
    outbound.fail(failure);
    outbound.end();
    await nextTurn();
    expect(await writes(stream)).toEqual([]);
  });

  test("rejects those who wait for what was collected", async () => {
    const { outbound } = outboundOf(1);
    const writers = [1, 16_384].map((size) => {
      outbound.writeSoon(Buffer.alloc(size));
      return expect(outbound.ready()).rejects.toBe(failure);
    });
    outbound.fail(failure);
    await Promise.all(writers);
  });
});

describe("Outbound: a peer that stalls after writeSoon()", () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setImmediate", "performance"] });
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  function watched(): { stream: StalledDuplex; outbound: Outbound; onStall: ReturnType<typeof vi.fn<() => void>> } {
    const stream = new StalledDuplex();
    const onStall = vi.fn<() => void>();
    return { stream, outbound: new Outbound(stream, 10, 1_000, onStall), onStall };
  }

  test.each([1, 100])("is noticed after writeStallMs, not before: %d bytes", async (size) => {
    const { outbound, onStall } = watched();
    outbound.writeSoon(Buffer.alloc(size));
    await vi.advanceTimersByTimeAsync(990);
    expect(onStall).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(300);
    expect(onStall).toHaveBeenCalledTimes(1);
  });

  test("is noticed although our side ended, or writes more and more", async () => {
    for (const goOn of [
      (outbound: Outbound) => outbound.end(),
      (outbound: Outbound) => outbound.writeSoon(Buffer.alloc(1)),
    ]) {
      const { outbound, onStall } = watched();
      outbound.writeSoon(Buffer.alloc(1));
      goOn(outbound);
      for (let time = 0; time < 5; time++) {
        await vi.advanceTimersByTimeAsync(260);
        if (!outbound.ending) goOn(outbound);
      }
      expect(onStall).toHaveBeenCalledTimes(1);
      outbound.fail(new Error("cut"));
    }
  });

  test("is not suspected where the peer takes what comes", async () => {
    const { stream, outbound, onStall } = watched();
    for (let time = 0; time < 20; time++) {
      outbound.writeSoon(Buffer.alloc(3));
      await nextTurn();
      stream.takeAll();
      await vi.advanceTimersByTimeAsync(300);
    }
    expect(onStall).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("leaves no timer after a failure", async () => {
    const { outbound } = watched();
    outbound.writeSoon(Buffer.alloc(5));
    outbound.fail(new Error("reset"));
    await nextTurn();
    expect(vi.getTimerCount()).toBe(0);
  });
});

function total(pieces: readonly Uint8Array[]): number {
  return pieces.reduce((sum, { length }) => sum + length, 0);
}

/** Made in a function of its own, so that nothing but what is tested keeps it. */
function emptyBytes(): Buffer {
  return Buffer.from(new ArrayBuffer(0));
}
