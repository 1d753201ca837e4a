import { describe, expect, test } from "vitest";

import { AcceptQueue } from "./accept-queue.ts";

describe("AcceptQueue", () => {
  test("gives out the oldest first", () => {
    const queue = new AcceptQueue<string>(3);
    for (const item of ["a", "b", "c"]) expect(queue.offer(item)).toBe(true);
    expect([queue.take(), queue.take(), queue.take()]).toEqual(["a", "b", "c"]);
  });

  test("refuses one more than its limit, and takes one again after one was taken", () => {
    const queue = new AcceptQueue<string>(2);
    expect(["a", "b", "c"].map((item) => queue.offer(item))).toEqual([true, true, false]);
    expect(queue.length).toBe(2);
    expect(queue.take()).toBe("a");
    expect(queue.offer("d")).toBe(true);
  });

  test("answers without a promise when something waits", () => {
    const queue = new AcceptQueue<string>(1);
    queue.offer("a");
    expect(queue.take()).toBe("a");
  });

  test("gives an offer to whoever waits, also with a limit of 0", async () => {
    const queue = new AcceptQueue<string>(0);
    expect(queue.offer("too early")).toBe(false);
    const taken = queue.take();
    expect(queue.offer("a")).toBe(true);
    expect(queue.length).toBe(0);
    expect(queue.offer("b")).toBe(false);
    expect(await taken).toBe("a");
  });

  test("keeps what comes after the taker was called off", async () => {
    const queue = new AcceptQueue<string>(1);
    const taken = queue.take() as Promise<string>;
    const reason = new Error("stopped");
    queue.callOff(reason);
    await expect(taken).rejects.toBe(reason);
    expect(queue.offer("a")).toBe(true);
    expect(queue.take()).toBe("a");
  });

  test("calls off nobody when nobody waits", () => {
    const queue = new AcceptQueue<string>(1);
    queue.callOff(new Error("stopped"));
    queue.offer("a");
    queue.callOff(new Error("stopped"));
    expect(queue.take()).toBe("a");
  });

  test("gives back everything that waits when it is cleared", () => {
    const queue = new AcceptQueue<string>(2);
    queue.offer("a");
    queue.offer("b");
    expect(queue.clear()).toEqual(["a", "b"]);
    expect(queue.length).toBe(0);
    expect(queue.clear()).toEqual([]);
  });
});
