import { setImmediate as nextTurn } from "node:timers/promises";

import { ErrorCode, PeerError } from "@socketserver/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { settled } from "../../../core/test/support/settled.ts";
import { ConcurrentMessages, type MessageWork } from "./concurrent-messages.ts";

type Gate = PromiseWithResolvers<string | undefined>;

/** Messages are names; each waits behind a gate of that name for its reply. */
class GatedWork implements MessageWork<string, string | undefined> {
  readonly limit: number;
  readonly inOrder: boolean;
  /** What is to come; an error is thrown. */
  readonly #messages: (string | Error)[];
  readonly #gates = new Map<string, Gate>();
  /** How often the next message was asked for. */
  asked = 0;
  running = 0;
  readonly started: string[] = [];
  readonly replies: (string | undefined)[] = [];
  /** What was passed over, with how many messages ran meanwhile. */
  readonly passedOver: { readonly error: unknown; readonly running: number }[] = [];
  /** Whether what was wrong ends the messages. */
  strict = true;
  /** Whether the last message is followed by an end; else by nothing for ever. */
  ends = true;

  constructor(messages: readonly (string | Error)[], limit: number, inOrder = true) {
    this.#messages = [...messages];
    this.limit = limit;
    this.inOrder = inOrder;
  }

  gate(name: string): Gate {
    const gate = this.#gates.get(name) ?? Promise.withResolvers<string | undefined>();
    this.#gates.set(name, gate);
    return gate;
  }

  async next(): Promise<string | undefined> {
    this.asked += 1;
    const message = this.#messages.shift();
    if (message instanceof Error) throw message;
    if (message === undefined && !this.ends) await new Promise(() => {});
    return message;
  }

  async passOver(error: unknown): Promise<void> {
    this.passedOver.push({ error, running: this.running });
    if (this.strict) throw error;
  }

  async handle(message: string): Promise<string | undefined> {
    this.started.push(message);
    this.running += 1;
    try {
      return await this.gate(message).promise;
    } finally {
      this.running -= 1;
    }
  }

  async reply(reply: string | undefined): Promise<void> {
    this.replies.push(reply);
  }
}

/** Let these be answered, one in a turn. */
async function open(work: GatedWork, ...names: readonly string[]): Promise<void> {
  for (const name of names) {
    work.gate(name).resolve(name.toUpperCase());
    await nextTurn();
  }
}

