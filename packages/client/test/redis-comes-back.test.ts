/**
 * A reconnecting channel as a client of Redis: what a lost connection knew is set up again, and a server that keeps
 * count tells how often it was asked.
 *
 * @module
 */
import { Channel, ReconnectingChannel, RequestError, type ReconnectingChannelOptions } from "@socketserver/client";
import type { Address } from "@socketserver/core";
import { leakCheck } from "@socketserver/testing";
import { beforeEach, describe, expect, test } from "vitest";

import { eventually } from "../../core/test/support/eventually.ts";
import { needs } from "../../core/test/support/peers.ts";
import { temporaryPath } from "../../core/test/support/temporary-path.ts";
import { freePort } from "./support/free-port.ts";
import { RedisServer, blockedClients } from "./support/redis-server.ts";
import { RespError, respClient, type RespReply } from "./support/resp-client-codec.ts";

beforeEach(() => leakCheck());
beforeEach(needs("redis"));

type RedisOptions = ReconnectingChannelOptions<RespReply, readonly string[]>;

const CODEC = respClient();

/** Each connection begins with the same commands. */
class RedisClient extends ReconnectingChannel<RespReply, readonly string[]> {
  readonly #beginning: readonly string[];

  constructor(address: Address, beginning: readonly string[] = [], options: RedisOptions = {}) {
    super(address, CODEC, { backoff: { minDelayMs: 5, maxDelayMs: 50 }, stableMs: 0, ...options });
    this.#beginning = beginning;
  }

  /** Send a command of plain words. */
  say(command: string): Promise<RespReply> {
    return this.request(command.split(" "));
  }

