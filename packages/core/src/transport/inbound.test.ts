import { setImmediate as nextTurn } from "node:timers/promises";

import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { Inbound } from "./inbound.ts";

/** An inbound whose source does nothing: the test is the peer. */
function inboundWith(...chunks: string[]): Inbound {
  const inbound = new Inbound({ resume: () => {}, pause: () => {} }, 65_536, Infinity);
  for (const chunk of chunks) inbound.receive(Buffer.from(chunk));
  return inbound;
}

function ended(...chunks: string[]): Inbound {
  const inbound = inboundWith(...chunks);
  inbound.end();
  return inbound;
}

const text = async (bytes: Promise<Buffer>): Promise<string> => (await bytes).toString();

describe("Inbound.readSome()", () => {
  test("answers what has come, at most the limit", async () => {
    const inbound = inboundWith("hello");
    expect(await text(inbound.readSome(4))).toBe("hell");
    expect(await text(inbound.readSome(4))).toBe("o");
  });

  test("waits for the first byte", async () => {
    const inbound = inboundWith();
    const bytes = text(inbound.readSome(10));
    inbound.receive(Buffer.from("late"));
    expect(await bytes).toBe("late");
  });

  test("answers empty at the end, each time", async () => {
    const inbound = ended("x");
    expect(await text(inbound.readSome(10))).toBe("x");
    expect(inbound.endSeen).toBe(false);
    expect(await text(inbound.readSome(10))).toBe("");
    expect(await text(inbound.readSome(10))).toBe("");
    expect(inbound.endSeen).toBe(true);
  });

  test.each([0, -1, 1.5, NaN, Infinity])("rejects a limit of %d", async (limit) => {
    await expect(inboundWith("x").readSome(limit)).rejects.toMatchObject({
      name: "RangeError",
      code: "ERR_SOCKETSERVER_INVALID_ARGUMENT",
      message: `Cannot read: limit must be an integer >= 1, received ${limit}`,
    });
  });

  test("rejects a limit that is no number", async () => {
    await expect(inboundWith("x").readSome("4" as never)).rejects.toMatchObject({
      name: "TypeError",
      code: "ERR_SOCKETSERVER_INVALID_ARGUMENT",
    });
  });
});

describe("Inbound.readExactly()", () => {
  test("waits until everything has come, and leaves the rest", async () => {
    const inbound = inboundWith("ab");
    const bytes = text(inbound.readExactly(5));
    inbound.receive(Buffer.from("cd"));
    inbound.receive(Buffer.from("ef"));
    expect(await bytes).toBe("abcde");
    expect(await text(inbound.readSome(10))).toBe("f");
  });

  test("rejects when the stream ends first, with what came", async () => {
    const inbound = ended("abc");
    const error: unknown = await inbound.readExactly(4).catch((caught: unknown) => caught);
    expect(error).toMatchObject({
      name: "PeerError",
      code: "ERR_SOCKETSERVER_INCOMPLETE_READ",
      partial: Buffer.from("abc"),
    });
    expect(inbound.endSeen).toBe(true);
  });

  test("answers the last bytes of the stream", async () => {
    const inbound = ended("abcd");
    expect(await text(inbound.readExactly(4))).toBe("abcd");
    expect(inbound.endSeen).toBe(false);
  });
});

describe("Inbound.read()", () => {
  test("waits for the limit, not for the first bytes", async () => {
    const inbound = inboundWith("ab");
    const bytes = text(inbound.read(4));
    inbound.receive(Buffer.from("cdef"));
    expect(await bytes).toBe("abcd");
  });

  test("answers what is left at the end, then empty", async () => {
    const inbound = ended("abc");
    expect(await text(inbound.read(10))).toBe("abc");
    expect(await text(inbound.read(10))).toBe("");
  });
});

