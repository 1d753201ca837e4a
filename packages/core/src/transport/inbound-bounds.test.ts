import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { Inbound } from "./inbound.ts";

/** An endless source that remembers whether it flows. */
function flowing(highWaterMark: number): { inbound: Inbound; source: { flows: boolean; changes: number } } {
  const source = {
    flows: false,
    changes: 0,
    resume() {
      this.flows = true;
      this.changes++;
    },
    pause() {
      this.flows = false;
      this.changes++;
    },
  };
  return { inbound: new Inbound(source, highWaterMark, Infinity), source };
}

/** The code with which a promise rejects, "value" when it resolves, "waiting" until then. */
function outcomeOf(work: Promise<unknown>): { now: string } {
  const outcome = { now: "waiting" };
  work.then(
    () => (outcome.now = "value"),
    (error: unknown) => (outcome.now = (error as { code: string }).code),
  );
  return outcome;
}

describe("Inbound.idleTimeoutMs", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  function idle(idleTimeoutMs: number): Inbound {
    return new Inbound({ resume: () => {}, pause: () => {} }, 65_536, idleTimeoutMs);
  }

  test("rejects a read for which nothing came", async () => {
    const inbound = idle(1_000);
    const outcome = outcomeOf(inbound.readSome(10));
    await vi.advanceTimersByTimeAsync(990);
    expect(outcome.now).toBe("waiting");
    await vi.advanceTimersByTimeAsync(140);
    expect(outcome.now).toBe("ERR_SOCKETSERVER_IDLE_TIMEOUT");
  });

  test("says in the error how long it waited", async () => {
    const inbound = idle(1_000);
    const read = expect(inbound.readSome(10)).rejects.toMatchObject({
      name: "PeerError",
      message: "Cannot read: nothing came for 1000 ms",
    });
    await vi.advanceTimersByTimeAsync(1_130);
    await read;
  });

  test("does not count while nobody reads", async () => {
    const inbound = idle(1_000);
    await vi.advanceTimersByTimeAsync(5_000);
    const outcome = outcomeOf(inbound.readSome(10));
    await vi.advanceTimersByTimeAsync(900);
    inbound.receive(Buffer.from("x"));
    await vi.advanceTimersByTimeAsync(0);
    expect(outcome.now).toBe("value");
  });

  test.each([
    ["readExactly", (inbound: Inbound) => inbound.readExactly(4)],
    ["read", (inbound: Inbound) => inbound.read(4)],
    ["readLine", (inbound: Inbound) => inbound.readLine(10)],
  ])("begins anew with every byte that comes for a waiting %s", async (_name, read) => {
    const inbound = idle(1_000);
    const outcome = outcomeOf(read(inbound));
    for (const byte of ["a", "b", "c", "\n"]) {
      await vi.advanceTimersByTimeAsync(600);
      inbound.receive(Buffer.from(byte));
    }
    await vi.advanceTimersByTimeAsync(0);
    expect(outcome.now).toBe("value");
  });

  test("may be set between two reads, to less", async () => {
    const inbound = idle(300_000);
    const first = inbound.readSome(10);
    inbound.receive(Buffer.from("x"));
    await first;
    inbound.idleTimeoutMs = 1_000;
    const outcome = outcomeOf(inbound.readSome(10));
    await vi.advanceTimersByTimeAsync(1_130);
    expect(outcome.now).toBe("ERR_SOCKETSERVER_IDLE_TIMEOUT");
  });

  test("leaves the stream usable", async () => {
    const inbound = idle(1_000);
    const outcome = outcomeOf(inbound.readSome(10));
    await vi.advanceTimersByTimeAsync(1_130);
    expect(outcome.now).toBe("ERR_SOCKETSERVER_IDLE_TIMEOUT");
    inbound.receive(Buffer.from("late"));
    expect((await inbound.readSome(10)).toString()).toBe("late");
  });

  test("leaves no timer behind at the end of the stream or after a failure", async () => {
    const ending = idle(1_000);
    outcomeOf(ending.readSome(1));
    ending.end();
    const failing = idle(1_000);
    outcomeOf(failing.readSome(1));
    failing.fail(new Error("reset"));
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("Inbound.requireRate()", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  test.each([0, 50, 100])("with a grace of %d ms is patient for 100 ms' worth, and no longer", async (graceMs) => {
    const { inbound } = flowing(65_536);
    inbound.requireRate(1_000, graceMs);
    const outcome = outcomeOf(inbound.readLine(1_000));
    for (let tenth = 0; tenth < 5; tenth++) {
      inbound.receive(Buffer.alloc(95, "x"));
      await vi.advanceTimersByTimeAsync(100);
    }
    expect(outcome.now).toBe("waiting");
    await vi.advanceTimersByTimeAsync(300);
    expect(outcome.now).toBe("ERR_SOCKETSERVER_SLOW_SENDER");
  });
});

describe("Inbound.highWaterMark", () => {
  test("pauses the source when as many bytes are buffered, and not before", async () => {
    const { inbound, source } = flowing(10);
    inbound.watch();
    inbound.receive(Buffer.alloc(9));
    expect(source.flows).toBe(true);
    inbound.receive(Buffer.alloc(1));
    expect(source.flows).toBe(false);
  });

  test("resumes the source when less than half is left", async () => {
    const { inbound, source } = flowing(10);
    inbound.watch();
    inbound.receive(Buffer.alloc(10));
    await inbound.readSome(5);
    expect(source.flows).toBe(false);
    await inbound.readSome(1);
    expect(source.flows).toBe(true);
  });

  test("of 0 takes nothing while nobody reads, but a chunk at a time if it is watched, also after a read", async () => {
    const { inbound, source } = flowing(0);
    const line = inbound.readLine(10);
    inbound.receive(Buffer.from("one\n"));
    expect(String(await line)).toBe("one\n");
    expect(source.flows).toBe(false);
    inbound.watch();
    const next = inbound.readLine(10);
    inbound.receive(Buffer.from("two\n"));
    expect(String(await next)).toBe("two\n");
    expect(source.flows).toBe(true);
    inbound.receive(Buffer.from("x"));
    expect(source.flows).toBe(false);
    await inbound.readSome(1);
    expect(source.flows).toBe(true);
  });

  test("asks the source for nothing before somebody reads", () => {
    const { source } = flowing(10);
    expect(source.changes).toBe(0);
  });

  test("gives way to a read that asks for more", async () => {
    const { inbound, source } = flowing(10);
    const bytes = inbound.readExactly(100);
    let sent = 0;
    while (sent < 100) {
      expect(source.flows).toBe(true);
      inbound.receive(Buffer.alloc(4));
      sent += 4;
    }
    expect((await bytes).length).toBe(100);
  });

  test("holds again after such a read", async () => {
    const { inbound, source } = flowing(10);
    const bytes = inbound.readExactly(20);
    inbound.receive(Buffer.alloc(40));
    await bytes;
    expect(source.flows).toBe(false);
    await inbound.readExactly(16);
    expect(source.flows).toBe(true);
  });

  test.each([1, 2, 3])("lets lines through that are longer than a mark of %d", async (mark) => {
    const { inbound, source } = flowing(mark);
    const line = inbound.readLine(100);
    for (const byte of "a long line\n") {
      expect(source.flows).toBe(true);
      inbound.receive(Buffer.from(byte));
      await Promise.resolve();
      await Promise.resolve();
      await Promise.resolve();
    }
    expect((await line).toString()).toBe("a long line\n");
  });

  test("asks an ended or failed source for nothing", async () => {
    const { inbound, source } = flowing(10);
    inbound.end();
    await inbound.readSome(1);
    inbound.watch();
    expect(source.changes).toBe(0);
  });

  test("counts every byte that came", () => {
    const { inbound } = flowing(10);
    inbound.receive(Buffer.alloc(7));
    inbound.receive(Buffer.alloc(8));
    expect(inbound.bytesRead).toBe(15);
  });
});