  protected override async setup(channel: Channel<RespReply, readonly string[]>): Promise<void> {
    const replies = await Promise.all(this.#beginning.map((command) => channel.request(command.split(" "))));
    for (const reply of replies) if (reply instanceof RespError) throw reply;
  }
}

const local = async (): Promise<Address> => ({ host: "127.0.0.1", port: await freePort() });

/** Somebody whose connection nobody kills. */
const dial = (redis: RedisServer): Promise<Channel<RespReply, readonly string[]>> =>
  Channel.connect(redis.address, CODEC, { requestQueueSize: Infinity });

describe.each([
  { name: "TCP", address: local },
  { name: "a Unix socket", address: async (): Promise<Address> => ({ path: await temporaryPath() }) },
])("ReconnectingChannel, with a Redis server over $name", ({ address }) => {
  test.each([
    { how: "is shut down", end: (client: RedisClient) => client.send(["SHUTDOWN", "NOSAVE"]) },
    { how: "is killed", end: (_: RedisClient, redis: RedisServer) => redis.end("SIGKILL") },
  ])("has the same name and the same database after a server that $how", async ({ end }) => {
    await using first = await RedisServer.start(await address());
    const { address: place } = first;
    await using client = new RedisClient(place, ["HELLO 2", "CLIENT SETNAME tester", "SELECT 3"]);
    const states: string[] = [];
    for (const event of ["connected", "disconnected"] as const) client.on(event, () => states.push(event));
    expect(await client.say("CLIENT INFO")).toMatch(/ name=tester .* db=3 /);
    const lost = new Promise((resolve) => client.once("disconnected", resolve));
    await end(client, first);
    await Promise.all([first.end(), lost]);
    const waiting = ["SET key value", "GET key", "CLIENT INFO"].map((command) => client.say(command));
    await using second = await RedisServer.start(place);
    expect(await Promise.all(waiting)).toEqual([
      "OK",
      "value",
      expect.stringMatching(/ name=tester .* db=3 /) as string,
    ]);
    expect(states).toEqual(["connected", "disconnected", "connected"]);
    await using other = await dial(second);
    expect(await other.request(["INFO", "keyspace"])).toContain("db3:keys=1");
  });
});

describe("ReconnectingChannel, with a Redis server", () => {
  test("waits for a server that is not there yet", async () => {
    const place = await local();
    await using client = new RedisClient(place, ["SELECT 1"]);
    const waiting = client.say("PING");
    await new Promise((resolve) => client.once("waiting", resolve));
    await using redis = await RedisServer.start(place);
    expect(await waiting).toBe("PONG");
    await using other = await dial(redis);
    expect(await other.request(["CLIENT", "LIST", "TYPE", "normal"])).toContain(" db=1 ");
  });

  test("rejects the command during which its connection is killed, and repeats an idempotent one", async () => {
    await using redis = await RedisServer.start(await local());
    await using other = await dial(redis);
    await using client = new RedisClient(redis.address, ["CLIENT SETNAME victim"]);
    const once = client.request(["BLPOP", "list", "0"]);
    const rejected = expect(once).rejects.toMatchObject({ name: "RequestError", sent: true });
    const again = client.request(["ECHO", "again"], { idempotent: true });
    await blockedClients(other, 1);
    expect(await other.request(["CLIENT", "KILL", "TYPE", "normal"])).toBe(1);
    await rejected;
    expect(await again).toBe("again");
    expect(await client.say("CLIENT GETNAME")).toBe("victim");
    // Nobody waits for the list any more.
    expect(await client.say("RPUSH list kept")).toBe(1);
    expect(await client.say("LRANGE list 0 -1")).toEqual(["kept"]);
  });

  test("gives up when it cannot log in, and tells why", async () => {
    await using redis = await RedisServer.start(await local(), "--requirepass", "secret");
    await using client = new RedisClient(redis.address, ["AUTH wrong"], { maxAttempts: 3 });
    const error: unknown = await client.say("PING").catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(RequestError);
    expect(error).toMatchObject({ code: "ERR_SOCKETSERVER_RECONNECT_FAILED", sent: false });
    expect((error as RequestError).cause).toBeInstanceOf(RespError);
    expect(String((error as RequestError).cause)).toContain("WRONGPASS");
    expect(client.state).toBe("closed");
    await using right = new RedisClient(redis.address, ["AUTH secret"], { maxAttempts: 1 });
    expect(await right.say("PING")).toBe("PONG");
  });

  test("subscribes again over each connection, and goes on hearing", async () => {
    await using redis = await RedisServer.start(await local());
    await using publisher = await dial(redis);
    await using subscriber = new RedisClient(redis.address, ["SUBSCRIBE news"]);
    const heard = subscriber[Symbol.asyncIterator]();
    for (let round = 0; round < 5; round++) {
      const stories = [`first of ${round}`, `second of ${round}`];
      const first = heard.next();
      await eventually(async () => {
        expect(await publisher.request(["PUBSUB", "NUMSUB", "news"])).toEqual(["news", 1]);
      });
      for (const story of stories) expect(await publisher.request(["PUBLISH", "news", story])).toBe(1);
      const messages = [(await first).value, (await heard.next()).value];
      expect(messages).toEqual(stories.map((story) => ["message", "news", story]));
      expect(await publisher.request(["CLIENT", "KILL", "TYPE", "pubsub"])).toBe(1);
    }
  });
});

describe("ReconnectingChannel, with a Redis server that kills its connection again and again", () => {
  const [kills, perKill] = [20, 300];
  const words = Array.from({ length: kills * perKill }, (_, index) => `word ${index}`);

  /** Ask about every word, and kill the connection of whoever does each time when a few more are answered. */
  async function askAndKill<Answer>(redis: RedisServer, ask: (word: string) => Promise<Answer>): Promise<Answer[]> {
    await using killer = await dial(redis);
    const asked: Promise<Answer>[] = [];
    for (let at = 0; at < words.length; at += perKill) {
      asked.push(...words.slice(at, at + perKill).map(ask));
      await asked[at + perKill / 10];
      await killer.request(["CLIENT", "KILL", "TYPE", "normal"]);
    }
    return Promise.all(asked);
  }

  test("settles every command once, and none is done twice", async () => {
    await using redis = await RedisServer.start(await local());
    await using client = new RedisClient(redis.address, [], { requestQueueSize: Infinity });
    const settled = await askAndKill(redis, async (word) => {
      const settling = Promise.allSettled([client.request(["RPUSH", "ledger", word])]);
      return { word, outcome: (await settling)[0] };
    });
    const ledger = (await client.say("LRANGE ledger 0 -1")) as readonly string[];
    expect(new Set(ledger).size).toBe(ledger.length);
    const missing = new Set(ledger);
    for (const { word, outcome } of settled) {
      missing.delete(word);
      // The answer to each is its place: nobody was given that of another one.
      if (outcome.status === "fulfilled") expect(ledger[Number(outcome.value) - 1]).toBe(word);
      // What was not sent waits: only what may have been done is rejected.
      else expect(outcome.reason).toMatchObject({ name: "RequestError", sent: true });
    }
    expect([...missing]).toEqual([]);
  });

  test("answers every command that may be done twice, each with its own answer", async () => {
    await using redis = await RedisServer.start(await local());
    const options = { requestQueueSize: Infinity, maxResends: Infinity };
    await using client = new RedisClient(redis.address, ["SELECT 1"], options);
    let losses = 0;
    client.on("disconnected", () => losses++);
    expect(await askAndKill(redis, (word) => client.request(["ECHO", word], { idempotent: true }))).toEqual(words);
    expect(losses).toBeGreaterThan(0);
  });
});
