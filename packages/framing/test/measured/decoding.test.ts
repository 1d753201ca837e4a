/**
 * What it costs to decode a message of 64 bytes, beside packages that many people use for it.
 *
 * Each contender has a process of its own, and they take turns; of each the best turn counts, because other programs use the machine, too, and can only
 * make it slower. The ratios are printed; `docs/guides/where-does-a-message-end.md` has them from a quiet machine.
 */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { leakCheck } from "@socketserver/testing";
import { expect, test } from "vitest";

import type { Contender } from "../fixtures/decoding-program.ts";

const PROGRAM = new URL("../fixtures/decoding-program.ts", import.meta.url);
const ROUNDS = 25;

/** What a socket gives at most at once, and what fits a packet of Ethernet. */
const CHUNK_SIZES = [65_536, 1_448];

async function start(contender: Contender, chunkSize: number): Promise<ChildProcess> {
  const child = fork(PROGRAM, [contender, String(chunkSize)]);
  await once(child, "message");
  return child;
}

/** Nanoseconds for each message. */
async function measure(child: ChildProcess): Promise<number> {
  const answer = once(child, "message");
  child.send("once more");
  return ((await answer) as [number])[0];
}

/** How many times as long as ours the peer takes. */
async function advantage(peer: Contender, ours: Contender, chunkSize: number): Promise<number> {
  const children = await Promise.all([start(peer, chunkSize), start(ours, chunkSize)]);
  let theirs = Infinity;
  let own = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    theirs = Math.min(theirs, await measure(children[0]));
    own = Math.min(own, await measure(children[1]));
  }
  const exits = children.map((child) => once(child, "exit"));
  for (const child of children) child.disconnect();
  await Promise.all(exits);
  return theirs / own;
}

// Far below what a quiet machine shows: a loaded one must not fail what is right.
test.each([
  ["split2", "lines", 1.3],
  ["length-prefixed-stream", "varint", 1.1],
  ["frame-stream", "prefix", 1.2],
] as const)("a decoder takes less time than %s: %s", async (peer, ours, least) => {
  const expectNothingLeft = leakCheck();
  const ratios: number[] = [];
  for (const size of CHUNK_SIZES) ratios.push(await advantage(peer, ours, size));
  const shown = ratios.map((ratio, index) => `${ratio.toFixed(2)} in chunks of ${CHUNK_SIZES[index]} bytes`);
  console.log(`${peer} takes as many times as long as ${ours}: ${shown.join(", ")}`);
  for (const ratio of ratios) expect(ratio).toBeGreaterThan(least);
  await expectNothingLeft();
});
