import { describe, expect, test } from "vitest";

import type { RequestId } from "../correlation.ts";
import { Waiter } from "../waiter.ts";
import type { PendingReply } from "./pending-reply.ts";
import { RepliesById } from "./replies-by-id.ts";

interface Reply {
  readonly to?: unknown;
}

const byId = (): RepliesById<Reply> => new RepliesById<Reply>({ request: "id", reply: "to" });

function request(id: RequestId): PendingReply<Reply> {
  return { waiter: new Waiter<Reply>({}, { timedOut: () => new Error("late") }), id, sent: false };
}

/** Someone who waits, and was sent. */
function asked(replies: RepliesById<Reply>, id: RequestId): PendingReply<Reply> {
  const pending = request(id);
  replies.add(pending);
  pending.sent = true;
  replies.sent();
  return pending;
}

describe("RepliesById", () => {
  test("gives a reply to whom its id says, in any order", () => {
    const replies = byId();
    const [one, two] = [asked(replies, 1), asked(replies, 2)];
    expect(replies.take({ to: 2 })).toBe(two);
    expect(replies.take({ to: 1 })).toBe(one);
    expect(replies.outstanding).toBe(0);
  });

  test.each<readonly [what: string, ids: readonly RequestId[]]>([
    ["kinds", [1, "1"]],
    ["strings", ["", " ", "a", "A", "__proto__", "constructor"]],
    ["numbers", [0, -1, 0.5, 1e300]],
    ["bigints", [2n ** 64n - 1n, 2n ** 64n + 1n, -(2n ** 64n) - 1n]],
  ])("tells ids of different %s apart", (_what, ids) => {
    const replies = byId();
    const all = ids.map((id) => asked(replies, id));
    expect(ids.map((id) => replies.take({ to: id }))).toEqual(all);
  });

  test("gives the second of two replies with one id to nobody", () => {
    const replies = byId();
    asked(replies, 1);
    replies.take({ to: 1 });
    expect(replies.take({ to: 1 })).toBeNull();
    expect(replies.outstanding).toBe(0);
  });

  test("gives a reply to nobody whose id nobody waits for, or not yet", () => {
    const replies = byId();
    const unsent = request("unsent");
    replies.add(unsent);
    expect(replies.take({ to: "foreign" })).toBeNull();
    expect(replies.take({ to: "unsent" })).toBeNull();
    expect(replies.clear()).toEqual([unsent]);
  });

  test.each<readonly [what: string, message: unknown]>([
    ["without the field", { id: 1 }],
    ["with null in it", { to: null }],
    ["with an object in it", { to: { id: 1 } }],
    ["with a boolean in it", { to: true }],
    ["that is a string", "to"],
    ["that is null", null],
    ["that could not be decoded", undefined],
  ])("takes a message %s for no reply", (_what, message) => {
    const replies = byId();
    asked(replies, 1);
    expect(replies.take(message as Reply)).toBeUndefined();
    expect(replies.outstanding).toBe(1);
  });

  test("refuses an id that is in use, by one who was sent or not, and shows it", () => {
    const replies = byId();
    const first = request("seven");
    replies.add(first);
    const refusal = { code: "ERR_SOCKETSERVER_INVALID_MESSAGE", message: expect.stringContaining('"seven"') as string };
    expect(() => replies.add(request("seven"))).toThrow(expect.objectContaining(refusal));
    asked(replies, "eight");
    expect(() => replies.add(request("eight"))).toThrow(RangeError);
  });

  test("lets an id be used again when its reply has come, or he has given up", () => {
    const replies = byId();
    asked(replies, 1);
    replies.take({ to: 1 });
    const second = asked(replies, 1);
    replies.abandon(second);
    expect(asked(replies, 1)).toBe(replies.take({ to: 1 }));
  });

  test("is not disturbed when one gives up who was refused", () => {
    const replies = byId();
    const first = asked(replies, 1);
    replies.abandon(request(1));
    expect(replies.take({ to: 1 })).toBe(first);
  });

  test("counts who was sent, until he is answered or has given up", () => {
    const replies = byId();
    const [one] = [asked(replies, 1), asked(replies, 2)];
    const unsent = request(3);
    replies.add(unsent);
    expect(replies.outstanding).toBe(2);
    replies.abandon(one);
    replies.abandon(one);
    replies.abandon(unsent);
    expect(replies.outstanding).toBe(1);
  });

  test("cannot tell whose reply it is that cannot be decoded", () => {
    expect(byId().knowsUndecodable).toBe(false);
  });

  test("answers everybody at the end in the order of their requests, and is empty then", () => {
    const replies = byId();
    const unsent = request(3);
    const all = [asked(replies, 2), asked(replies, 1), unsent];
    replies.add(unsent);
    expect(replies.clear()).toEqual(all);
    expect([replies.clear(), replies.outstanding, replies.take({ to: 1 })]).toEqual([[], 0, null]);
  });
});
