/**
 * Tries millions of streams on every codec: what comes out must not depend on how the stream was cut, and of streams that nobody spoiled it must be what went
 * in. The tests hold more, with fewer cases; this is for a night.
 *
 *     node packages/framing/test/fuzz-codecs.ts [CASES] [SEED]     (20 000 cases and a random seed unless given)
 *
 * Prints the seed and the number of cases. The first case that differs ends it, with exit code 1 and everything that is needed to see it again.
 */
import fc from "fast-check";
import { randomInt } from "node:crypto";
import { isDeepStrictEqual } from "node:util";

import { SeededRandom } from "../../core/test/support/seeded-random.ts";
import { CODECS, type BoundedCodec } from "./support/codecs.ts";
import { decodeAll, type DecoderEvent } from "./support/decode-all.ts";
import { byteByByte, cut } from "./support/streams.ts";

/** A codec with messages that were encoded once, because making them takes longer than decoding them. */
interface Pool {
  readonly name: string;
  readonly bounded: BoundedCodec;
  readonly single: boolean;
  readonly messages: readonly unknown[];
  readonly frames: readonly Buffer[];
}

const POOL_SIZE = 300;
/** Long messages are in the tests; here they would only take time. */
const MAX_FRAME = 300;
const MAX_MESSAGES = 6;
const MAX_CUTS = 6;
const MAX_BYTE_BY_BYTE = 60;

function poolsOf(seed: number): Pool[] {
  return CODECS.flatMap(({ name, at, allBounds, single }) =>
    allBounds.map((bound) => {
      const bounded = at(bound);
      const drawn = fc.sample(bounded.messages, { numRuns: POOL_SIZE, seed });
      const all = drawn.map((message) => ({ message, frame: Buffer.from(bounded.codec.encode(message)) }));
      const short = all.filter(({ frame }) => frame.length <= MAX_FRAME);
      return {
        name: `${name}, at most ${bound}`,
        bounded,
        single,
        messages: short.map(({ message }) => message),
        frames: short.map(({ frame }) => frame),
      };
    }),
  ).filter(({ frames }) => frames.length > 0);
}

function spoil(stream: Buffer, random: SeededRandom, alphabet: readonly number[]): Buffer {
  const bytes = [...stream];
  for (let change = random.integer(1, 3); change > 0; change--) {
    const value = alphabet.length > 0 && random.next() < 0.5 ? random.pick(alphabet) : random.integer(0, 0xff);
    const count = random.pick([0, 1, 1, 2, 70]);
    const removed = random.integer(0, 1);
    bytes.splice(random.integer(0, bytes.length), removed, ...Array.from({ length: count }, () => value));
  }
  return Buffer.from(bytes);
}

function chunksOf(stream: Buffer, random: SeededRandom): Buffer[] {
  if (stream.length <= MAX_BYTE_BY_BYTE && random.next() < 0.2) return byteByByte(stream);
  return cut(
    stream,
    Array.from({ length: random.integer(1, MAX_CUTS) }, () => random.integer(0, stream.length)),
  );
}

/** Try one stream; what is wrong with it, or undefined. */
function failureOf(pool: Pool, random: SeededRandom): object | undefined {
  const { bounded, single, messages, frames, name } = pool;
  const drawn = Array.from({ length: single ? 1 : random.integer(1, MAX_MESSAGES) }, () =>
    random.integer(0, frames.length - 1),
  );
  const whole = Buffer.concat(drawn.map((index) => frames[index] as Buffer));
  const spoilt = random.next() < 0.4;
  const stream = spoilt ? spoil(whole, random, bounded.alphabet) : whole;
  const expected: readonly DecoderEvent[] = spoilt
    ? decodeAll(bounded.codec.decoder(), [stream]).events
    : drawn.map((index) => ({ message: messages[index] }));
  const chunks = chunksOf(stream, random);
  const { events, mostBuffered } = decodeAll(bounded.codec.decoder(), chunks);
  if (isDeepStrictEqual(events, expected) && mostBuffered <= bounded.mostBuffered) return undefined;
  return { name, chunks: chunks.map((chunk) => chunk.toString("hex")), expected, events, mostBuffered };
}

if (import.meta.main) {
  const cases = Number(process.argv[2] ?? 20_000);
  const seed = Number(process.argv[3] ?? randomInt(2 ** 31));
  console.log(`seed ${seed}`);
  const random = new SeededRandom(seed);
  const pools = poolsOf(seed);
  for (let tried = 0; tried < cases; tried++) {
    const failure = failureOf(random.pick(pools), random);
    if (failure === undefined) continue;
    console.dir(failure, { depth: 6 });
    process.exit(1);
  }
  console.log(`${cases} cases of ${pools.length} codecs and bounds`);
}
