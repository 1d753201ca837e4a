import { createHash, type Hash } from "node:crypto";
import { once } from "node:events";
import type { Duplex } from "node:stream";
import { setImmediate as nextTurn } from "node:timers/promises";

import { describe, expect, test } from "vitest";

import { collectGarbage } from "../../test/support/collect-garbage.ts";
import { eventually } from "../../test/support/eventually.ts";
import type { RecordingSink } from "../../test/support/recording-sink.ts";
import { someTurns } from "../../test/support/some-turns.ts";
import { sourceOf } from "../../test/support/source-of.ts";
import { STREAM_KINDS } from "../../test/support/stream-kinds.ts";
import type { ChunkSource } from "./chunk-source.ts";

/** More than a stream reads at once, in bytes. */
const CHUNK = 65_536;

const MUCH = 30 * 1_048_576;

/** Write so many bytes that are all different from their neighbours, at the pace of the reader; answers their hash. */
async function writeMuch(peer: Duplex, total: number): Promise<Hash> {
  const hash = createHash("sha1");
  for (let written = 0, index = 0; written < total; index++) {
    const bytes = Buffer.alloc(Math.min(100_003, total - written), `${index},`);
    hash.update(bytes);
    written += bytes.length;
    if (!peer.write(bytes)) await once(peer, "drain");
  }
  peer.end();
  return hash;
}

