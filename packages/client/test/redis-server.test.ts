/**
 * A channel as a client of Redis: a real server answers, pushes, blocks and hangs up.
 *
 * @module
 */
import { Channel, type ChannelSettings } from "@socketserver/client";
import type { Address } from "@socketserver/core";
import { leakCheck } from "@socketserver/testing";
import { beforeEach, describe, expect, test } from "vitest";

import { needs } from "../../core/test/support/peers.ts";
import { SeededRandom } from "../../core/test/support/seeded-random.ts";
import { temporaryPath } from "../../core/test/support/temporary-path.ts";
import { freePort } from "./support/free-port.ts";
import { RedisServer, blockedClients } from "./support/redis-server.ts";
import { RespError, respClient, type RespReply } from "./support/resp-client-codec.ts";

beforeEach(() => leakCheck());
beforeEach(needs("redis"));

type RedisChannel = Channel<RespReply, readonly string[]>;

const CODEC = respClient();

const PLACES = [
  { name: "TCP", address: async (): Promise<Address> => ({ host: "127.0.0.1", port: await freePort() }) },
  { name: "a Unix socket", address: async (): Promise<Address> => ({ path: await temporaryPath() }) },
] as const;

function dial(
  { address }: RedisServer,
  settings: ChannelSettings<RespReply, readonly string[]> = {},
): Promise<RedisChannel> {
  return Channel.connect(address, CODEC, settings);
}

const all = (channel: RedisChannel, ...commands: readonly string[]): Promise<RespReply[]> =>
  Promise.all(commands.map((command) => channel.request(command.split(" "))));

