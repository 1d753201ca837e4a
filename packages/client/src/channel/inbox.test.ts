import { describe, expect, test } from "vitest";

import { settled } from "../../../core/test/support/settled.ts";
import type { Patience } from "../patience.ts";
import { Inbox } from "./inbox.ts";

const LATE = new Error("Cannot receive: too late");

const receive = <Message>(inbox: Inbox<Message>, patience: Patience = {}): Promise<Message | undefined> =>
  inbox.receive(patience, { timedOut: () => LATE });

function inboxOf<Message>(...messages: readonly Message[]): Inbox<Message> {
  const inbox = new Inbox<Message>(messages.length);
  for (const message of messages) inbox.put(message);
  return inbox;
}

describe("Inbox.receive()", () => {
  test("answers what has come, the first one first", async () => {
    const inbox = inboxOf(1, 2, 3);
    expect([await receive(inbox), await receive(inbox), await receive(inbox)]).toEqual([1, 2, 3]);
    expect(inbox).toHaveLength(0);
  });

  test("waits for what comes, which is never kept then", async () => {
    const inbox = new Inbox<string>(1);
    const receiving = receive(inbox);
    expect(await settled(receiving)).toBe(false);
    inbox.put("news");
    expect(inbox).toHaveLength(0);
    expect(await receiving).toBe("news");
  });

  test("rejects with what was no message, in its turn, and goes on behind it", async () => {
    const inbox = inboxOf("before");
    const error = new Error("no message");
    inbox.putError(error);
    inbox.put("behind");
    expect(inbox).toHaveLength(3);
    expect(await receive(inbox)).toBe("before");
    await expect(receive(inbox)).rejects.toBe(error);
    expect(await receive(inbox)).toBe("behind");
  });

  test("tells the one who waits about what is no message, once", async () => {
    const inbox = new Inbox<string>(1);
    const receiving = receive(inbox);
    const error = new Error("no message");
    inbox.putError(error);
    await expect(receiving).rejects.toBe(error);
    expect(inbox).toHaveLength(0);
  });

  test("rejects while another one waits, who still gets his message", async () => {
    const inbox = new Inbox<string>(1);
    const first = receive(inbox);
    await expect(receive(inbox)).rejects.toMatchObject({ code: "ERR_SOCKETSERVER_CONCURRENT_READ" });
    inbox.put("news");
    expect(await first).toBe("news");
  });

  test("loses no message to one who has given up", async () => {
    const inbox = new Inbox<string>(1);
    const hurry = new AbortController();
    const aborted = receive(inbox, { signal: hurry.signal });
    hurry.abort(LATE);
    await expect(aborted).rejects.toBe(LATE);
    await expect(receive(inbox, { timeoutMs: 0 })).rejects.toBe(LATE);
    inbox.put("kept");
    expect(await receive(inbox)).toBe("kept");
  });

  test("lets the next one wait where one has given up", async () => {
    const inbox = new Inbox<string>(1);
    await expect(receive(inbox, { timeoutMs: 0 })).rejects.toBe(LATE);
    const receiving = receive(inbox);
    inbox.put("news");
    expect(await receiving).toBe("news");
  });

  test("is remembered, although nothing came", async () => {
    const inbox = new Inbox<string>(1);
    expect(inbox.asked).toBe(false);
    inbox.put("unasked");
    expect(inbox.asked).toBe(false);
    await receive(inbox);
    expect(inbox.asked).toBe(true);
  });
});

describe("Inbox.end()", () => {
  test("leaves what has come, and answers undefined behind it", async () => {
    const inbox = inboxOf("last");
    inbox.end(undefined);
    expect([await receive(inbox), await receive(inbox), await receive(inbox)]).toEqual(["last", undefined, undefined]);
  });

  test("leaves what has come, and rejects behind it with what broke", async () => {
    const inbox = inboxOf("last");
    const broken = new Error("broken");
    inbox.end(broken);
    expect(await receive(inbox)).toBe("last");
    await expect(receive(inbox)).rejects.toBe(broken);
    await expect(receive(inbox)).rejects.toBe(broken);
  });

  test.each([
    ["answers undefined to", undefined],
    ["rejects", new Error("broken")],
  ])("%s the one who waits", async (_title, error) => {
    const inbox = new Inbox<string>(1);
    const outcome = receive(inbox).catch((caught: unknown) => caught);
    inbox.end(error);
    expect(await outcome).toBe(error);
  });

  test("is told once: what is said later changes nothing", async () => {
    const inbox = new Inbox<string>(1);
    inbox.end(undefined);
    inbox.end(new Error("later"));
    expect(await receive(inbox)).toBeUndefined();
  });
});

describe("Inbox.room()", () => {
  test("is there until as many messages wait as it may keep", () => {
    const inbox = new Inbox<string>(2);
    inbox.put("one");
    expect(inbox.room()).toBeUndefined();
    inbox.put("two");
    expect(inbox.room()).toBeInstanceOf(Promise);
  });

  test("is always there without a bound", () => {
    const inbox = new Inbox<number>(Infinity);
    for (let count = 0; count < 5_000; count++) inbox.put(count);
    expect(inbox.room()).toBeUndefined();
  });

  const makeRoom: readonly (readonly [what: string, work: (inbox: Inbox<string>) => unknown])[] = [
    ["a message is received", (inbox) => receive(inbox)],
    ["all are taken", (inbox) => inbox.takeAll()],
    ["nothing more will come", (inbox) => inbox.end(undefined)],
    ["its bound is lifted", (inbox) => inbox.unbind()],
  ];

  test.each(makeRoom)("comes about when %s, and not before", async (_what, work) => {
    const inbox = inboxOf("one");
    const room = inbox.room() as Promise<void>;
    expect(await settled(room)).toBe(false);
    await work(inbox);
    await room;
    expect(inbox.room()).toBeUndefined();
  });
});

describe("Inbox.takeAll()", () => {
  test("answers the messages, without what was none, and leaves nothing", async () => {
    const inbox = inboxOf("one");
    inbox.putError(new Error("no message"));
    inbox.put("two");
    expect(inbox.takeAll()).toEqual(["one", "two"]);
    expect(inbox.takeAll()).toEqual([]);
    expect(await settled(receive(inbox))).toBe(false);
  });
});
