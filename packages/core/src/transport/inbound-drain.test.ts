import { setImmediate as nextTurn } from "node:timers/promises";

import { describe, expect, test } from "vitest";

import { Inbound } from "./inbound.ts";

function newInbound(): Inbound {
  return new Inbound({ resume: () => {}, pause: () => {} }, 65_536, Infinity);
}

async function consume(inbound: Inbound, bytes: string): Promise<void> {
  inbound.receive(Buffer.from(bytes));
  await inbound.readExactly(bytes.length);
}

describe("Inbound.drain()", () => {
  test("ends a waiting read at the start", async () => {
    const inbound = newInbound();
    const bytes = inbound.readSome(10);
    inbound.drain();
    expect(await bytes).toEqual(Buffer.alloc(0));
    expect(inbound.endSeen).toBe(false);
  });

  test("ends a waiting read after what was consumed is answered", async () => {
    const inbound = newInbound();
    await consume(inbound, "request");
    inbound.wrote();
    const bytes = inbound.readSome(10);
    inbound.drain();
    expect(await bytes).toEqual(Buffer.alloc(0));
  });

  test("leaves a read alone that waits for the rest of a request", async () => {
    const inbound = newInbound();
    await consume(inbound, "half");
    const bytes = inbound.readSome(10);
    inbound.drain();
    inbound.receive(Buffer.from("rest"));
    expect((await bytes).toString()).toBe("rest");
  });

  test("leaves a read alone for which a part has come", async () => {
    const inbound = newInbound();
    inbound.receive(Buffer.from("ab"));
    const bytes = inbound.readExactly(4);
    inbound.drain();
    inbound.receive(Buffer.from("cd"));
    expect((await bytes).toString()).toBe("abcd");
  });

  test("leaves what is buffered readable", async () => {
    const inbound = newInbound();
    inbound.receive(Buffer.from("a\nb\n"));
    inbound.drain();
    expect((await inbound.readLine(10)).toString()).toBe("a\n");
    inbound.wrote();
    expect((await inbound.readLine(10)).toString()).toBe("b\n");
    inbound.wrote();
    expect((await inbound.readLine(10)).toString()).toBe("");
  });

  test("ends a read that begins later at a boundary", async () => {
    const inbound = newInbound();
    inbound.drain();
    expect(await inbound.readSome(10)).toEqual(Buffer.alloc(0));
    expect(await inbound.readLine(10)).toEqual(Buffer.alloc(0));
  });

  test("lets a read that begins later see what comes in the next turn", async () => {
    const inbound: Inbound = new Inbound(
      { resume: () => setImmediate(() => inbound.receive(Buffer.from("waited in the kernel"))), pause: () => {} },
      65_536,
      Infinity,
    );
    inbound.drain();
    expect((await inbound.readSome(100)).toString()).toBe("waited in the kernel");
  });

  test("tells a read that begins later about a failure that comes meanwhile", async () => {
    const inbound: Inbound = new Inbound(
      { resume: () => setImmediate(() => inbound.fail(new Error("reset"))), pause: () => {} },
      65_536,
      Infinity,
    );
    inbound.drain();
    await expect(inbound.readSome(100)).rejects.toThrow("reset");
  });

  test("does not let two reads begin at once while it looks", async () => {
    const inbound = newInbound();
    inbound.drain();
    const first = inbound.readSome(10);
    await expect(inbound.readSome(10)).rejects.toMatchObject({ code: "ERR_SOCKETSERVER_CONCURRENT_READ" });
    expect(await first).toEqual(Buffer.alloc(0));
  });

  test("makes an exact read at a boundary reject with nothing", async () => {
    const inbound = newInbound();
    inbound.drain();
    await expect(inbound.readExactly(4)).rejects.toMatchObject({
      code: "ERR_SOCKETSERVER_INCOMPLETE_READ",
      partial: Buffer.alloc(0),
    });
  });

  test("ends nothing if endOnDrain is false", async () => {
    const inbound = newInbound();
    inbound.endOnDrain = false;
    const bytes = inbound.readSome(10);
    inbound.drain();
    inbound.receive(Buffer.from("x"));
    expect((await bytes).toString()).toBe("x");
    inbound.wrote();
    const later = inbound.readSome(10);
    setImmediate(() => setImmediate(() => setImmediate(() => inbound.receive(Buffer.from("y")))));
    expect((await later).toString()).toBe("y");
  });

  test("peeking consumes nothing, so the next read still stands where it stood", async () => {
    const inbound = newInbound();
    inbound.receive(Buffer.from("x"));
    await inbound.peek(1);
    inbound.drain();
    expect((await inbound.readSome(10)).toString()).toBe("x");
  });
});

