import { setImmediate as nextTurn } from "node:timers/promises";

import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { settled } from "../../test/support/settled.ts";
import { StalledDuplex } from "../../test/support/stalled-duplex.ts";
import { Outbound } from "./outbound.ts";

function outboundTo(stream: StalledDuplex, highWaterMark: number): Outbound {
  return new Outbound(stream, highWaterMark, Infinity, () => {
    throw new Error("stalled");
  });
}

describe("Outbound.write()", () => {
  test("answers whether less than the mark is pending", () => {
    const outbound = outboundTo(new StalledDuplex(), 10);
    expect(outbound.write(Buffer.alloc(9))).toBe(true);
    expect(outbound.write(Buffer.alloc(1))).toBe(false);
    expect(outbound.pending).toBe(10);
  });

  test("gives the transport no more than a mark at a time of one huge write", () => {
    const stream = new StalledDuplex();
    const outbound = outboundTo(stream, 10);
    outbound.write(Buffer.alloc(1_000_000));
    expect(outbound.bytesWritten).toBe(10);
    expect(outbound.pending).toBe(1_000_000);
    expect(stream.writableLength).toBe(10);
  });

  test("sends bytes in order, whatever their sizes and the pace of the peer", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ size: fc.nat(40), takes: fc.nat(3) }), { maxLength: 20 }),
        fc.integer({ min: 1, max: 16 }),
        async (steps, highWaterMark) => {
          const stream = new StalledDuplex();
          const outbound = outboundTo(stream, highWaterMark);
          const sent: Buffer[] = [];
          for (const [index, { size, takes }] of steps.entries()) {
            const bytes = Buffer.alloc(size, index);
            sent.push(bytes);
            outbound.write(bytes);
            for (let take = 0; take < takes; take++) stream.takeOne();
            expect(stream.writableLength).toBeLessThan(2 * highWaterMark);
          }
          outbound.end();
          while (outbound.pending > 0) {
            stream.takeAll();
            await nextTurn();
          }
          expect(Buffer.concat(stream.taken)).toEqual(Buffer.concat(sent));
          expect(outbound.bytesWritten).toBe(Buffer.concat(sent).length);
          expect(stream.writableEnded).toBe(true);
        },
      ),
      { numRuns: 150 },
    );
  });

  test("takes any Uint8Array, and only its own part of the memory", async () => {
    const stream = new StalledDuplex();
    const outbound = outboundTo(stream, 10);
    outbound.write(new Uint8Array([1, 2, 3, 4]).subarray(1, 3));
    stream.takeAll();
    expect(Buffer.concat(stream.taken)).toEqual(Buffer.from([2, 3]));
  });

  test("takes an empty write at its word", () => {
    const stream = new StalledDuplex();
    const outbound = outboundTo(stream, 10);
    expect(outbound.write(Buffer.alloc(0))).toBe(true);
    expect(stream.waiting).toEqual([]);
  });

  test("throws after the end", () => {
    const outbound = outboundTo(new StalledDuplex(), 10);
    outbound.end();
    expect(() => outbound.write(Buffer.from("x"))).toThrow(
      expect.objectContaining({ code: "ERR_SOCKETSERVER_WRITE_AFTER_END" }) as Error,
    );
  });

  test("throws the failure", () => {
    const outbound = outboundTo(new StalledDuplex(), 10);
    const failure = new Error("reset");
    outbound.fail(failure);
    expect(() => outbound.write(Buffer.from("x"))).toThrow(failure);
    expect(outbound.pending).toBe(0);
  });
});

