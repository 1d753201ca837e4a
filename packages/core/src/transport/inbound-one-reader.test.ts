import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { settled } from "../../test/support/settled.ts";
import { socketPair } from "../../test/support/socket-pair.ts";
import { codeOf } from "../errors.ts";
import { StreamReader } from "../handler/stream-reader.ts";
import { Connection } from "./connection.ts";
import { Inbound } from "./inbound.ts";

const REFUSED = { name: "SocketServerError", code: "ERR_SOCKETSERVER_CONCURRENT_READ" };

/** An inbound whose source does nothing: the test is the peer. */
function newInbound(idleTimeoutMs = Infinity): Inbound {
  return new Inbound({ resume: () => {}, pause: () => {} }, 65_536, idleTimeoutMs);
}

type Read = (inbound: Inbound) => Promise<Buffer>;

/** The kinds of reads, each so that it waits for all or most of what {@link INPUT} has. */
const FIRST: Readonly<Record<string, Read>> = {
  readSome: (inbound) => inbound.readSome(100),
  readExactly: (inbound) => inbound.readExactly(9),
  read: (inbound) => inbound.read(9),
  readToEnd: (inbound) => inbound.readToEnd(12),
  "readToEnd, too small": (inbound) => inbound.readToEnd(8),
  readLine: (inbound) => inbound.readLine(12),
  "readLine, too small": (inbound) => inbound.readLine(7),
  readUntil: (inbound) => inbound.readUntil(Buffer.from(".."), 11),
  "readUntil, too small": (inbound) => inbound.readUntil(Buffer.from(".."), 8),
  peek: (inbound) => inbound.peek(100),
};

const INPUT = ["a", "bcd", "ef.", "g", "h..", "\n"];

/** The same kinds with other limits and separators: what a first one would end with if they took its place. */
const SECOND: readonly Read[] = [
  (inbound) => inbound.readSome(1),
  (inbound) => inbound.readExactly(1),
  (inbound) => inbound.read(1),
  (inbound) => inbound.readToEnd(1),
  (inbound) => inbound.readLine(1),
  (inbound) => inbound.readLine(1_000),
  (inbound) => inbound.readUntil(Buffer.from("."), 1),
  (inbound) => inbound.readUntil(Buffer.from("."), 1_000),
  (inbound) => inbound.peek(1),
];

/** What a read and everything after it ends with, when this comes, with something done before each chunk. */
async function outcome(read: Read, before: (inbound: Inbound) => Promise<void>): Promise<unknown[]> {
  const inbound = newInbound();
  let waits = true;
  const first = read(inbound).then(String, codeOf);
  void first.then(() => (waits = false));
  for (const chunk of INPUT) {
    if (waits) await before(inbound);
    inbound.receive(Buffer.from(chunk));
    // Whether it still waits is known then.
    await settled(first);
  }
  const left = inbound.unread;
  inbound.end();
  return [await first, left, String(await inbound.readToEnd(100))];
}

describe("Inbound: a second read", () => {
  test.each(Object.keys(FIRST))(
    "is refused while %s waits, whatever it asks for, and changes nothing",
    async (kind) => {
      const read = FIRST[kind] as Read;
      let refused = 0;
      const disturbed = await outcome(read, async (inbound) => {
        for (const second of SECOND) {
          await expect(second(inbound)).rejects.toMatchObject(REFUSED);
          refused++;
        }
      });
      expect(refused).toBeGreaterThanOrEqual(SECOND.length);
      expect(disturbed).toEqual(await outcome(read, async () => {}));
    },
  );

  test("with a wrong argument is told so, and changes nothing, either", async () => {
    const inbound = newInbound();
    const first = inbound.readExactly(3);
    inbound.receive(Buffer.from("ab"));
    const wrong = { code: "ERR_SOCKETSERVER_INVALID_ARGUMENT" };
    await expect(inbound.readSome(0)).rejects.toMatchObject(wrong);
    await expect(inbound.readUntil(Buffer.alloc(0), 10)).rejects.toMatchObject(wrong);
    inbound.receive(Buffer.from("c"));
    expect(String(await first)).toBe("abc");
  });

  test("is refused although enough for it has come", async () => {
    const inbound = newInbound();
    const first = inbound.readExactly(10);
    inbound.receive(Buffer.from("enough\n"));
    await expect(inbound.readLine(100)).rejects.toMatchObject(REFUSED);
    inbound.receive(Buffer.from("now"));
    expect(String(await first)).toBe("enough\nnow");
  });

  test("may begin in what the first one ends with", async () => {
    const inbound = newInbound();
    const both = inbound.readExactly(2).then(async (first) => [first, await inbound.readExactly(2)].map(String));
    inbound.receive(Buffer.from("abcd"));
    expect(await both).toEqual(["ab", "cd"]);
  });

  test("is no fault of the peer", async () => {
    const inbound = newInbound();
    void inbound.readSome(1).catch(() => {});
    const error: unknown = await inbound.readSome(1).catch((caught: unknown) => caught);
    expect(inbound.owns(error)).toBe(false);
    inbound.end();
  });
});

describe("Inbound: a second read and the time-out of the first", () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setImmediate", "performance"] });
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  test("neither puts it off nor ends it", async () => {
    const inbound = newInbound(1_000);
    const ended = vi.fn();
    const first = inbound.readSome(1).catch(ended);
    for (let time = 0; time < 9; time++) {
      await vi.advanceTimersByTimeAsync(100);
      await expect(inbound.readSome(1)).rejects.toMatchObject(REFUSED);
    }
    expect(ended).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(300);
    expect(ended).toHaveBeenCalledWith(expect.objectContaining({ code: "ERR_SOCKETSERVER_IDLE_TIMEOUT" }));
    await first;
    inbound.end();
  });
});

describe("Connection and rfile: one reader for both", () => {
  test("refuse each other's reads, and go on with the first", async () => {
    await using pair = await socketPair();
    const connection = new Connection(pair.server);
    const rfile = new StreamReader(connection.inbound);
    const line = rfile.readLine();
    const others = [connection.recv(), connection.recvExactly(1), rfile.read(), rfile.readLine(3), rfile.peek(1)];
    const iterations = [connection[Symbol.asyncIterator]().next(), rfile[Symbol.asyncIterator]().next()];
    for (const other of [...others, ...iterations]) await expect(other).rejects.toMatchObject(REFUSED);
    pair.client.write("one\ntwo\n");
    expect(String(await line)).toBe("one\n");
    const rest = connection.recvExactly(8);
    await expect(rfile.readLine()).rejects.toMatchObject(REFUSED);
    pair.client.write("more");
    expect(String(await rest)).toBe("two\nmore");
    connection.abort();
  });
});