describe("Inbound.readToEnd()", () => {
  test("answers exactly the limit", async () => {
    expect(await text(ended("ab", "cd").readToEnd(4))).toBe("abcd");
  });

  test("rejects one byte more than the limit", async () => {
    await expect(ended("ab", "cde").readToEnd(4)).rejects.toMatchObject({
      name: "PeerError",
      code: "ERR_SOCKETSERVER_TOO_BIG",
    });
  });

  test("does not wait for the end once there is too much", async () => {
    await expect(inboundWith("abcde").readToEnd(4)).rejects.toMatchObject({ code: "ERR_SOCKETSERVER_TOO_BIG" });
  });
});

describe("Inbound.readLine()", () => {
  test("answers lines with their terminators, then the unterminated rest, then empty", async () => {
    const inbound = ended("one\ntw", "o\r\n\nrest");
    const lines = [];
    for (let count = 0; count < 5; count++) lines.push(await text(inbound.readLine(100)));
    expect(lines).toEqual(["one\n", "two\r\n", "\n", "rest", ""]);
  });

  test("answers a line of exactly the limit, terminator included", async () => {
    expect(await text(inboundWith("abc\nx").readLine(4))).toBe("abc\n");
  });

  test("rejects a line of one byte more, and takes nothing of it", async () => {
    const inbound = inboundWith("abcd\n");
    await expect(inbound.readLine(4)).rejects.toMatchObject({ name: "PeerError", code: "ERR_SOCKETSERVER_TOO_BIG" });
    expect(await text(inbound.readLine(5))).toBe("abcd\n");
  });

  test("answers an unterminated rest of exactly the limit", async () => {
    expect(await text(ended("abcd").readLine(4))).toBe("abcd");
  });

  test("rejects an unterminated rest of one byte more", async () => {
    await expect(ended("abcde").readLine(4)).rejects.toMatchObject({ code: "ERR_SOCKETSERVER_TOO_BIG" });
  });

  test("never shows the peer's bytes in its error", async () => {
    const error = (await inboundWith("secret!")
      .readLine(4)
      .catch((caught: unknown) => caught)) as Error;
    expect(error.message).not.toContain("secret");
  });

  test("answers the same lines however the bytes were cut", async () => {
    const content = fc.stringMatching(/^[ab\n]{0,30}$/);
    await fc.assert(
      fc.asyncProperty(content, fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 30 }), async (whole, sizes) => {
        const inbound = inboundWith();
        const lines: string[] = [];
        const reading = (async () => {
          for (;;) {
            const line = await text(inbound.readLine(100));
            if (line === "") return;
            lines.push(line);
          }
        })();
        let from = 0;
        for (const size of [...sizes, whole.length]) {
          inbound.receive(Buffer.from(whole.slice(from, from + size)));
          from += size;
          if (size % 2 === 0) await Promise.resolve();
        }
        inbound.end();
        await reading;
        expect(lines).toEqual(whole.match(/[^\n]*\n|[^\n]+$/g) ?? []);
      }),
      { numRuns: 200 },
    );
  });
});

describe("Inbound.readUntil()", () => {
  const blankLine = Buffer.from("\r\n\r\n");

  test("answers everything up to the end of the separator, also across chunks", async () => {
    const inbound = inboundWith("head\r", "\n\r");
    const bytes = text(inbound.readUntil(blankLine, 100));
    inbound.receive(Buffer.from("\nbody"));
    expect(await bytes).toBe("head\r\n\r\n");
    expect(await text(inbound.readSome(10))).toBe("body");
  });

  test("holds its limit at exactly the maximum and one more", async () => {
    expect(await text(inboundWith("ab\r\n\r\n").readUntil(blankLine, 6))).toBe("ab\r\n\r\n");
    await expect(inboundWith("abc\r\n\r\n").readUntil(blankLine, 6)).rejects.toMatchObject({
      code: "ERR_SOCKETSERVER_TOO_BIG",
    });
  });

  test("rejects when the stream ends first, with what came", async () => {
    const error: unknown = await ended("head\r\n")
      .readUntil(blankLine, 100)
      .catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: "ERR_SOCKETSERVER_INCOMPLETE_READ", partial: Buffer.from("head\r\n") });
  });

  test("rejects an empty separator", async () => {
    await expect(inboundWith("x").readUntil(Buffer.alloc(0), 10)).rejects.toMatchObject({
      name: "RangeError",
      code: "ERR_SOCKETSERVER_INVALID_ARGUMENT",
    });
  });
});