describe.each(Object.entries(STREAM_KINDS))("chunkSourceOf() of %s", (_name, pairOf) => {
  test("changes nothing before the first resume: somebody else can read", async () => {
    await using pair = await pairOf();
    const before = pair.stream.listenerCount("data") + pair.stream.listenerCount("end");
    const { sink } = sourceOf(pair.stream);
    expect(Object.hasOwn(pair.stream, "push")).toBe(false);
    expect(pair.stream.listenerCount("data") + pair.stream.listenerCount("end")).toBe(before);
    pair.peer.write("for somebody else");
    const [chunk] = (await once(pair.stream.resume(), "data")) as [Buffer];
    expect(String(chunk)).toBe("for somebody else");
    expect([sink.chunks.length, sink.ends]).toEqual([0, 0]);
  });

  test("gives what comes in order, and then the end, once", async () => {
    await using pair = await pairOf();
    const { source, sink } = sourceOf(pair.stream);
    source.resume();
    for (let index = 0; index < 50; index++) {
      pair.peer.write(`${index};`);
      if (index % 10 === 0) await nextTurn();
    }
    pair.peer.end();
    await eventually(() => expect(sink.ends).toBe(1));
    expect(sink.text).toBe(Array.from({ length: 50 }, (_, index) => `${index};`).join(""));
    source.resume();
    await someTurns();
    expect(sink.ends).toBe(1);
    expect(pair.stream.writable).toBe(true);
  });

  test("begins with what came before the first resume, and with the end, if that came, too", async () => {
    await using pair = await pairOf();
    const { source, sink } = sourceOf(pair.stream);
    pair.peer.write("early ");
    await someTurns();
    pair.peer.end("bird");
    await someTurns();
    source.resume();
    await eventually(() => expect(sink.ends).toBe(1));
    expect(sink.text).toBe("early bird");
    await someTurns();
    expect(sink.ends).toBe(1);
  });

  test("tells an end that came alone before the first resume", async () => {
    await using pair = await pairOf();
    const { source, sink } = sourceOf(pair.stream);
    pair.peer.end();
    await someTurns();
    source.resume();
    await eventually(() => expect(sink.ends).toBe(1));
    await someTurns();
    expect([sink.ends, sink.length]).toEqual([1, 0]);
  });

  test("tells an end that the stream told before", async () => {
    await using pair = await pairOf();
    pair.peer.end();
    await once(pair.stream.resume(), "end");
    for (const begin of ["resume", "discard"] as const) {
      const { source, sink } = sourceOf(pair.stream);
      source[begin]();
      expect(sink.ends).toBe(1);
      await someTurns();
      expect(sink.ends).toBe(1);
    }
  });

  test("stops within a chunk when paused, and goes on", async () => {
    await using pair = await pairOf();
    const { source, sink } = sourceOf(pair.stream);
    sink.onChunk = () => source.pause();
    const written = writeMuch(pair.peer, 2_000_000);
    source.resume();
    await eventually(() => expect(sink.length).toBeGreaterThan(0));
    await someTurns();
    expect(sink.length).toBeLessThanOrEqual(2 * CHUNK);
    const before = sink.length;
    await someTurns();
    expect(sink.length).toBe(before);
    sink.onChunk = () => {};
    source.resume();
    await written;
    await eventually(() => expect([sink.length, sink.ends]).toEqual([2_000_000, 1]));
  });

  test("loses nothing of 30 MiB, whenever it is paused and resumed", async () => {
    await using pair = await pairOf();
    const { source, sink } = sourceOf(pair.stream);
    const received = createHash("sha1");
    let count = 0;
    sink.onChunk = () => {
      received.update(sink.chunks.pop() as Buffer);
      count++;
      if (count % 2 === 0) source.pause();
      // At once, within the same tick, and later.
      if (count % 8 === 0) source.resume();
      else if (count % 8 === 2) process.nextTick(() => source.resume());
      else if (count % 2 === 0) setImmediate(() => source.resume());
    };
    source.resume();
    const written = await writeMuch(pair.peer, MUCH);
    await eventually(() => expect(sink.ends).toBe(1));
    expect(sink.length).toBe(MUCH);
    expect(received.digest("hex")).toBe(written.digest("hex"));
  });

  test("throws away what comes after discard(), and still tells the end", async () => {
    await using pair = await pairOf();
    const { source, sink } = sourceOf(pair.stream);
    source.resume();
    pair.peer.write("wanted");
    await eventually(() => expect(sink.text).toBe("wanted"));
    source.pause();
    source.discard();
    await writeMuch(pair.peer, 1_000_000);
    await eventually(() => expect(sink.ends).toBe(1));
    await someTurns();
    expect([sink.text, sink.ends]).toEqual(["wanted", 1]);
  });

  test("throws away everything after discard() before the first resume, and still tells the end", async () => {
    await using pair = await pairOf();
    const { source, sink } = sourceOf(pair.stream);
    pair.peer.write("read ahead, perhaps");
    await someTurns();
    source.discard();
    await writeMuch(pair.peer, 1_000_000);
    await eventually(() => expect(sink.ends).toBe(1));
    await someTurns();
    expect([sink.length, sink.ends]).toEqual([0, 1]);
  });

  test("tells no end when the stream breaks", async () => {
    await using pair = await pairOf();
    const { source, sink } = sourceOf(pair.stream);
    pair.stream.on("error", () => {});
    source.resume();
    pair.peer.write("before");
    await eventually(() => expect(sink.text).toBe("before"));
    const closed = new Promise((resolve) => pair.stream.once("close", resolve));
    pair.stream.destroy(new Error("broken"));
    await closed;
    source.resume();
    source.discard();
    await someTurns();
    expect([sink.text, sink.ends]).toEqual(["before", 0]);
  });

  test.each(["resume", "discard"] as const)("keeps neither source nor sink after %s() and release()", async (begin) => {
    await using pair = await pairOf();
    const { source, sink } = await used(pair.stream, pair.peer, begin);
    // What is referred to weakly lives until the end of the turn.
    await nextTurn();
    collectGarbage();
    expect([source.deref(), sink.deref()]).toEqual([undefined, undefined]);
    pair.peer.end("late");
    await someTurns();
    expect(pair.stream.destroyed).toBe(false);
  });
});

/** Made in a function of its own, so that nothing but the stream keeps them. */
async function used(
  stream: Duplex,
  peer: Duplex,
  begin: "resume" | "discard",
): Promise<{ source: WeakRef<ChunkSource>; sink: WeakRef<RecordingSink> }> {
  const { source, sink } = sourceOf(stream);
  source[begin]();
  peer.write("x");
  await someTurns();
  expect(sink.length).toBe(begin === "resume" ? 1 : 0);
  source.release();
  return { source: new WeakRef(source), sink: new WeakRef(sink) };
}
