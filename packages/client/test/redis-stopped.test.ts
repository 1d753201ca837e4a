/**
 * A Redis server that the system stops for a while: its connections stay, and nothing comes of them; and one that does
 * not wait for those who do not read.
 *
 * @module
 */
import { Channel, ReconnectingChannel } from "@socketserver/client";
import { leakCheck } from "@socketserver/testing";
import { beforeEach, describe, expect, test } from "vitest";

import { needs } from "../../core/test/support/peers.ts";
import { soon } from "../../core/test/support/soon.ts";
import { freePort } from "./support/free-port.ts";
import { RedisServer } from "./support/redis-server.ts";
import { respClient, type RespReply } from "./support/resp-client-codec.ts";

beforeEach(() => leakCheck());
beforeEach(needs("redis"));

const CODEC = respClient();

const start = async (): Promise<RedisServer> => RedisServer.start({ host: "127.0.0.1", port: await freePort() });

/** The process of a server, as it tells itself. */
async function processOf(channel: Channel<RespReply, readonly string[]>): Promise<number> {
  const said = String(await channel.request(["INFO", "server"]));
  return Number(/^process_id:(\d+)/m.exec(said)?.[1]);
}

const TIMED_OUT = { name: "RequestError", code: "ERR_SOCKETSERVER_REQUEST_TIMEOUT" };

describe("Channel, with a Redis server that is stopped for a while", () => {
  test("gives up who has no time, and the others are answered later", async () => {
    await using redis = await start();
    await using channel = await Channel.connect(redis.address, CODEC);
    const server = await processOf(channel);
    process.kill(server, "SIGSTOP");
    const patient = channel.request(["ECHO", "patient"]);
    const hasty = ["one", "two"].map((word) => channel.request(["ECHO", word], { timeoutMs: 20 }));
    const last = channel.request(["ECHO", "last"]);
    for (const each of hasty) await expect(each).rejects.toMatchObject({ ...TIMED_OUT, sent: true });
    process.kill(server, "SIGCONT");
    expect(await Promise.all([patient, last])).toEqual(["patient", "last"]);
  });

  test("sends what the system takes, lets as many wait as it may, and refuses the rest", async () => {
    await using redis = await start();
    const bounds = { maxPipelinedRequests: Infinity, requestQueueSize: 50 };
    await using channel = await Channel.connect(redis.address, CODEC, bounds);
    const server = await processOf(channel);
    process.kill(server, "SIGSTOP");
    const push = (): Promise<RespReply> => channel.request(["RPUSH", "list", "x".repeat(1_000_000)]);
    const early = Array.from({ length: 40 }, push);
    const abandoned = channel.send(["RPUSH", "list", "never"], { timeoutMs: 20 });
    await expect(abandoned).rejects.toMatchObject({ ...TIMED_OUT, sent: false });
    const settling = Promise.allSettled([...early, ...Array.from({ length: 100 }, push)]);
    process.kill(server, "SIGCONT");
    const settled = await settling;
    const taken = settled.findIndex(({ status }) => status === "rejected");
    expect(taken).toBeGreaterThan(50);
    const full = { name: "RequestError", code: "ERR_SOCKETSERVER_QUEUE_FULL", sent: false };
    expect(settled).toMatchObject(
      settled.map((_, index) => (index < taken ? { value: index + 1 } : { status: "rejected", reason: full })),
    );
    expect(await channel.request(["LLEN", "list"])).toBe(taken);
  });

  test("is reset without waiting for it", async () => {
    await using redis = await start();
    const channel = await Channel.connect(redis.address, CODEC);
    process.kill(await processOf(channel), "SIGSTOP");
    const asked = channel.request(["PING"]).catch((error: unknown) => error);
    channel.abort();
    expect(await asked).toMatchObject({ name: "RequestError", code: "ERR_SOCKETSERVER_CONNECTION_CLOSED", sent: true });
    expect(await channel.closed).toBe("aborted");
  });
});

/** Begins each connection with a word to the server. */
class GreetingClient extends ReconnectingChannel<RespReply, readonly string[]> {
  protected override async setup(channel: Channel<RespReply, readonly string[]>): Promise<void> {
    await channel.request(["PING"]);
  }
}

describe("ReconnectingChannel, with a Redis server that is stopped for a while", () => {
  test("tries again while setup() is not answered, and serves who has waited", async () => {
    await using redis = await start();
    await using first = await Channel.connect(redis.address, CODEC);
    const server = await processOf(first);
    process.kill(server, "SIGSTOP");
    const options = { connectTimeoutMs: 50, lingerMs: 0, backoff: { minDelayMs: 5, maxDelayMs: 20 } };
    await using client = new GreetingClient(redis.address, CODEC, options);
    const failures: unknown[] = [];
    const twice = new Promise<void>((resolve) => {
      client.on("waiting", ({ error }) => {
        if (failures.push(error) === 2) resolve();
      });
    });
    const patient = client.request(["ECHO", "patient"]);
    const hasty = client.request(["ECHO", "hasty"], { timeoutMs: 20 });
    await expect(hasty).rejects.toMatchObject({ ...TIMED_OUT, sent: false });
    await twice;
    expect(failures.slice(0, 2)).toMatchObject([
      { code: "ERR_SOCKETSERVER_CONNECT_TIMEOUT" },
      { code: "ERR_SOCKETSERVER_CONNECT_TIMEOUT" },
    ]);
    process.kill(server, "SIGCONT");
    expect(await patient).toBe("patient");
  });

  test("does not wait for the goodbye of a server that was silent", async () => {
    await using redis = await start();
    await using first = await Channel.connect(redis.address, CODEC);
    const server = await processOf(first);
    process.kill(server, "SIGSTOP");
    await using client = new GreetingClient(redis.address, CODEC, { connectTimeoutMs: 50, lingerMs: 5_000 });
    const failed = new Promise((resolve) => client.once("waiting", resolve));
    const asked = client.request(["PING"]);
    asked.catch(() => undefined);
    await soon(failed);
    process.kill(server, "SIGCONT");
    expect(await asked).toBe("PONG");
  });
});

describe("Channel, with a Redis server that lets go of slow subscribers", () => {
  test("hears what came before that, in order, and then the end", async () => {
    await using redis = await start();
    await using publisher = await Channel.connect(redis.address, CODEC);
    const limit = ["CONFIG", "SET", "client-output-buffer-limit", "pubsub 1000000 0 0"];
    expect(await publisher.request(limit)).toBe("OK");
    await using slow = await Channel.connect(redis.address, CODEC, { inboxSize: 1 });
    expect(await slow.request(["SUBSCRIBE", "news"])).toEqual(["subscribe", "news", 1]);
    const story = (number: number): string => `${number} ${"x".repeat(100_000)}`;
    let said = 0;
    while (said < 1_000 && (await publisher.request(["PUBLISH", "news", story(said)])) === 1) said++;
    const heard: RespReply[] = [];
    const hearing = (async () => {
      for await (const message of slow) heard.push(message);
    })();
    const end: unknown = await hearing.catch((error: unknown) => error);
    // In the middle of a message, most often, or by a reset.
    if (end !== undefined) expect(String((end as { code: unknown }).code)).toMatch(/INCOMPLETE_READ|ECONNRESET/);
    expect(heard.length).toBeGreaterThan(0);
    expect(heard.length).toBeLessThan(said);
    expect(heard.every((message, index) => (message as readonly string[])[2] === story(index))).toBe(true);
    expect(slow.open).toBe(false);
  });
});