describe("ConcurrentMessages.run()", () => {
  test("resolves at once without messages", async () => {
    await expect(new ConcurrentMessages(new GatedWork([], 2)).run()).resolves.toBeUndefined();
  });

  test("handles as many at once as the limit says, and one more for each that is done", async () => {
    const work = new GatedWork(["a", "b", "c", "d", "e"], 2);
    const running = new ConcurrentMessages(work).run();
    await nextTurn();
    expect(work.started).toEqual(["a", "b"]);
    await open(work, "a");
    expect(work.started).toEqual(["a", "b", "c"]);
    await open(work, "b", "c");
    expect(work.started).toEqual(["a", "b", "c", "d", "e"]);
    await open(work, "d", "e");
    await running;
  });

  test("reads no message that it cannot handle yet", async () => {
    const work = new GatedWork(["a", "b", "c"], 2);
    const running = new ConcurrentMessages(work).run();
    await nextTurn();
    expect(work.asked).toBe(2);
    await open(work, "a", "b", "c");
    await running;
    expect(work.asked).toBe(4);
  });

  test("replies in the order of the messages", async () => {
    const work = new GatedWork(["a", "b", "c"], 3);
    const running = new ConcurrentMessages(work).run();
    await open(work, "c", "b");
    expect(work.replies).toEqual([]);
    await open(work, "a");
    expect(work.replies).toEqual(["A", "B", "C"]);
    await running;
  });

  test("counts a message that waits for its turn to reply", async () => {
    const work = new GatedWork(["a", "b", "c"], 2);
    const running = new ConcurrentMessages(work).run();
    await open(work, "b");
    expect(work.started).toEqual(["a", "b"]);
    await open(work, "a");
    expect(work.started).toEqual(["a", "b", "c"]);
    await open(work, "c");
    await running;
    expect(work.replies).toEqual(["A", "B", "C"]);
  });

  test("replies as they complete if that is asked for", async () => {
    const work = new GatedWork(["a", "b", "c", "d"], 3, false);
    const running = new ConcurrentMessages(work).run();
    await open(work, "c", "b");
    expect(work.replies).toEqual(["C", "B"]);
    await open(work, "d", "a");
    await running;
    expect(work.replies).toEqual(["C", "B", "D", "A"]);
  });

  test("resolves only when the last reply has left", async () => {
    const work = new GatedWork(["a"], 2);
    const left = Promise.withResolvers<void>();
    work.reply = () => left.promise;
    const running = new ConcurrentMessages(work).run();
    await open(work, "a");
    expect(await settled(running)).toBe(false);
    left.resolve();
    await running;
  });

  test("keeps its bound and its order, whatever completes first", async () => {
    const plans = fc.record({
      limit: fc.integer({ min: 1, max: 5 }),
      turns: fc.array(fc.nat(6), { maxLength: 20 }),
      inOrder: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(plans, async ({ limit, turns, inOrder }) => {
        const left = turns.map((wait, index) => ({ wait, index }));
        const replies: number[] = [];
        let running = 0;
        let most = 0;
        const work: MessageWork<(typeof left)[number], number> = {
          limit,
          inOrder,
          next: async () => left.shift(),
          passOver: async (error) => {
            throw error;
          },
          handle: async ({ wait, index }) => {
            running += 1;
            most = Math.max(most, running);
            for (let turn = 0; turn < wait; turn++) await nextTurn();
            running -= 1;
            return index;
          },
          reply: async (index) => void replies.push(index),
        };
        await new ConcurrentMessages(work).run();
        const all = turns.map((_, index) => index);
        expect(inOrder ? replies : replies.toSorted((one, other) => one - other)).toEqual(all);
        expect(most).toBeLessThanOrEqual(limit);
      }),
      { numRuns: 100 },
    );
  });
});

describe("ConcurrentMessages.run(), passing over what is wrong", () => {
  const wrong = new Error("is wrong");

  function lenient(messages: readonly (string | Error)[], limit: number, inOrder = true): GatedWork {
    const work = new GatedWork(messages, limit, inOrder);
    work.strict = false;
    return work;
  }

  test.each([true, false])(
    "looks at it when all before it are answered, and goes on (in order: %j)",
    async (inOrder) => {
      const work = lenient(["a", "b", wrong, "c"], 3, inOrder);
      const running = new ConcurrentMessages(work).run();
      await open(work, "b");
      expect(work.passedOver).toEqual([]);
      expect(work.asked).toBe(3);
      work.passOver = async () => {
        expect(new Set(work.replies)).toEqual(new Set(["A", "B"]));
        expect(work.running).toBe(0);
      };
      await open(work, "a");
      expect(work.started).toEqual(["a", "b", "c"]);
      await open(work, "c");
      await running;
      expect(work.replies).toEqual(inOrder ? ["A", "B", "C"] : ["B", "A", "C"]);
    },
  );

  test("waits for it before the next message is read", async () => {
    const work = lenient([wrong, "a"], 3);
    const gate = Promise.withResolvers<void>();
    work.passOver = () => gate.promise;
    const running = new ConcurrentMessages(work).run();
    await nextTurn();
    expect(work.asked).toBe(1);
    gate.resolve();
    await open(work, "a");
    await running;
    expect(work.replies).toEqual(["A"]);
  });

  test("does so for each, at the beginning, in a row and at the end", async () => {
    const work = lenient([wrong, "a", wrong, wrong, "b", wrong], 2);
    const running = new ConcurrentMessages(work).run();
    await open(work, "a", "b");
    await running;
    expect(work.passedOver).toEqual([1, 2, 3, 4].map(() => ({ error: wrong, running: 0 })));
    expect(work.replies).toEqual(["A", "B"]);
  });
});

describe("ConcurrentMessages.run(), with a peer that says nothing for long", () => {
  const idle = new PeerError(ErrorCode.idleTimeout, "Cannot read: nothing came for 5 ms");

  test.each([true, false])(
    "reads on while a message is handled: the peer waits for us (in order: %j)",
    async (inOrder) => {
      const work = new GatedWork(["a", idle, idle, "b", idle, "c"], 3, inOrder);
      const running = new ConcurrentMessages(work).run();
      await nextTurn();
      expect(work.started).toEqual(["a", "b", "c"]);
      await open(work, "b", "c", "a");
      await running;
      expect(work.passedOver).toEqual([]);
      expect(work.replies).toEqual(inOrder ? ["A", "B", "C"] : ["B", "C", "A"]);
    },
  );

  test("fails once nothing is handled", async () => {
    const work = new GatedWork(["a"], 2);
    const late = Promise.withResolvers<string>();
    const messages = [async () => "a", () => Promise.reject(idle), () => late.promise];
    work.next = async () => messages.shift()?.();
    const running = new ConcurrentMessages(work).run();
    running.catch(() => {});
    await nextTurn();
    expect(messages).toEqual([]);
    await open(work, "a");
    expect(work.replies).toEqual(["A"]);
    expect(await settled(running)).toBe(false);
    late.reject(idle);
    await expect(running).rejects.toBe(idle);
    expect(work.passedOver).toEqual([{ error: idle, running: 0 }]);
  });

  test("fails at once if no message is handled", async () => {
    const work = new GatedWork([idle, "never"], 2);
    await expect(new ConcurrentMessages(work).run()).rejects.toBe(idle);
    expect(work.started).toEqual([]);
  });

  test("counts a message whose reply has not left", async () => {
    const work = new GatedWork(["a", idle, "b"], 2);
    const left = Promise.withResolvers<void>();
    work.gate("a").resolve("A");
    const late = Promise.withResolvers<void>();
    const next = work.next.bind(work);
    work.next = async () => {
      if (work.asked === 1) await late.promise;
      return next();
    };
    work.reply = async (reply) => {
      work.replies.push(reply);
      await left.promise;
    };
    const running = new ConcurrentMessages(work).run();
    await nextTurn();
    late.resolve();
    await nextTurn();
    expect(work.started).toEqual(["a", "b"]);
    left.resolve();
    await open(work, "b");
    await running;
    expect(work.passedOver).toEqual([]);
  });
});

describe("ConcurrentMessages.run(), failing", () => {
  const failure = new Error("has failed");

  test("rejects with the failure of a message when the others have settled, and replies to those before it", async () => {
    const work = new GatedWork(["a", "b", "c"], 3);
    const running = new ConcurrentMessages(work).run();
    running.catch(() => {});
    await nextTurn();
    work.gate("b").reject(failure);
    expect(await settled(running)).toBe(false);
    await open(work, "a");
    expect(await settled(running)).toBe(false);
    await open(work, "c");
    await expect(running).rejects.toBe(failure);
    expect(work.replies).toEqual(["A"]);
    expect(work.running).toBe(0);
  });

  test.each([
    [true, "has failed, too"],
    [false, "has failed"],
  ])("rejects with the first of several failures (in order: %j)", async (inOrder, first) => {
    const work = new GatedWork(["a", "b"], 2, inOrder);
    const running = new ConcurrentMessages(work).run();
    running.catch(() => {});
    await nextTurn();
    work.gate("b").reject(failure);
    work.gate("a").reject(new Error("has failed, too"));
    await expect(running).rejects.toThrow(expect.objectContaining({ message: first }) as Error);
  });

  test("reads and handles nothing more", async () => {
    const work = new GatedWork(["a", "b", "c", "d"], 2);
    const running = new ConcurrentMessages(work).run();
    running.catch(() => {});
    await nextTurn();
    work.gate("b").reject(failure);
    await nextTurn();
    await open(work, "a");
    await expect(running).rejects.toBe(failure);
    expect(work.started).toEqual(["a", "b"]);
    expect(work.asked).toBe(2);
  });

  test("does not handle a message that comes after it", async () => {
    const work = new GatedWork(["a", "b"], 3);
    const late = Promise.withResolvers<string | undefined>();
    const messages = [Promise.resolve("a"), Promise.resolve("b"), late.promise, Promise.resolve("never")];
    work.next = async () => messages.shift();
    const running = new ConcurrentMessages(work).run();
    running.catch(() => {});
    await nextTurn();
    work.gate("b").reject(failure);
    await nextTurn();
    late.resolve("late");
    await nextTurn();
    expect(messages).toHaveLength(1);
    await open(work, "a");
    await expect(running).rejects.toBe(failure);
    expect(work.started).toEqual(["a", "b"]);
  });

  test("rejects with a failure to read when the running ones have settled", async () => {
    const work = new GatedWork(["a", failure, "b"], 3);
    const running = new ConcurrentMessages(work).run();
    running.catch(() => {});
    expect(await settled(running)).toBe(false);
    await open(work, "a");
    await expect(running).rejects.toBe(failure);
    expect(work.started).toEqual(["a"]);
    expect(work.asked).toBe(2);
    expect(work.passedOver).toEqual([{ error: failure, running: 0 }]);
    expect(work.replies).toEqual(["A"]);
  });

  test("rejects with what the passing over of a failure to read rejects with", async () => {
    const work = new GatedWork([failure, "a"], 2);
    const other = new Error("is worse");
    work.passOver = async () => {
      throw other;
    };
    await expect(new ConcurrentMessages(work).run()).rejects.toBe(other);
    expect(work.started).toEqual([]);
  });

  test("passes nothing over once a message has failed", async () => {
    const work = new GatedWork(["a", "b", new Error("is wrong"), "c"], 4);
    const running = new ConcurrentMessages(work).run();
    running.catch(() => {});
    await nextTurn();
    work.gate("b").reject(failure);
    await open(work, "a");
    await expect(running).rejects.toBe(failure);
    expect(work.passedOver).toEqual([]);
    expect(work.asked).toBe(3);
  });

  test("rejects with a failure to reply", async () => {
    const work = new GatedWork(["a", "b"], 2);
    work.reply = async () => {
      throw failure;
    };
    const running = new ConcurrentMessages(work).run();
    running.catch(() => {});
    await open(work, "a", "b");
    await expect(running).rejects.toBe(failure);
  });

  test("rejects although the next message never comes", async () => {
    const work = new GatedWork(["a"], 2);
    work.ends = false;
    const running = new ConcurrentMessages(work).run();
    running.catch(() => {});
    await nextTurn();
    work.gate("a").reject(failure);
    await expect(running).rejects.toBe(failure);
  });
});
