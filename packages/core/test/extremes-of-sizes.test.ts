/**
 * Limits of sizes at 0, 1 and Infinity, on running servers: each does what its option says.
 */
import { AsyncTCPServer, AsyncUDPServer, ThreadingUDPServer } from "@socketserver/core";
import { dial, leakCheck, serve, talk, talkDatagram, type AnyServerClass } from "@socketserver/testing";
import { beforeEach, describe, expect, test } from "vitest";

import { STREAM_CELLS, serveIn } from "./conformance/matrix.ts";
import { EchoAllHandler } from "./fixtures/closing-handlers.ts";
import { ClockedHandler, LateHandler } from "./fixtures/clocked-handlers.ts";
import { PacketLengthHandler } from "./fixtures/extreme-handlers.ts";
import { ask } from "./support/ask.ts";
import { eventually } from "./support/eventually.ts";
import { SeededRandom } from "./support/seeded-random.ts";
import { sendDatagram } from "./support/send-datagram.ts";
import { soon } from "./support/soon.ts";

/** The most that fits into a datagram of IPv4. */
const LARGEST_PACKET = 65_507;

const MEBIBYTE = 1_048_576;

const random = new SeededRandom(1);
const BODY = Buffer.from(Array.from({ length: MEBIBYTE }, () => random.integer(0, 255)));

beforeEach(() => leakCheck());

describe.each(STREAM_CELLS)("highWaterMark of $name", (cell) => {
  test.each([0, 1, Infinity])("%d: a mebibyte comes back whole", async (highWaterMark) => {
    await using running = await serveIn(cell, EchoAllHandler, { highWaterMark, graceMs: 0 });
    const answer = await soon(talk(running.address, BODY), 10_000);
    expect(answer.equals(BODY)).toBe(true);
    expect(await running.closedCount(1)).toMatchObject([{ bytesRead: MEBIBYTE, bytesWritten: MEBIBYTE }]);
    expect(running.errors).toEqual([]);
  });

  test("0: a first byte that nobody reads yet is seen in time", async () => {
    await using running = await serveIn(cell, LateHandler, { highWaterMark: 0, firstByteTimeoutMs: 150 });
    await using client = await dial(running.address);
    await client.sendAll("early");
    expect(String(await client.recvExactly(5))).toBe("early");
  });
});

describe.each(STREAM_CELLS)("maxBufferedBytes of $name", (cell) => {
  test("0: who sends anything is reset", async () => {
    await using running = await serveIn(cell, ClockedHandler, { maxBufferedBytes: 0 });
    await using client = await dial(running.address);
    await client.sendAll("one byte is too much");
    await soon(client.recv().catch(() => undefined));
    expect(await soon(running.closedCount(1))).toMatchObject([{ reason: "memory" }]);
    expect(running.errors).toEqual([]);
  });

  test("1: a byte may be kept, and two may not", async () => {
    await using running = await serveIn(cell, EchoAllHandler, { maxBufferedBytes: 1 });
    await using client = await dial(running.address);
    for (const letter of ["a", "b"]) {
      await client.sendAll(letter);
      expect(String(await soon(client.recv()))).toBe(letter);
    }
    await client.sendAll("ab");
    expect(await soon(running.closedCount(1))).toMatchObject([{ reason: "memory", bytesRead: 4, bytesWritten: 2 }]);
  });
});

describe.each<[name: string, server: AnyServerClass, workers: object]>([
  ["AsyncUDPServer", AsyncUDPServer, {}],
  ["ThreadingUDPServer", ThreadingUDPServer, { threading: { threads: 1 } }],
])("maxPacketSize of %s", (_name, server, workers) => {
  test.each([0, 1, Infinity])("%d: that much is served, and more is dropped whole", async (maxPacketSize) => {
    await using running = await serve(PacketLengthHandler, { server, options: { ...workers, maxPacketSize } });
    const most = Math.min(maxPacketSize, LARGEST_PACKET);
    expect(await talkDatagram(running.address, Buffer.alloc(most, "x"))).toEqual(Buffer.from(`${most}`));
    if (maxPacketSize === Infinity) return;
    await sendDatagram(running.address, "x".repeat(most + 1));
    await eventually(() => expect(running.drops).toMatchObject([{ reason: "packet-too-big" }]));
    expect(running.requests).toHaveLength(1);
  });
});

describe("requestQueueSize", () => {
  test("0 of a plain server: who comes while it serves is refused, and who comes when it waits is served", async () => {
    await using running = await serve(ClockedHandler, { options: { requestQueueSize: 0 } });
    const first = await dial(running.address);
    expect(await ask(first, "one")).toBe("one");
    await expect(soon(talk(running.address, "two\n"))).rejects.toMatchObject({ code: "ECONNRESET" });
    expect(running.drops).toMatchObject([{ reason: "queue-full" }]);
    await first.close();
    await running.closedCount(1);
    expect(String(await talk(running.address, "three\n"))).toBe("three\n");
  });

  test("1 of a plain server: one may wait, and is served", async () => {
    await using running = await serve(ClockedHandler, { options: { requestQueueSize: 1 } });
    const first = await dial(running.address);
    expect(await ask(first, "one")).toBe("one");
    const waiting = talk(running.address, "two\n");
    await eventually(() => expect(running.server.statistics.waiting).toBe(1));
    await expect(soon(talk(running.address, "three\n"))).rejects.toMatchObject({ code: "ECONNRESET" });
    await first.close();
    expect(String(await soon(waiting))).toBe("two\n");
  });

  test.each([0, 1, Infinity])(
    "%d of a concurrent server: all who come at once are served",
    async (requestQueueSize) => {
      await using running = await serve(ClockedHandler, { server: AsyncTCPServer, options: { requestQueueSize } });
      const answers = await Promise.all(Array.from({ length: 50 }, () => talk(running.address, "together\n")));
      expect(new Set(answers.map(String))).toEqual(new Set(["together\n"]));
      expect(running.drops).toEqual([]);
    },
  );
});