describe("Inbound.peek()", () => {
  test("shows bytes without taking them, across chunks", async () => {
    const inbound = inboundWith("ab", "cd");
    expect(await text(inbound.peek(3))).toBe("abc");
    expect(await text(inbound.readSome(10))).toBe("abcd");
  });

  test("waits for one byte, and is empty at the end", async () => {
    const inbound = inboundWith();
    const bytes = text(inbound.peek(3));
    inbound.receive(Buffer.from("a"));
    expect(await bytes).toBe("a");
    expect(await text(ended().peek(3))).toBe("");
  });

  test("answers a Buffer that belongs to the reader", async () => {
    const inbound = inboundWith("abc");
    (await inbound.peek(3)).fill("x");
    expect(await text(inbound.readSome(3))).toBe("abc");
  });
});

describe("Inbound.unwanted", () => {
  test("tells the end that our side made from the peer's", () => {
    const [ours, peers, failed] = [inboundWith("x"), inboundWith("x"), inboundWith("x")];
    expect(ours.unwanted).toBe(false);
    ours.end(false);
    peers.end();
    failed.fail(new Error("reset"));
    expect([ours, peers, failed].map(({ unwanted }) => unwanted)).toEqual([true, false, false]);
    expect([ours, peers, failed].map(({ peerEnded }) => peerEnded)).toEqual([false, true, false]);
  });

  test("is also said after the peer has ended, and stays", () => {
    const inbound = ended("x");
    inbound.end(false);
    expect([inbound.unwanted, inbound.peerEnded]).toEqual([true, true]);
    inbound.end();
    expect(inbound.unwanted).toBe(true);
  });
});

describe("Inbound: one reader at a time", () => {
  const reads: Readonly<Record<string, (inbound: Inbound) => Promise<Buffer>>> = {
    readSome: (inbound) => inbound.readSome(1),
    readExactly: (inbound) => inbound.readExactly(1),
    read: (inbound) => inbound.read(1),
    readToEnd: (inbound) => inbound.readToEnd(10),
    readLine: (inbound) => inbound.readLine(10),
    readUntil: (inbound) => inbound.readUntil(Buffer.from("."), 10),
    peek: (inbound) => inbound.peek(1),
  };

  test.each(Object.keys(reads))("%s rejects while another read waits, and does not disturb it", async (name) => {
    const inbound = inboundWith("ab");
    const first = text(inbound.readExactly(3));
    await expect(reads[name]?.(inbound)).rejects.toMatchObject({
      name: "SocketServerError",
      code: "ERR_SOCKETSERVER_CONCURRENT_READ",
    });
    inbound.receive(Buffer.from("c"));
    expect(await first).toBe("abc");
  });

  test.each(Object.keys(reads))("%s rejects with the failure of the connection, now and later", async (name) => {
    const inbound = inboundWith();
    const waiting = reads[name]?.(inbound);
    const error = new Error("reset");
    inbound.fail(error);
    await expect(waiting).rejects.toBe(error);
    await expect(reads[name]?.(inbound)).rejects.toBe(error);
  });

  test("another read may begin after one was rejected", async () => {
    const inbound = inboundWith("abcdef");
    await expect(inbound.readLine(3)).rejects.toThrow("Cannot read");
    expect(await text(inbound.readSome(10))).toBe("abcdef");
  });

  test("what had come before an orderly end stays readable after a failure", async () => {
    const inbound = ended("abc");
    inbound.fail(new Error("closed"));
    expect(await text(inbound.readSome(10))).toBe("abc");
    expect(await text(inbound.readSome(10))).toBe("");
  });

  test("what had come before a reset is gone", async () => {
    const inbound = inboundWith("abc");
    inbound.fail(new Error("reset"));
    await nextTurn();
    await expect(inbound.readSome(10)).rejects.toThrow("reset");
  });
});
