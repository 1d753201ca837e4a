import { once } from "node:events";
import { connect, type AddressInfo, createServer, type Socket } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";

import { afterEach, beforeEach, describe, expect, test, vi, type MockInstance } from "vitest";

import { eventually } from "../../test/support/eventually.ts";
import { SeededRandom } from "../../test/support/seeded-random.ts";
import { settled } from "../../test/support/settled.ts";
import { soon } from "../../test/support/soon.ts";
import { socketPair, type SocketPair } from "../../test/support/socket-pair.ts";
import { Outbound } from "./outbound.ts";

const MARK = 65_536;

/** Small enough to be called back for only if the kernel does not take it at once, in bytes. */
const SMALL = 16_000;

function outboundTo(stream: Socket, mark = MARK): Outbound {
  const onSlow = (): void => {
    throw new Error("stalled");
  };
  return new Outbound(stream, mark, Infinity, onSlow);
}

/** Write until the kernel takes no more and as much as the mark waits here; answers the bytes. The other end must not read. */
async function fill(outbound: Outbound): Promise<number> {
  let written = 0;
  for (let stuck = 0; stuck < 3;) {
    while (outbound.write(Buffer.alloc(SMALL, `${written},`))) written += SMALL;
    written += SMALL;
    // What leaves in a few turns still had room.
    const { pending } = outbound;
    await nextTurn();
    stuck = outbound.pending === pending ? stuck + 1 : 0;
  }
  return written;
}

function received(socket: Socket): Buffer[] {
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  return chunks;
}

function callbacks(write: MockInstance<Socket["write"]>): number {
  return write.mock.calls.filter((args: readonly unknown[]) => args.some((arg) => typeof arg === "function")).length;
}

