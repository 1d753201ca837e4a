import fc from "fast-check";
import { describe, expect, test } from "vitest";

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