describe.each(PLACES)("Channel, with a Redis server over $name", ({ address }) => {
  const start = async (...settings: readonly string[]): Promise<RedisServer> =>
    RedisServer.start(await address(), ...settings);

  test("is answered with values of every kind", async () => {
    await using redis = await start();
    await using channel = await dial(redis);
    const commands = ["SET key 1", "GET key", "INCR key", "GET none", "RPUSH list a b", "LRANGE list 0 -1"];
    expect(await all(channel, ...commands)).toEqual(["OK", "1", 2, null, 2, ["a", "b"]]);
    expect(await all(channel, "LRANGE none 0 -1", "BLPOP none 0.01", "GEOPOS none x")).toEqual([[], null, [null]]);
    const script = "return {1, {'two', {}}, redis.status_reply('three'), redis.error_reply('ERR four')}";
    const nested = await channel.request(["EVAL", script, "0"]);
    expect(nested).toEqual([1, ["two", []], "three", new RespError("ERR four")]);
  });

  test.each(["", "two\r\nlines", "grüße \u{1f600}", "*1\r\n$4\r\nPING\r\n", "x".repeat(200_000)])(
    "gets back what it has set: %.20j",
    async (value) => {
      await using redis = await start();
      await using channel = await dial(redis);
      expect(await channel.request(["SET", "key", value])).toBe("OK");
      expect((await channel.request(["GET", "key"])) === value).toBe(true);
    },
  );

  test("is given errors as values, which disturb nobody else", async () => {
    await using redis = await start();
    await using channel = await dial(redis);
    const [, wrongType, unknown, fine] = await all(channel, "RPUSH list a", "INCR list", "NONSENSE", "PING");
    expect(wrongType).toEqual(new RespError("WRONGTYPE Operation against a key holding the wrong kind of value"));
    expect(unknown).toBeInstanceOf(RespError);
    expect(fine).toBe("PONG");
  });

  test.each([1, 3, 128, Infinity])("answers thousands of commands at once, %d of them on their way", async (bound) => {
    await using redis = await start();
    await using channel = await dial(redis, { maxPipelinedRequests: bound, requestQueueSize: Infinity });
    const random = new SeededRandom(5);
    const asking = Array.from({ length: 5_000 }, (_, index): readonly [readonly string[], RespReply] => {
      const word = `${index}`.padEnd(random.integer(4, 400), "-");
      return random.pick([
        [["ECHO", word], word],
        [["EVAL", "return {ARGV[1]}", "0", word], [word]],
        [["NONSENSE"], expect.any(RespError) as RespError],
      ] as const);
    });
    const counting = Array.from({ length: 5_000 }, () => channel.request(["INCR", "count"]));
    const asked = asking.map(([command]) => channel.request(command));
    expect(await Promise.all(counting)).toEqual(Array.from({ length: 5_000 }, (_, index) => index + 1));
    expect(await Promise.all(asked)).toEqual(asking.map(([, reply]) => reply));
  });

  test("carries values of many megabytes both ways, among small ones", async () => {
    await using redis = await start();
    await using channel = await dial(redis);
    const values = ["é", "日", "z"].map((character) => character.repeat(4_000_000));
    const set = values.map((value, index) => channel.request(["SET", `key ${index}`, value]));
    expect(await Promise.all([...set, channel.request(["PING"])])).toEqual(["OK", "OK", "OK", "PONG"]);
    const got = await Promise.all([...values.keys()].flatMap((index) => ask(channel, index)));
    expect(got.filter((_, index) => index % 2 === 0)).toEqual([8_000_000, 12_000_000, 4_000_000]);
    // Shown when it fails, they would be too long.
    expect(values.every((value, index) => got[2 * index + 1] === value)).toBe(true);
  });

  test("refuses a value that is longer than its codec takes", async () => {
    await using redis = await start();
    await using channel = await Channel.connect(redis.address, respClient({ maxLength: 1_000 }));
    const fine = channel.request(["ECHO", "x".repeat(900)]);
    const tooLong = channel.request(["ECHO", "x".repeat(1_000)]);
    const behind = channel.request(["PING"]);
    const outcomes = await Promise.allSettled([fine, tooLong, behind]);
    const code = "ERR_SOCKETSERVER_TOO_BIG";
    expect(outcomes).toMatchObject([
      { status: "fulfilled" },
      { status: "rejected", reason: { name: "ProtocolError", code } },
      { status: "rejected", reason: { name: "RequestError", code, sent: true } },
    ]);
    expect(await channel.closed).toBe("too-big");
  });

  test("hears what is published, until it wants no more", async () => {
    await using redis = await start();
    await using subscriber = await dial(redis, { inboxSize: 4 });
    await using publisher = await dial(redis, { requestQueueSize: Infinity });
    // One command with two replies is no request.
    await subscriber.send(["SUBSCRIBE", "news", "sport"]);
    expect(await subscriber.receive()).toEqual(["subscribe", "news", 1]);
    expect(await subscriber.receive()).toEqual(["subscribe", "sport", 2]);
    const said = Array.from({ length: 2_000 }, (_, index) => `story ${index}`);
    const published = Promise.all(said.map((story) => publisher.request(["PUBLISH", "news", story])));
    const heard: RespReply[] = [];
    for await (const message of subscriber) if (heard.push(message) === said.length) break;
    expect(heard).toEqual(said.map((story) => ["message", "news", story]));
    expect(new Set(await published)).toEqual(new Set([1]));
    await subscriber.send(["UNSUBSCRIBE", "news", "sport"]);
    expect(await subscriber.receive()).toEqual(["unsubscribe", "news", 1]);
    expect(await subscriber.receive()).toEqual(["unsubscribe", "sport", 0]);
    expect(await subscriber.request(["PING"])).toBe("PONG");
  });

  test("waits as long as a command blocks, and those behind it wait with it", async () => {
    await using redis = await start();
    await using blocked = await dial(redis);
    await using other = await dial(redis);
    const popped = blocked.request(["BLPOP", "list", "0"]);
    const behind = blocked.request(["PING"]);
    await blockedClients(other, 1);
    await other.request(["RPUSH", "list", "pushed"]);
    expect(await popped).toEqual(["list", "pushed"]);
    expect(await behind).toBe("PONG");
  });

  test.each(["time", "signal"])("gives a reply that comes too late to nobody: %s", async (what) => {
    await using redis = await start();
    await using blocked = await dial(redis);
    await using other = await dial(redis);
    const controller = new AbortController();
    const patience = what === "time" ? { timeoutMs: 20 } : { signal: controller.signal };
    const popped = blocked.request(["BLPOP", "list", "0"], patience);
    const expected =
      what === "time" ? { code: "ERR_SOCKETSERVER_REQUEST_TIMEOUT", sent: true } : { name: "AbortError" };
    const givenUp = expect(popped).rejects.toMatchObject(expected);
    await blockedClients(other, 1);
    controller.abort();
    await givenUp;
    const behind = ["one", "two"].map((word) => blocked.request(["ECHO", word]));
    await other.request(["RPUSH", "list", "late"]);
    expect(await Promise.all(behind)).toEqual(["one", "two"]);
    await expect(blocked.receive({ timeoutMs: 0 })).rejects.toMatchObject({ code: "ERR_SOCKETSERVER_IDLE_TIMEOUT" });
  });

  test("is told when the server kills its connection during a request", async () => {
    await using redis = await start();
    await using victim = await dial(redis);
    await using killer = await dial(redis);
    const id = await victim.request(["CLIENT", "ID"]);
    const outcome = victim.request(["BLPOP", "list", "0"]).catch((error: unknown) => error);
    await blockedClients(killer, 1);
    expect(await killer.request(["CLIENT", "KILL", "ID", String(id)])).toBe(1);
    const code = "ERR_SOCKETSERVER_INCOMPLETE_READ";
    expect(await outcome).toMatchObject({ name: "RequestError", code, sent: true });
    expect(await victim.closed).toBe("peer-end");
    expect(await victim.receive()).toBeUndefined();
    await expect(victim.request(["PING"])).rejects.toMatchObject({ name: "RequestError", code, sent: false });
  });

  test("hears the server's last word when it is sent away", async () => {
    await using redis = await start();
    await using channel = await dial(redis);
    expect(await all(channel, "CONFIG SET maxclients 1", "PING")).toEqual(["OK", "PONG"]);
    await using refused = await dial(redis);
    expect(await refused.receive()).toEqual(new RespError("ERR max number of clients reached"));
    expect(await refused.receive()).toBeUndefined();
    expect(await all(channel, "QUIT")).toEqual(["OK"]);
    expect(await channel.closed).toBe("peer-end");
    await expect(channel.request(["PING"])).rejects.toMatchObject({ name: "RequestError", sent: false });
  });

  test("rejects everybody who waits when the server shuts down", async () => {
    await using redis = await start();
    await using channel = await dial(redis, { maxPipelinedRequests: 2 });
    await channel.request(["PING"]);
    const commands = ["BLPOP list 0", "PING", "PING"].map((command) => channel.request(command.split(" ")));
    const outcomes = Promise.allSettled(commands);
    await using other = await dial(redis);
    await blockedClients(other, 1);
    await other.send(["SHUTDOWN", "NOSAVE"]);
    expect(await redis.end()).toMatchObject({ code: 0 });
    const rejected = (sent: boolean): object => ({ status: "rejected", reason: { name: "RequestError", sent } });
    expect(await outcomes).toMatchObject([rejected(true), rejected(true), rejected(false)]);
    expect(await Promise.all([channel.closed, other.closed])).toEqual(["peer-end", "peer-end"]);
  });
});

function ask(channel: RedisChannel, index: number): Promise<RespReply>[] {
  return [channel.request(["STRLEN", `key ${index}`]), channel.request(["GET", `key ${index}`])];
}
