import { StreamReader, type Address, type Connection } from "@socketserver/core";
import { dial, leakCheck, serve, talk, type RunningServer } from "@socketserver/testing";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { needs } from "../../packages/core/test/support/peers.ts";
import { KeyValueServer, RedisHandler } from "../key-value-server.ts";
import { RedisServer, redisBenchmark, redisCli } from "./support/redis.ts";
import { addressOf, runExample } from "./support/run-example.ts";

beforeEach(() => leakCheck());

const serveKeys = (): Promise<RunningServer<KeyValueServer>> => serve(RedisHandler, { server: KeyValueServer });

/** Send plain lines, all at once; the answer, one character for each byte. */
async function ask(address: Address, ...lines: readonly string[]): Promise<string> {
  return (await talk(address, Buffer.from(lines.map((line) => `${line}\r\n`).join(""), "latin1"))).toString("latin1");
}

/** A client who hears what is no answer. */
class Subscriber implements AsyncDisposable {
  readonly connection: Connection;
  readonly #reader: StreamReader;

  constructor(connection: Connection) {
    this.connection = connection;
    this.#reader = new StreamReader(connection.inbound);
  }

  static async to(address: Address): Promise<Subscriber> {
    return new Subscriber(await dial(address));
  }

  /** Send a command, and hear so many bytes. */
  async says(command: string, answer: string): Promise<void> {
    await this.connection.sendAll(`${command}\r\n`);
    await this.hears(answer);
  }