describe("Outbound.ready()", () => {
  test("resolves at once below the mark", async () => {
    const outbound = outboundTo(new StalledDuplex(), 10);
    outbound.write(Buffer.alloc(9));
    expect(await settled(outbound.ready())).toBe(true);
  });

  test("waits until less than the mark is pending, although the stream's own mark is smaller", async () => {
    const stream = new StalledDuplex();
    const outbound = outboundTo(stream, 10);
    outbound.write(Buffer.alloc(6));
    outbound.write(Buffer.alloc(6));
    const ready = outbound.ready();
    expect(await settled(ready)).toBe(false);
    stream.takeOne();
    expect(await settled(ready)).toBe(true);
  });

  test("releases every waiting writer", async () => {
    const stream = new StalledDuplex();
    const outbound = outboundTo(stream, 10);
    outbound.write(Buffer.alloc(30));
    const writers = Promise.all([outbound.ready(), outbound.ready()]);
    while (!(await settled(writers))) expect(stream.takeOne()).toBe(true);
    expect(outbound.pending).toBeLessThan(10);
  });

  test("rejects with the failure, also for those who wait", async () => {
    const outbound = outboundTo(new StalledDuplex(), 10);
    outbound.write(Buffer.alloc(30));
    const waiting = outbound.ready();
    const failure = new Error("reset");
    outbound.fail(failure);
    await expect(waiting).rejects.toBe(failure);
    await expect(outbound.ready()).rejects.toBe(failure);
  });
});

describe("Outbound.end()", () => {
  test("comes after everything that is pending", async () => {
    const stream = new StalledDuplex();
    const outbound = outboundTo(stream, 10);
    outbound.write(Buffer.alloc(25));
    outbound.end();
    outbound.end();
    expect(outbound.ending).toBe(true);
    await nextTurn();
    expect(stream.finished).toBe(false);
    while (outbound.pending > 0) {
      stream.takeAll();
      await nextTurn();
    }
    expect(Buffer.concat(stream.taken).length).toBe(25);
    expect(stream.finished).toBe(true);
  });

  test("does nothing after a failure: what was cut off does not look whole", async () => {
    const stream = new StalledDuplex();
    const outbound = outboundTo(stream, 10);
    outbound.fail(new Error("cut"));
    outbound.end();
    await nextTurn();
    expect(stream.writableEnded).toBe(false);
  });
});

describe("Outbound.bytesWritten", () => {
  test("does not count what was still in the backlog when the stream was destroyed", async () => {
    const stream = new StalledDuplex();
    const outbound = outboundTo(stream, 10);
    outbound.write(Buffer.alloc(6));
    outbound.write(Buffer.alloc(6));
    outbound.write(Buffer.alloc(10_000));
    stream.on("error", () => {});
    stream.destroy();
    await nextTurn();
    expect(outbound.bytesWritten).toBe(12);
  });
});

describe("Outbound: a stalled peer", () => {
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

  test("is noticed after writeStallMs, not before", async () => {
    const { outbound, onStall } = watched();
    outbound.write(Buffer.alloc(1));
    await vi.advanceTimersByTimeAsync(990);
    expect(onStall).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(300);
    expect(onStall).toHaveBeenCalledTimes(1);
  });

  test("is noticed although our side ended", async () => {
    const { outbound, onStall } = watched();
    outbound.write(Buffer.alloc(100));
    outbound.end();
    await vi.advanceTimersByTimeAsync(1_300);
    expect(onStall).toHaveBeenCalledTimes(1);
  });

  test("is told from a slow one, which takes a little in each writeStallMs", async () => {
    const { stream, outbound, onStall } = watched();
    outbound.write(Buffer.alloc(100));
    for (let slice = 0; slice < 9; slice++) {
      await vi.advanceTimersByTimeAsync(800);
      stream.takeOne();
      await nextTurn();
    }
    expect(onStall).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1_300);
    expect(onStall).toHaveBeenCalledTimes(1);
  });

  test("is not suspected while nothing is pending", async () => {
    const { stream, outbound, onStall } = watched();
    outbound.write(Buffer.alloc(5));
    stream.takeAll();
    await nextTurn();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(vi.getTimerCount()).toBe(0);
    outbound.write(Buffer.alloc(5));
    await vi.advanceTimersByTimeAsync(900);
    expect(onStall).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(400);
    expect(onStall).toHaveBeenCalledTimes(1);
  });

  test("leaves no timer after a failure", () => {
    const { outbound } = watched();
    outbound.write(Buffer.alloc(5));
    outbound.fail(new Error("reset"));
    expect(vi.getTimerCount()).toBe(0);
  });
});
