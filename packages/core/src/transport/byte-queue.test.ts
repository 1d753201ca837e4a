import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { expectComplaint } from "../../test/support/complaint.ts";
import { collectGarbage } from "../../test/support/collect-garbage.ts";
import { ByteQueue } from "./byte-queue.ts";

/** Few different bytes, so that separators and parts of them are common. */
const letters = fc.stringMatching(/^[abc]{0,24}$/);

function queueOf(...chunks: string[]): ByteQueue {
  const queue = new ByteQueue();
  for (const chunk of chunks) queue.push(Buffer.from(chunk));
  return queue;
}

/** Cut at each of the places. */
function split(text: string, places: readonly number[]): string[] {
  const cuts = [
    0,
    ...places.map((place) => place % (text.length + 1)).toSorted((one, other) => one - other),
    text.length,
  ];
  return cuts.slice(1).map((end, index) => text.slice(cuts[index], end));
}

describe("ByteQueue", () => {
  test("is empty when it is new", () => {
    const queue = new ByteQueue();
    expect(queue.length).toBe(0);
    expect(queue.take(0)).toEqual(Buffer.alloc(0));
    expect(queue.peek(10)).toEqual(Buffer.alloc(0));
    expect(queue.indexOf(Buffer.from("a"), 0)).toBe(-1);
  });

  test("behaves as one Buffer under any order of operations", () => {
    const command = fc.oneof(
      fc.record({ type: fc.constant("push" as const), bytes: letters }),
      fc.record({ type: fc.constant("take" as const), count: fc.nat(30) }),
      fc.record({ type: fc.constant("skip" as const), count: fc.nat(30) }),
      fc.record({ type: fc.constant("peek" as const), count: fc.nat(30) }),
      fc.record({
        type: fc.constant("indexOf" as const),
        separator: fc.stringMatching(/^[abc]{1,4}$/),
        from: fc.nat(30),
      }),
      fc.record({ type: fc.constant("clear" as const) }),
    );
    fc.assert(
      fc.property(fc.array(command, { maxLength: 60 }), (commands) => {
        const queue = new ByteQueue();
        let model = Buffer.alloc(0);
        for (const step of commands) {
          if (step.type === "push") {
            queue.push(Buffer.from(step.bytes));
            model = Buffer.concat([model, Buffer.from(step.bytes)]);
          } else if (step.type === "take") {
            const count = Math.min(step.count, model.length);
            expect(queue.take(count)).toEqual(model.subarray(0, count));
            model = model.subarray(count);
          } else if (step.type === "skip") {
            const count = Math.min(step.count, model.length);
            queue.skip(count);
            model = model.subarray(count);
          } else if (step.type === "peek") {
            expect(queue.peek(step.count)).toEqual(model.subarray(0, step.count));
          } else if (step.type === "indexOf") {
            expect(queue.indexOf(Buffer.from(step.separator), step.from)).toBe(
              step.from > model.length ? -1 : model.indexOf(step.separator, step.from),
            );
          } else {
            queue.clear();
            model = Buffer.alloc(0);
          }
          expect(queue.length).toBe(model.length);
          if (model.length > 0) expect(queue.byteAt(model.length - 1)).toBe(model.at(-1));
        }
      }),
      { numRuns: 500 },
    );
  });

  test("behaves as one Buffer when small chunks behind many others are joined", () => {
    // Below and above what is joined, and more of it than one block takes.
    const size = fc.oneof(
      { weight: 4, arbitrary: fc.integer({ min: 1, max: 12 }) },
      { weight: 2, arbitrary: fc.integer({ min: 300, max: 511 }) },
      { weight: 1, arbitrary: fc.integer({ min: 512, max: 600 }) },
    );
    const command = fc.oneof(
      {
        weight: 3,
        arbitrary: fc.record({ type: fc.constant("push" as const), sizes: fc.array(size, { maxLength: 60 }) }),
      },
      {
        weight: 2,
        arbitrary: fc.record({ type: fc.constantFrom("take" as const, "skip" as const), part: fc.nat(100) }),
      },
      {
        weight: 2,
        arbitrary: fc.record({ type: fc.constantFrom("take" as const, "skip" as const), count: fc.nat(40) }),
      },
      {
        weight: 2,
        arbitrary: fc.record({ type: fc.constantFrom("peek" as const, "look" as const), part: fc.nat(100) }),
      },
      {
        weight: 2,
        arbitrary: fc.record({
          type: fc.constant("find" as const),
          part: fc.nat(100),
          length: fc.integer({ min: 1, max: 700 }),
        }),
      },
      { weight: 1, arbitrary: fc.record({ type: fc.constant("clear" as const) }) },
    );
    fc.assert(
      fc.property(fc.array(command, { minLength: 4, maxLength: 40 }), (commands) => {
        const queue = new ByteQueue();
        let model = Buffer.alloc(0);
        let pushed = 0;
        for (const step of commands) {
          const place = "part" in step ? Math.floor((model.length * step.part) / 100) : 0;
          if (step.type === "push") {
            for (const length of step.sizes) {
              const chunk = Buffer.from(Array.from({ length }, () => (pushed++ * 31) % 251));
              model = Buffer.concat([model, chunk]);
              queue.push(chunk);
            }
          } else if (step.type === "take" || step.type === "skip") {
            const count = Math.min("count" in step ? step.count : place, model.length);
            if (step.type === "skip") queue.skip(count);
            else expect(queue.take(count).equals(model.subarray(0, count))).toBe(true);
            model = model.subarray(count);
          } else if (step.type === "peek") {
            expect(queue.peek(place + 1).equals(model.subarray(0, place + 1))).toBe(true);
          } else if (step.type === "look") {
            expect(queue.byteAt(place)).toBe(model[place]);
            if (place + 4 <= model.length) expect(queue.uintAt(place, 4, true)).toBe(model.readUInt32BE(place));
          } else if (step.type === "find") {
            const separator = Buffer.from(model.subarray(place, place + step.length));
            if (separator.length === 0) continue;
            for (const from of [0, place, Math.floor(place / 2), place + 1]) {
              expect(queue.indexOf(separator, from)).toBe(model.indexOf(separator, from));
              expect(queue.indexOf(separator[0] as number, from)).toBe(model.indexOf(separator[0] as number, from));
            }
          } else {
            queue.clear();
            model = Buffer.alloc(0);
          }
          expect(queue.length).toBe(model.length);
        }
        expect(queue.take(queue.length).equals(model)).toBe(true);
      }),
      { numRuns: 150 },
    );
  });

  test("does not change what was taken when more comes behind it", () => {
    const queue = queueOf(..."0123456789abcdefghij".split(""));
    const peeked = queue.peek(20);
    queue.skip(17);
    const taken = queue.take(2);
    for (const letter of "klmnopqrstuvwxyzKLMNOP") queue.push(Buffer.from(letter));
    expect([peeked, taken, queue.take(queue.length)].map(String)).toEqual([
      "0123456789abcdefghij",
      "hi",
      "jklmnopqrstuvwxyzKLMNOP",
    ]);
  });

  test("keeps little memory for 60000 chunks of a byte", () => {
    const used = (): number => {
      collectGarbage();
      const { heapUsed, arrayBuffers } = process.memoryUsage();
      return heapUsed + arrayBuffers;
    };
    const queue = new ByteQueue();
    const before = used();
    // Each stands in memory of its own, as what a socket has received does.
    for (let count = 0; count < 60_000; count++) queue.push(Buffer.from(new ArrayBuffer(64), 0, 1));
    // Kept one by one they would take more than 100 bytes each.
    expect(used() - before).toBeLessThan(2_000_000);
    expect(queue.length).toBe(60_000);
  });

  test("frees what was taken without losing what is left, over many small chunks", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 40, maxLength: 120 }), (sizes) => {
        const text = Array.from({ length: 200 }, (_, index) => String.fromCharCode(97 + (index % 26))).join("");
        const queue = queueOf(...text.split(""));
        let taken = "";
        for (const size of sizes) taken += queue.take(Math.min(size, queue.length)).toString();
        expect(taken + queue.take(queue.length).toString()).toBe(text);
      }),
      { numRuns: 200 },
    );
  });
});

