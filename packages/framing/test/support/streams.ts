import fc from "fast-check";

import type { CodecCase } from "./codecs.ts";

/** Some messages, and the stream that they are with one bound of the codec. */
export interface Sent {
  readonly bound: number;
  readonly sent: readonly unknown[];
  readonly frames: readonly Uint8Array[];
  readonly stream: Buffer;
}

/** Streams longer than this are not worth spoiling: each try takes long. */
const MAX_SPOILT = 1_000;

/** Places to cut a stream at. */
export const places = fc.array(fc.nat(100_000), { maxLength: 8 });

/** Streams of messages. */
export function streamsOf({ allBounds, at, single }: CodecCase, minLength = 0): fc.Arbitrary<Sent> {
  return fc.constantFrom(...allBounds).chain((bound) => {
    const { codec, messages } = at(bound);
    return fc.array(messages, { minLength, maxLength: single ? 1 : 6 }).map((sent) => {
      const frames = sent.map((message) => codec.encode(message));
      return { bound, sent, frames, stream: Buffer.concat(frames) };
    });
  });
}

/** Streams with mistakes in them, and bytes that never were one. */
export function spoiltStreamsOf(codec: CodecCase): fc.Arbitrary<Pick<Sent, "bound" | "stream">> {
  const change = fc.record({
    place: fc.nat(),
    kind: fc.constantFrom("replace" as const, "remove" as const, "insert" as const, "insert many" as const),
    byte: fc.nat(0xff),
    choice: fc.nat(),
  });
  const changes = fc.array(change, { maxLength: 4 });
  const streams = streamsOf(codec).filter(({ stream }) => stream.length <= MAX_SPOILT);
  return fc.tuple(streams, changes, fc.nat(9)).map(([{ bound, stream }, steps, noise]) => {
    const { alphabet } = codec.at(bound);
    let bytes = noise === 0 ? [] : [...stream];
    for (const { place, kind, byte, choice } of steps) {
      const value = choice % 2 === 0 ? byte : (alphabet[choice % Math.max(alphabet.length, 1)] ?? byte);
      // More than the small bounds allow.
      const count = { replace: 1, remove: 0, insert: 1, "insert many": choice % 90 }[kind];
      const removed = kind === "replace" || kind === "remove" ? 1 : 0;
      bytes = bytes.toSpliced(place % (bytes.length + 1), removed, ...Array.from({ length: count }, () => value));
    }
    return { bound, stream: Buffer.from(bytes) };
  });
}

/** Cut a stream at each of these places, which wrap around. */
export function cut(stream: Buffer, cuts: readonly number[]): Buffer[] {
  const ends = cuts.map((place) => place % (stream.length + 1)).toSorted((one, other) => one - other);
  return [0, ...ends].map((start, index) => stream.subarray(start, ends[index] ?? stream.length));
}

/** One chunk for each byte. */
export function byteByByte(stream: Buffer): Buffer[] {
  return Array.from(stream, (_, index) => stream.subarray(index, index + 1));
}
