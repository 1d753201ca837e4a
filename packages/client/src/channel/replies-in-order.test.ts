import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { Waiter } from "../waiter.ts";
import type { PendingReply } from "./pending-reply.ts";
import { RepliesInOrder } from "./replies-in-order.ts";

/** Requests that were added; those up to `sent` were sent. */
function requests(replies: RepliesInOrder<string>, count: number, sent = count): PendingReply<string>[] {
  const all = Array.from({ length: count }, (): PendingReply<string> => {
    const waiter = new Waiter<string>({}, { timedOut: () => new Error("late") });
    return { waiter, id: undefined, sent: false };
  });
  for (const each of all) replies.add(each);
  for (const each of all.slice(0, sent)) send(replies, each);
  return all;
}

function send(replies: RepliesInOrder<string>, pending: PendingReply<string>): void {
  pending.sent = true;
  replies.sent(pending);
}

/** He has given up, as the channel does it. */
function giveUp(replies: RepliesInOrder<string>, pending: PendingReply<string>): void {
  pending.waiter.promise.catch(() => {});
  pending.waiter.reject(new Error("late"));
  replies.abandon(pending);
}

describe("RepliesInOrder", () => {
  test("gives replies to those who were sent, in that order, and then to nobody", () => {
    const replies = new RepliesInOrder<string>();
    const [one, two] = requests(replies, 2);
    expect([replies.take(), replies.take(), replies.take()]).toEqual([one, two, undefined]);
  });

  test("goes by the order in which requests are sent, not by that in which they were made", () => {
    const replies = new RepliesInOrder<string>();
    const [one, two] = requests(replies, 2, 0) as [PendingReply<string>, PendingReply<string>];
    send(replies, two);
    send(replies, one);
    expect([replies.take(), replies.take()]).toEqual([two, one]);
  });

  test("gives nothing to a request that was not sent", () => {
    const replies = new RepliesInOrder<string>();
    requests(replies, 1, 0);
    expect(replies.take()).toBeUndefined();
  });

  test("gives the reply of one who has given up to nobody, and the next one to whom it is for", () => {
    const replies = new RepliesInOrder<string>();
    const [one, two] = requests(replies, 2) as [PendingReply<string>, PendingReply<string>];
    giveUp(replies, one);
    expect(replies.take()).toBeNull();
    expect(replies.take()).toBe(two);
  });

  test("counts who has given up until his reply has come, and nobody who was not sent", () => {
    const replies = new RepliesInOrder<string>();
    const [one] = requests(replies, 3, 2) as [PendingReply<string>];
    giveUp(replies, one);
    expect(replies.outstanding).toBe(2);
    replies.take();
    expect(replies.outstanding).toBe(1);
  });

  test("forgets who gives up before he was sent", () => {
    const replies = new RepliesInOrder<string>();
    const [one] = requests(replies, 1, 0) as [PendingReply<string>];
    giveUp(replies, one);
    expect(replies.clear()).toEqual([]);
  });

  test("can tell whose reply it is that cannot be decoded", () => {
    expect(new RepliesInOrder<string>().knowsUndecodable).toBe(true);
  });

  test("answers everybody at the end, those who were sent first, and is empty then", () => {
    const replies = new RepliesInOrder<string>();
    const all = requests(replies, 4, 2);
    expect(replies.clear()).toEqual(all);
    expect([replies.clear(), replies.outstanding, replies.take()]).toEqual([[], 0, undefined]);
  });
});

describe("RepliesInOrder.stuckSince", () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ["performance"], now: 0 }));
  afterEach(() => void vi.useRealTimers());

  test("is undefined while a reply is waited for, and while none is to come", () => {
    const replies = new RepliesInOrder<string>();
    const [one, two] = requests(replies, 3, 2) as [PendingReply<string>, PendingReply<string>];
    giveUp(replies, one);
    expect(replies.stuckSince).toBeUndefined();
    giveUp(replies, two);
    expect(replies.stuckSince).toBeDefined();
    replies.take();
    replies.take();
    expect(replies.stuckSince).toBeUndefined();
  });

  test("is when the last one gave up, whose place that is", () => {
    const replies = new RepliesInOrder<string>();
    const [one, two, three] = requests(replies, 3) as [
      PendingReply<string>,
      PendingReply<string>,
      PendingReply<string>,
    ];
    for (const pending of [one, three, two]) {
      vi.advanceTimersByTime(100);
      giveUp(replies, pending);
    }
    expect(replies.stuckSince).toBe(performance.now());
  });

  test("is when a reply came, late or not, if that is later", () => {
    const replies = new RepliesInOrder<string>();
    const [, two, three] = requests(replies, 3) as [PendingReply<string>, PendingReply<string>, PendingReply<string>];
    for (const pending of [two, three]) giveUp(replies, pending);
    for (let count = 0; count < 2; count++) {
      vi.advanceTimersByTime(100);
      replies.take();
      expect(replies.stuckSince).toBe(performance.now());
    }
  });
});