describe("Inbound.drain(), from a source that knows itself when its bytes have come", () => {
  /** What was asked of the source, in order. */
  let asked: (() => void)[] = [];

  function distantInbound(): Inbound {
    asked = [];
    const afterArrivals = (callback: () => void): void => void asked.push(callback);
    return new Inbound({ resume: () => {}, pause: () => {}, afterArrivals }, 65_536, Infinity);
  }

  /** Whether this is pending after more turns than a near source needs. */
  async function pends(read: Promise<Buffer>): Promise<boolean> {
    let settled = false;
    const settle = (): void => void (settled = true);
    void read.then(settle, settle);
    for (let turn = 0; turn < 5; turn++) await nextTurn();
    return !settled;
  }

  test("ends a waiting read when the source says so, and not before", async () => {
    const inbound = distantInbound();
    const bytes = inbound.readSome(10);
    expect(asked.length).toBe(0);
    inbound.drain();
    expect([await pends(bytes), asked.length]).toEqual([true, 1]);
    asked[0]?.();
    expect(await bytes).toEqual(Buffer.alloc(0));
    expect(inbound.endSeen).toBe(false);
  });

  test("ends a read that begins later when the source says so, and not before", async () => {
    const inbound = distantInbound();
    inbound.drain();
    expect(asked.length).toBe(0);
    const bytes = inbound.readSome(10);
    expect([await pends(bytes), asked.length]).toEqual([true, 1]);
    asked[0]?.();
    expect(await bytes).toEqual(Buffer.alloc(0));
  });

  test("lets a read see what comes before the source says so", async () => {
    const inbound = distantInbound();
    inbound.drain();
    const bytes = inbound.readSome(100);
    inbound.receive(Buffer.from("on its way"));
    asked[0]?.();
    expect((await bytes).toString()).toBe("on its way");
  });

  test("leaves a read alone for which a part has come before the source says so", async () => {
    const inbound = distantInbound();
    inbound.drain();
    const bytes = inbound.readExactly(4);
    inbound.receive(Buffer.from("ab"));
    asked[0]?.();
    expect(await pends(bytes)).toBe(true);
    inbound.receive(Buffer.from("cd"));
    expect((await bytes).toString()).toBe("abcd");
  });

  test("leaves a read alone if endOnDrain is false by the time the source says so", async () => {
    const inbound = distantInbound();
    const bytes = inbound.readSome(10);
    inbound.drain();
    inbound.endOnDrain = false;
    asked[0]?.();
    expect(await pends(bytes)).toBe(true);
    inbound.receive(Buffer.from("x"));
    expect((await bytes).toString()).toBe("x");
  });

  test("does not end a read that began after the source was asked for an earlier one", async () => {
    const inbound = distantInbound();
    inbound.drain();
    const first = inbound.readSome(10);
    inbound.receive(Buffer.from("first"));
    await first;
    inbound.wrote();
    const second = inbound.readSome(10);
    expect(asked.length).toBe(2);
    asked[0]?.();
    expect(await pends(second)).toBe(true);
    // What was on its way when this one began.
    inbound.receive(Buffer.from("second"));
    asked[1]?.();
    expect((await second).toString()).toBe("second");
  });

  test("asks nothing for a read that stands within a request", async () => {
    const inbound = distantInbound();
    await consume(inbound, "half");
    inbound.drain();
    const bytes = inbound.readSome(10);
    expect([await pends(bytes), asked.length]).toEqual([true, 0]);
    inbound.receive(Buffer.from("rest"));
    expect((await bytes).toString()).toBe("rest");
  });
});