describe("Outbound over a plain socket", () => {
  let pair: SocketPair;

  beforeEach(async () => {
    pair = await socketPair();
  });

  afterEach(async () => {
    await pair[Symbol.asyncDispose]();
  });

  test("is not called back for a small write that the kernel takes at once", async () => {
    const write = vi.spyOn(pair.server, "write");
    const outbound = outboundTo(pair.server);
    for (let count = 1; count <= 10; count++) {
      expect(outbound.write(Buffer.from("small"))).toBe(true);
      // It has left when this returns.
      expect([write.mock.calls.length, outbound.pending]).toEqual([count, 0]);
    }
    expect(callbacks(write)).toBe(0);
    const chunks = received(pair.client);
    await eventually(() => expect(String(Buffer.concat(chunks))).toBe("small".repeat(10)));
  });

  test("lets go of whoever waits for what was collected, and tells that it left, although the kernel takes it at once", async () => {
    const outbound = outboundTo(pair.server, 8_192);
    const left: number[] = [];
    outbound.onLeft = () => left.push(outbound.pending);
    expect(outbound.writeSoon(Buffer.alloc(10_000))).toBe(false);
    await soon(outbound.ready());
    expect(left).toEqual([0]);
  });

  test("lets go of whoever waits for what was collected when something else has made it leave", async () => {
    const outbound = outboundTo(pair.server, 8_192);
    expect(outbound.writeSoon(Buffer.alloc(10_000))).toBe(false);
    const ready = outbound.ready();
    expect(outbound.write(Buffer.alloc(1))).toBe(true);
    await soon(ready);
    expect(outbound.pending).toBe(0);
  });

  test("is called back for a large one, which leaves at its own pace", async () => {
    const write = vi.spyOn(pair.server, "write");
    const outbound = outboundTo(pair.server);
    const onLeft = vi.fn();
    outbound.onLeft = onLeft;
    outbound.write(Buffer.alloc(SMALL + 384));
    expect(callbacks(write)).toBe(1);
    await eventually(() => expect(onLeft).toHaveBeenCalledTimes(1));
  });

  test("is told when small writes leave that the kernel did not take at once", async () => {
    const write = vi.spyOn(pair.server, "write");
    const outbound = outboundTo(pair.server);
    const total = await fill(outbound);
    expect(outbound.pending).toBeGreaterThanOrEqual(MARK);
    expect(callbacks(write)).toBeGreaterThan(0);
    const onLeft = vi.fn();
    outbound.onLeft = onLeft;
    const waiters = [outbound.ready(), outbound.ready()];
    for (const waiter of waiters) expect(await settled(waiter)).toBe(false);
    const chunks = received(pair.client);
    await Promise.all(waiters);
    expect(outbound.pending).toBeLessThan(MARK);
    expect(onLeft).toHaveBeenCalled();
    await eventually(() => expect(outbound.pending).toBe(0));
    await eventually(() => expect(Buffer.concat(chunks)).toHaveLength(total));
  });

  test("is told of the only small write that the kernel did not take at once", async () => {
    // With so low a mark the transport holds one at a time: nothing else would call back.
    const outbound = outboundTo(pair.server, SMALL);
    const total = await fill(outbound);
    outbound.write(Buffer.from("backlog"));
    expect(outbound.pending).toBeGreaterThan(pair.server.writableLength);
    const ready = outbound.ready();
    expect(await settled(ready)).toBe(false);
    const chunks = received(pair.client);
    await ready;
    await eventually(() => expect(Buffer.concat(chunks)).toHaveLength(total + "backlog".length));
  });

  test("takes a write that failed for none that has left", async () => {
    const outbound = outboundTo(pair.server);
    const onLeft = vi.fn();
    const total = await fill(outbound);
    outbound.write(Buffer.alloc(10 * MARK));
    const before = outbound.bytesWritten;
    const ready = outbound.ready();
    outbound.onLeft = onLeft;
    pair.server.on("error", (error) => outbound.fail(error));
    pair.client.resetAndDestroy();
    await expect(ready).rejects.toMatchObject({ code: expect.stringMatching(/^(ECONNRESET|EPIPE)$/) as string });
    expect(onLeft).not.toHaveBeenCalled();
    expect([before, outbound.bytesWritten]).toEqual([before, before]);
    expect(before).toBeLessThan(total + 10 * MARK);
  });

  test("hands over its backlog when the last small write leaves, and ends after it", async () => {
    const outbound = outboundTo(pair.server);
    let total = await fill(outbound);
    for (let count = 0; count < 100; count++) {
      outbound.write(Buffer.alloc(SMALL, "backlog"));
      total += SMALL;
    }
    outbound.end();
    expect(outbound.pending).toBeGreaterThan(90 * SMALL);
    expect(pair.server.writableLength).toBeLessThan(2 * MARK);
    expect(pair.server.writableEnded).toBe(false);
    const chunks = received(pair.client);
    await once(pair.client, "end");
    expect(Buffer.concat(chunks)).toHaveLength(total);
    expect(outbound.bytesWritten).toBe(total);
  });

  test("sends what is written before the socket is connected", async () => {
    const listener = createServer((socket) => socket.pipe(socket));
    await once(listener.listen({ host: "127.0.0.1", port: 0 }), "listening");
    const client = connect({ host: "127.0.0.1", port: (listener.address() as AddressInfo).port });
    const outbound = outboundTo(client);
    const onLeft = vi.fn();
    outbound.onLeft = onLeft;
    outbound.write(Buffer.from("early "));
    outbound.write(Buffer.from("bird"));
    expect(outbound.pending).toBe(10);
    const chunks = received(client);
    outbound.end();
    await once(client, "end");
    expect(String(Buffer.concat(chunks))).toBe("early bird");
    expect([outbound.pending, onLeft.mock.calls.length > 0]).toEqual([0, true]);
    listener.close();
  });

  test.each([1, 2, 3])(
    "keeps the order and loses nothing, whatever the sizes and the pace of the peer: %d",
    async (seed) => {
      const random = new SeededRandom(seed);
      const outbound = outboundTo(pair.server);
      const sent: Buffer[] = [];
      const chunks = received(pair.client);
      for (let count = 0; count < 300; count++) {
        const largest = random.pick([0, 10, 1_000, SMALL, SMALL + 1_000, 300_000]);
        const bytes = Buffer.alloc(random.integer(0, largest), `${seed} ${count};`);
        sent.push(bytes);
        const goOn = random.next() < 0.5 ? outbound.write(bytes) : outbound.writeSoon(bytes);
        if (random.next() < 0.1) pair.client.pause();
        if (random.next() < 0.1) await nextTurn();
        if (random.next() < 0.1) pair.client.resume();
        if (goOn) continue;
        pair.client.resume();
        if (random.next() < 0.5) await outbound.ready();
      }
      pair.client.resume();
      outbound.end();
      await once(pair.client, "end");
      expect(Buffer.concat(chunks).equals(Buffer.concat(sent))).toBe(true);
      await eventually(() => expect(outbound.pending).toBe(0));
    },
  );
});

describe("Outbound over a stream of another class", () => {
  test("is called back for each write, because nothing is known of how that works", async () => {
    await using pair = await socketPair();
    Object.setPrototypeOf(pair.server, Object.create(Object.getPrototypeOf(pair.server) as object) as object);
    const write = vi.spyOn(pair.server, "write");
    const outbound = outboundTo(pair.server);
    const onLeft = vi.fn();
    outbound.onLeft = onLeft;
    for (const text of ["a", "b", "c"]) outbound.write(Buffer.from(text));
    expect(callbacks(write)).toBe(3);
    await eventually(() => expect(onLeft).toHaveBeenCalledTimes(3));
  });
});
