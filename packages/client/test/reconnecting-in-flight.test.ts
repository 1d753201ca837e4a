/**
 * What becomes of messages that are under way when the connection of a `ReconnectingChannel` is lost.
 *
 * @module
 */
import { ReconnectingChannel, RequestError } from "@socketserver/client";
import { lines } from "@socketserver/framing";
import { leakCheck } from "@socketserver/testing";
import { beforeEach, describe, expect, test } from "vitest";

import { soon } from "../../core/test/support/soon.ts";
import { echoScript } from "./support/echo-script.ts";
import { EventLog } from "./support/event-log.ts";
import { HASTY } from "./support/hasty.ts";
import { hearAndLeave } from "./support/hear-and-leave.ts";
import { inTurn } from "./support/in-turn.ts";
import { keepingScript } from "./support/keeping-script.ts";
import { OpenChannel } from "./support/open-channel.ts";
import { ScriptedServer } from "./support/scripted-server.ts";

const COUNT = 5;
const WORDS = Array.from({ length: COUNT }, (_, index) => `word ${index}`);

function channelTo(server: ScriptedServer, options: object = {}): ReconnectingChannel<string> {
  return new ReconnectingChannel(server.address, lines().text(), { ...HASTY, ...options });
}

beforeEach(() => leakCheck());

describe.each([
  ["end", "ERR_SOCKETSERVER_INCOMPLETE_READ"],
  ["reset", "ECONNRESET"],
] as const)("a request that was sent over a connection which the server %ss", (leave, code) => {
  test("is rejected, and not sent again", async () => {
    const heard: string[] = [];
    await using server = await ScriptedServer.start(inTurn(hearAndLeave(COUNT, leave), keepingScript(heard)));
    await using channel = channelTo(server);
    const outcomes = await Promise.allSettled(WORDS.map((word) => channel.request(word)));
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({ status: "rejected", reason: { code, sent: true } });
      expect((outcome as PromiseRejectedResult).reason).toBeInstanceOf(RequestError);
    }
    expect(await channel.request("next")).toBe("re next");
    expect(heard).toEqual(["next"]);
  });

  test("is sent again if it is idempotent, in its order, and answered once", async () => {
    const heard: string[] = [];
    await using server = await ScriptedServer.start(inTurn(hearAndLeave(COUNT, leave), keepingScript(heard)));
    await using channel = channelTo(server);
    const replies = await Promise.all(WORDS.map((word) => channel.request(word, { idempotent: true })));
    expect(replies).toEqual(WORDS.map((word) => `re ${word}`));
    expect(heard).toEqual(WORDS);
  });

  test("is answered if the reply came before the end", async () => {
    await using server = await ScriptedServer.start(async (guest) => {
      const [word] = await guest.lines(COUNT);
      guest.end(`re ${word}\n`);
    });
    await using channel = channelTo(server);
    const outcomes = await Promise.allSettled(WORDS.map((word) => channel.request(word)));
    expect(outcomes[0]).toEqual({ status: "fulfilled", value: "re word 0" });
    expect(new Set(outcomes.slice(1).map(({ status }) => status))).toEqual(new Set(["rejected"]));
    expect(server.guests).toHaveLength(1);
  });

  test("is sent again maxResends times, and then rejected", async () => {
    await using server = await ScriptedServer.start(hearAndLeave(1, leave));
    await using channel = channelTo(server, { maxResends: 2 });
    await expect(channel.request("fatal", { idempotent: true })).rejects.toMatchObject({ code, sent: true });
    expect(server.guests).toHaveLength(3);
  });

  test("is sent again 3 times unless told otherwise", async () => {
    await using server = await ScriptedServer.start(hearAndLeave(1, leave));
    await using channel = channelTo(server);
    await expect(channel.request("fatal", { idempotent: true })).rejects.toMatchObject({ code, sent: true });
    expect(server.guests).toHaveLength(4);
  });

  test("is not sent again with maxResends 0", async () => {
    await using server = await ScriptedServer.start(hearAndLeave(1, leave));
    await using channel = channelTo(server, { maxResends: 0 });
    await expect(channel.request("fatal", { idempotent: true })).rejects.toMatchObject({ code, sent: true });
    expect(server.guests).toHaveLength(1);
  });
});