  async hears(text: string): Promise<void> {
    expect((await this.#reader.readExactly(text.length)).toString("latin1")).toBe(text);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.connection.close();
  }
}

/** A list as it is sent. */
function list(...items: readonly (string | number)[]): string {
  const encoded = items.map((item) => (typeof item === "number" ? `:${item}\r\n` : `$${item.length}\r\n${item}\r\n`));
  return `*${items.length}\r\n${encoded.join("")}`;
}

/** Everything that the server and Redis answer alike. */
const SCRIPT = `
PING
ping hello
ECHO "a b"
ECHO
GET none
GET
SET a 1
GET a
get a
GET a b
SET a 2 NX
SET a 2 xx
GET a
SET none 2 XX
SET a 3 GET
SET a 4 NX GET
SET fresh 1 NX GET
SET never 1 XX GET
SET fresh 2 GET NX
GET fresh
SET a 5 EX 100
TTL a
SET a 6 KEEPTTL
TTL a
INCR a
TTL a
SET a 7
TTL a
PTTL a
SET a 8 PX 100000
TTL a
SET a 9 KEEPTTL GET
SET a 1 EX 0
SET a 1 PX -5
SET a 1 EX x
SET a 1 EX
SET a 1 EX 10 PX 10
SET a 1 EX 10 KEEPTTL
SET a 1 KEEPTTL PX 10
SET a 1 NX XX
SET a 1 nonsense
SET a
SET
GET a
SET binary "\\x00\\xff\\r\\n\\n"
GET binary
SET "" empty
GET ""
SET empty ""
GET empty
INCR n
INCR n
DECR n
INCRBY n 10
INCRBY n -20
INCRBY n x
INCRBY n 1.5
INCR fresher
DECR never
GET n
TYPE n
SET n 007
INCR n
SET n " 1"
INCR n
SET n 1.5
DECR n
SET n ""
INCR n
MSET x 1 y 2 x 3
MSET x
MSET x 1 y
MGET x y none l
MGET
RPUSH l 1 2 3
LPUSH l a b
LPUSH l
LPUSH
LLEN l
LLEN none
LRANGE l 0 -1
LRANGE l 1 2
LRANGE l -2 -1
LRANGE l -100 100
LRANGE l 3 1
LRANGE l 5 9
LRANGE l 0 -100
LRANGE l 0 0
LRANGE none 0 -1
LRANGE l x 1
LRANGE l 0 x
LRANGE l 0
MGET x l y
TYPE l
TYPE x
TYPE none
GET l
INCR l
SET l 1 GET
LPUSH x 1
RPUSH x 1
LPOP x
LLEN x
LRANGE x 0 -1
LPOP l
LPOP l
LPOP l
LPOP l
LPOP l
LPOP l
EXISTS l
LPUSH l again
SET l text
GET l
EXISTS a a none x
EXISTS
DEL x none y x
DEL
EXPIRE a 100
TTL a
PERSIST a
PERSIST a
PERSIST none
TTL a
TTL none
PTTL none
EXPIRE none 100
EXPIRE a x
EXPIRE a
PEXPIRE a 100000
TTL a
EXPIRE a -1
EXISTS a
PEXPIRE n 0
GET n
RPUSH timed 1
EXPIRE timed 100
RPUSH timed 2
TTL timed
PUBLISH nobody hears
PUBLISH nobody
SELECT 0
SELECT 99
SELECT x
nonsense
nonsense a "b c"
FLUSHALL
DBSIZE
SET one 1
DBSIZE
DBSIZE now
UNSUBSCRIBE
QUIT
`;

describe("RedisHandler", () => {
  test("answers commands in their order, however many come at once", async () => {
    await using running = await serveKeys();
    const commands = Array.from({ length: 5_000 }, (_, index) => `INCRBY sum ${index % 2 === 0 ? 2 : -1}`);
    const answers = commands.map((_, index) => `:${Math.floor(index / 2) + (index % 2 === 0 ? 2 : 1)}\r\n`);
    expect(await ask(running.address, ...commands)).toBe(answers.join(""));
    expect(await ask(running.address, "GET sum", "DBSIZE")).toBe("$4\r\n2500\r\n:1\r\n");
    expect(running.errors).toEqual([]);
  });

  test("answers wrong commands as Redis words it, and goes on", async () => {
    await using running = await serveKeys();
    expect(await ask(running.address, "Foo a b", "Get", "LPUSH l 1", "GET l", "INCR l", "PING")).toBe(
      [
        "-ERR unknown command 'Foo', with args beginning with: 'a' 'b' ",
        "-ERR wrong number of arguments for 'get' command",
        ":1",
        "-WRONGTYPE Operation against a key holding the wrong kind of value",
        "-WRONGTYPE Operation against a key holding the wrong kind of value",
        "+PONG\r\n",
      ].join("\r\n"),
    );
  });

  test("counts as far as numbers are exact, and no further", async () => {
    await using running = await serveKeys();
    const { MAX_SAFE_INTEGER: most } = Number;
    const lines = [`SET n ${most - 1}`, "INCR n", "INCR n", "GET n", `INCRBY n ${most + 1}`];
    expect(await ask(running.address, ...lines)).toBe(
      `+OK\r\n:${most}\r\n-ERR increment or decrement would overflow\r\n$16\r\n${most}\r\n` +
        "-ERR value is not an integer or out of range\r\n",
    );
  });

  test("tells clients what they ask before they begin", async () => {
    await using running = await serveKeys();
    expect(await ask(running.address, "HELLO 3")).toBe("-NOPROTO unsupported protocol version\r\n");
    for (const hello of ["HELLO", "HELLO 2"]) {
      expect(await ask(running.address, hello)).toContain("$5\r\nproto\r\n:2\r\n");
    }
    expect(await ask(running.address, "CONFIG GET save")).toBe(list("save", ""));
    expect(await ask(running.address, "CLIENT SETNAME me", "COMMAND DOCS")).toBe("+OK\r\n*0\r\n");
  });

  test("hangs up at QUIT, whatever comes behind it", async () => {
    await using running = await serveKeys();
    const answer = await talk(running.address, "PING\r\nQUIT\r\nSET a 1\r\n", { halfClose: false });
    expect(answer.toString()).toBe("+PONG\r\n+OK\r\n");
    expect(running.server.keys.size).toBe(0);
  });

  test.each([
    { what: "no command", stream: "*1\r\nPING\r\n", says: "invalid bulk length", reason: "protocol" },
    { what: "too long", stream: "*1\r\n$600000\r\n", says: "invalid bulk length", reason: "too-big" },
    { what: "cut off", stream: "*1\r\n$4\r\nPI", says: "the stream ended in the middle of it", reason: "protocol" },
  ])("says what is wrong with a stream that is $what, and hangs up", async ({ stream, says, reason }) => {
    await using running = await serveKeys();
    const answer = await talk(running.address, `PING\r\n${stream}`);
    expect(answer.toString()).toBe(`+PONG\r\n-ERR Protocol error: ${says}\r\n`);
    expect(await running.closedCount(1)).toMatchObject([{ reason }]);
  });

  describe("with Redis", () => {
    beforeEach(needs("redis"));

    test("answers every command as Redis does", async () => {
      await using running = await serveKeys();
      await using redis = await RedisServer.start();
      const expected = await redisCli(redis.address, SCRIPT);
      expect(await redisCli(running.address, SCRIPT)).toEqual(expected);
      expect(expected.length).toBeGreaterThan(100);
      // The same without a client that might read more into it.
      const lines = SCRIPT.trim().split("\n");
      const plain = lines.filter((line) => !line.includes('"'));
      await using again = await serveKeys();
      const settings = { halfClose: false };
      const input = `FLUSHALL\r\n${plain.join("\r\n")}\r\n`;
      expect(await talk(again.address, input, settings)).toEqual(await talk(redis.address, input, settings));
      expect([...running.errors, ...again.errors]).toEqual([]);
    });

    test.each([1, 16])("stands redis-benchmark, with %i commands at once", async (pipeline) => {
      await using running = await serveKeys();
      const tests = "ping_inline,ping_mbulk,set,get,incr,lpush,rpush,lpop,mset,lrange_100";
      const said = await redisBenchmark(running.address, "-n", "2000", "-t", tests, "-P", String(pipeline));
      // A line for each test, one for the pushes before LRANGE, and the one with the titles.
      expect(said.match(/^".*"$/gm)).toHaveLength(12);
      expect(said).not.toMatch(/error|warning/i);
      expect(said).toMatch(/exit code 0$/);
      expect(running.errors).toEqual([]);
    });
  });
});

describe("Keyspace", () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"] }));
  afterEach(() => void vi.useRealTimers());

  test("forgets a key when its time is over", async () => {
    await using running = await serveKeys();
    const { address } = running;
    expect(await ask(address, "SET a 1 PX 50", "RPUSH l 1", "PEXPIRE l 60", "SET b 1 EX 1")).toBe(
      "+OK\r\n:1\r\n:1\r\n+OK\r\n",
    );
    vi.advanceTimersByTime(49);
    expect(await ask(address, "GET a", "PTTL a", "PTTL l", "TTL b")).toBe("$1\r\n1\r\n:1\r\n:11\r\n:1\r\n");
    vi.advanceTimersByTime(1);
    expect(await ask(address, "GET a", "PTTL a", "EXISTS a l", "SET a 2 XX")).toBe("$-1\r\n:-2\r\n:1\r\n$-1\r\n");
    vi.advanceTimersByTime(10);
    expect(await ask(address, "DEL l", "LLEN l", "RPUSH l 2", "TTL l")).toBe(":0\r\n:0\r\n:1\r\n:-1\r\n");
  });

  test("lets go of keys that nobody asks for, a part of them at a time", async () => {
    await using running = await serveKeys();
    const { keys } = running.server;
    for (let index = 0; index < 25_000; index++) keys.put(`key ${index}`, "", index === 0 ? Infinity : Date.now() + 10);
    running.server.serviceActions();
    expect(keys.size).toBe(25_000);
    vi.advanceTimersByTime(10);
    const sizes = Array.from({ length: 4 }, () => {
      running.server.serviceActions();
      return keys.size;
    });
    // The first of all calls had looked at 10 000 keys; the next but one comes to the end.
    expect(sizes).toEqual([15_000, 10_000, 1, 1]);
    expect([...keys.keys()]).toEqual(["key 0"]);
  });

  test("keeps of a chunk no more than what it stores", async () => {
    setFlagsFromString("--expose-gc");
    const collectGarbage = runInNewContext("gc") as () => void;
    await using running = await serveKeys();
    const filler = `ECHO ${"x".repeat(60_000)}`;
    const heldBy = async (fill: (index: number) => string): Promise<number> => {
      collectGarbage();
      const before = process.memoryUsage().heapUsed;
      for (let index = 0; index < 300; index++) await ask(running.address, fill(index), filler);
      collectGarbage();
      return process.memoryUsage().heapUsed - before;
    };
    expect(await heldBy((index) => `SET a-key-that-is-long-${index} ${"value".repeat(5)}`)).toBeLessThan(5_000_000);
    expect(await heldBy((index) => `RPUSH list an-item-that-is-long-${index}`)).toBeLessThan(5_000_000);
    expect(running.server.keys.size).toBe(301);
  });
});

describe("Publish and subscribe", () => {
  test("lets subscribers hear what is published, until they leave", async () => {
    await using running = await serveKeys();
    const { address, server } = running;
    await using ann = await Subscriber.to(address);
    await using bob = await Subscriber.to(address);
    await ann.says("SUBSCRIBE news sport", list("subscribe", "news", 1) + list("subscribe", "sport", 2));
    await bob.says("subscribe news news", list("subscribe", "news", 1).repeat(2));
    expect(await ask(address, "PUBLISH news one", "PUBLISH sport two", "PUBLISH none x")).toBe(":2\r\n:1\r\n:0\r\n");
    await ann.hears(list("message", "news", "one") + list("message", "sport", "two"));
    await bob.hears(list("message", "news", "one"));
    await ann.says("PING", list("pong", ""));
    await ann.says("UNSUBSCRIBE news", list("unsubscribe", "news", 1));
    await ann.says("UNSUBSCRIBE", list("unsubscribe", "sport", 0));
    await ann.says("UNSUBSCRIBE", "*3\r\n$11\r\nunsubscribe\r\n$-1\r\n:0\r\n");
    await ann.says("PING", "+PONG\r\n");
    expect([...server.channels.keys()]).toEqual(["news"]);
    expect(await ask(address, "PUBLISH news three")).toBe(":1\r\n");
    await bob.hears(list("message", "news", "three"));
    bob.connection.abort();
    // The one who asked, twice, and Bob.
    await running.closedCount(3);
    expect(server.channels.size).toBe(0);
    expect(running.errors).toEqual([]);
  });

  test("lets a subscriber go who does not read, and nobody waits for it", async () => {
    await using running = await serveKeys();
    const { address, server } = running;
    await using slow = await Subscriber.to(address);
    await slow.says("SUBSCRIBE news", list("subscribe", "news", 1));
    await using reader = await Subscriber.to(address);
    await reader.says("SUBSCRIBE news", list("subscribe", "news", 1));
    await using publisher = await Subscriber.to(address);
    const text = "x".repeat(500_000);
    const publish = async (): Promise<void> => {
      const listening = server.channels.get("news")?.size;
      await publisher.says(list("PUBLISH", "news", text).trimEnd(), `:${listening}\r\n`);
      await reader.hears(list("message", "news", text));
    };
    let sent = 0;
    // The kernel takes some of it, too.
    for (; server.channels.get("news")?.size === 2 && sent < 100; sent++) await publish();
    expect(sent * text.length).toBeGreaterThan(8_388_608);
    expect(sent).toBeLessThan(100);
    await publish();
    slow.connection.abort();
    await running.closedCount(1);
    expect(running.errors).toEqual([]);
  });
});

describe("key-value-server.ts", () => {
  beforeEach(needs("redis"));

  test("prints a line to try that works as it is", async () => {
    await using program = runExample("key-value-server.ts");
    const address = await addressOf(program);
    const [line] = await program.line(/^ {2}redis-cli -h 127\.0\.0\.1 -p \d+$/);
    expect(line).toBe(`  redis-cli -h ${address.host} -p ${address.port}`);
    expect(await redisCli(address, 'SET greeting "hello, world"\nGET greeting\n')).toEqual(["OK", '"hello, world"']);
    expect(await program.end("SIGINT")).toMatchObject({ code: 0, stderr: "" });
  });
});