describe("ByteQueue.indexOf()", () => {
  test("finds a separator wherever the chunks were cut", () => {
    fc.assert(
      fc.property(
        letters,
        fc.array(fc.nat(), { maxLength: 12 }),
        fc.stringMatching(/^[abc]{1,5}$/),
        (text, places, separator) => {
          const queue = queueOf(...split(text, places));
          expect(queue.indexOf(Buffer.from(separator), 0)).toBe(text.indexOf(separator));
          expect(queue.indexOf(separator.charCodeAt(0), 0)).toBe(text.indexOf(separator.slice(0, 1)));
        },
      ),
      { numRuns: 500 },
    );
  });

  test("finds a separator that is longer than each chunk", () => {
    expect(queueOf("x", "a", "b", "c", "y").indexOf(Buffer.from("abc"), 0)).toBe(1);
  });

  test.each([
    ["one byte", 0x0a],
    ["several bytes", Buffer.from("\r\n")],
  ])("looks through 60000 chunks of a byte soon, for a separator of %s", (_what, separator) => {
    const queue = new ByteQueue();
    const begin = performance.now();
    for (let count = 0; count < 60_000; count++) {
      queue.push(Buffer.from("\r"));
      if (count % 10 === 0) expect(queue.indexOf(separator, 0)).toBe(-1);
    }
    queue.push(Buffer.from("\n"));
    expect(queue.indexOf(separator, 0)).toBe(typeof separator === "number" ? 60_000 : 59_999);
    expect(performance.now() - begin).toBeLessThan(5_000);
  });

  test("counts from the first byte that is left", () => {
    const queue = queueOf("abc", "\r", "\ndef");
    queue.take(2);
    expect(queue.indexOf(Buffer.from("\r\n"), 0)).toBe(1);
  });

  test("does not miss a separator when a search goes on where the last one may have stopped", () => {
    fc.assert(
      fc.property(
        fc.array(fc.stringMatching(/^[ab]{1,4}$/), { maxLength: 10 }),
        fc.stringMatching(/^[ab]{1,4}$/),
        (chunks, separator) => {
          const queue = new ByteQueue();
          const bytes = Buffer.from(separator);
          let from = 0;
          let text = "";
          for (const chunk of chunks) {
            queue.push(Buffer.from(chunk));
            text += chunk;
            const found = queue.indexOf(bytes, from);
            expect(found).toBe(text.indexOf(separator));
            if (found !== -1) return;
            from = Math.max(queue.length - bytes.length + 1, 0);
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe("ByteQueue.take()", () => {
  test("does not copy what lies in one chunk", () => {
    const chunk = Buffer.from("hello world");
    const queue = new ByteQueue();
    queue.push(chunk);
    expect(queue.take(5).buffer).toBe(chunk.buffer);
  });

  test("copies what spans chunks", () => {
    const chunk = Buffer.from("hello");
    const queue = queueOf(" world");
    const whole = new ByteQueue();
    whole.push(chunk);
    whole.push(queue.take(6));
    const bytes = whole.take(11);
    chunk.fill("x");
    expect(bytes.toString()).toBe("hello world");
  });
});

describe("ByteQueue, asked for more than there is", () => {
  const MANY = "x".repeat(40).split("");

  test.each([
    ["nothing", []],
    ["one chunk", ["abc"]],
    ["several chunks", ["a", "b", "c"]],
    ["joined chunks", MANY],
  ])("refuses to take or to skip it, and keeps what there is: %s", (_what, chunks) => {
    const queue = queueOf(...chunks);
    const { length } = chunks.join("");
    for (const count of [length + 1, length + 30, 2 ** 40]) {
      for (const ask of [() => queue.take(count), () => queue.skip(count)]) {
        expectComplaint(ask, {
          type: RangeError,
          code: "ERR_SOCKETSERVER_INVALID_ARGUMENT",
          says: [`Cannot take ${count} bytes: there are ${length} bytes in the queue`],
        });
      }
    }
    expect(queue.byteAt(length)).toBeUndefined();
    expect(queue.byteAt(length + 30)).toBeUndefined();
    expect(queue.take(length).toString()).toBe(chunks.join(""));
    expect(queue.length).toBe(0);
  });

  test("counts what was taken already", () => {
    const queue = queueOf("abc", "def");
    queue.take(2);
    expect(() => queue.take(5)).toThrow("there are 4 bytes in the queue");
    expect(() => queue.skip(5)).toThrow("there are 4 bytes in the queue");
    expect(queue.take(4).toString()).toBe("cdef");
  });
});