describe("a request that was not sent when its connection is lost", () => {
  test("waits for the next one, although it is not idempotent", async () => {
    const heard: string[] = [];
    await using server = await ScriptedServer.start(inTurn(hearAndLeave(1, "reset"), keepingScript(heard)));
    await using channel = channelTo(server, { maxPipelinedRequests: 1, maxResends: 0 });
    const [first, ...rest] = await Promise.allSettled(WORDS.map((word) => channel.request(word)));
    expect(first).toMatchObject({ status: "rejected", reason: { sent: true } });
    expect(rest).toEqual(WORDS.slice(1).map((word) => ({ status: "fulfilled", value: `re ${word}` })));
    expect(heard).toEqual(WORDS.slice(1));
  });

  test("does not use up maxResends", async () => {
    const heard: string[] = [];
    const lose = hearAndLeave(1, "end", heard);
    await using server = await ScriptedServer.start(inTurn(lose, lose, lose, lose, keepingScript(heard)));
    await using channel = channelTo(server, { maxPipelinedRequests: 1, maxResends: 0 });
    const outcomes = await Promise.allSettled(WORDS.map((word) => channel.request(word)));
    expect(outcomes.map(({ status }) => status)).toEqual([...Array<string>(4).fill("rejected"), "fulfilled"]);
    expect(heard).toEqual(WORDS);
  });

  test("waits for the next one, too, if it is made when the connection is over and the channel does not know it", async () => {
    await using server = await ScriptedServer.start(inTurn(hearAndLeave(1, "reset"), echoScript()));
    await using channel = new OpenChannel(server.address, lines().text(), HASTY);
    await channel.connect();
    const over = channel.channels[0]?.connection.signal;
    const made = new Promise((resolve) => {
      over?.addEventListener("abort", () => resolve(channel.request("between")));
    });
    await channel.send("reset me");
    expect(await soon(made)).toBe("echo between");
  });

  test("is rejected if the channel is closed first", async () => {
    await using server = await ScriptedServer.start(hearAndLeave(1, "reset"));
    const channel = channelTo(server, { maxPipelinedRequests: 1, backoff: { minDelayMs: 30_000 } });
    const outcomes = Promise.allSettled(WORDS.map((word) => channel.request(word)));
    await new Promise((resolve) => channel.once("waiting", resolve));
    await channel.close();
    const [, ...rest] = await outcomes;
    for (const outcome of rest) {
      expect(outcome).toMatchObject({ reason: { code: "ERR_SOCKETSERVER_CONNECTION_CLOSED", sent: false } });
    }
  });
});

describe("sent of a request that is rejected", () => {
  test("is true if an earlier connection may have carried it, whatever happens then", async () => {
    const server = await ScriptedServer.start(hearAndLeave(1, "reset"));
    const channel = channelTo(server, { backoff: { minDelayMs: 30_000, maxDelayMs: 30_000 } });
    const giveUps = ["late", "closed"].map((word, index) =>
      channel.request(word, { idempotent: true, ...(index === 0 && { timeoutMs: 200 }) }),
    );
    const outcomes = Promise.allSettled(giveUps);
    await new Promise((resolve) => channel.once("waiting", resolve));
    await giveUps[0]?.catch(() => undefined);
    await channel.close();
    await server.close();
    expect(await outcomes).toMatchObject([
      { reason: { code: "ERR_SOCKETSERVER_REQUEST_TIMEOUT", sent: true } },
      { reason: { code: "ERR_SOCKETSERVER_CONNECTION_CLOSED", sent: true } },
    ]);
  });

  test("is true after maxAttempts in vain, too", async () => {
    const server = await ScriptedServer.start(async (guest) => {
      await guest.line();
      await server.close();
    });
    await using channel = channelTo(server, { maxAttempts: 3 });
    await expect(channel.request("fatal", { idempotent: true })).rejects.toMatchObject({
      code: "ERR_SOCKETSERVER_RECONNECT_FAILED",
      sent: true,
    });
  });
});

describe("ReconnectingChannel.send()", () => {
  test("waits for a connection that can be written to, and is done once for each message", async () => {
    const heard: string[] = [];
    await using server = await ScriptedServer.start(inTurn((guest) => guest.end(), keepingScript(heard)));
    await using channel = channelTo(server);
    const log = new EventLog(channel);
    await channel.connect();
    await new Promise((resolve) => channel.once("disconnected", resolve));
    for (const word of WORDS) await channel.send(word);
    await channel.receive();
    await channel.close();
    expect(heard).toEqual(WORDS);
    expect(log.of("close")).toEqual([undefined]);
  });

  test("that waits for room when the connection is lost is rejected, because it may have arrived", async () => {
    const large = "x".repeat(500_000);
    await using server = await ScriptedServer.start(
      inTurn((guest) => void setTimeout(() => guest.reset(), 30), echoScript()),
    );
    await using channel = channelTo(server, { highWaterMark: 1_000 });
    await channel.connect();
    const sends = await Promise.allSettled([...Array(20).keys()].map(() => channel.send(large)));
    const rejected = sends.filter((each) => each.status === "rejected");
    expect(rejected.length).toBeGreaterThan(0);
    for (const { reason } of rejected) expect(reason).toMatchObject({ sent: true });
  });
});
