/**
 * When a `ReconnectingChannel` tries again, and when no more.
 *
 * @module
 */
import { ReconnectingChannel, RequestError, type BackoffOptions } from "@socketserver/client";
import { lines } from "@socketserver/framing";
import { leakCheck } from "@socketserver/testing";
import { beforeEach, describe, expect, test } from "vitest";

import { eventually } from "../../core/test/support/eventually.ts";
import { echoScript } from "./support/echo-script.ts";
import { EventLog } from "./support/event-log.ts";
import { freePort } from "./support/free-port.ts";
import { HASTY } from "./support/hasty.ts";
import { inTurn } from "./support/in-turn.ts";
import { ScriptedServer, type Script } from "./support/scripted-server.ts";

/** Hang up at once. */
const rude: Script = (guest) => guest.end();

/** The pauses of a channel that is refused as often as it may be. */
async function pausesOf(backoff: BackoffOptions, maxAttempts: number): Promise<readonly number[]> {
  await using channel = new ReconnectingChannel({ port: await freePort() }, lines().text(), { backoff, maxAttempts });
  const log = new EventLog(channel);
  await expect(channel.connect()).rejects.toMatchObject({ code: "ERR_SOCKETSERVER_RECONNECT_FAILED" });
  expect(log.of("waiting").map(({ failedAttempts }) => failedAttempts)).toEqual(
    Array.from({ length: maxAttempts - 1 }, (_, index) => index + 1),
  );
  return log.of("waiting").map(({ delayMs }) => delayMs);
}

beforeEach(() => leakCheck());

describe("ReconnectingChannel's pauses", () => {
  test("grow by the factor, up to the bound", async () => {
    const backoff = { minDelayMs: 2, maxDelayMs: 20, factor: 3, jitter: 0 };
    expect(await pausesOf(backoff, 6)).toEqual([2, 6, 18, 20, 20]);
  });

  test("stay as they are with a factor of 1, and are none with a first pause of 0", async () => {
    expect(await pausesOf({ minDelayMs: 3, factor: 1, jitter: 0 }, 4)).toEqual([3, 3, 3]);
    expect(await pausesOf({ minDelayMs: 0 }, 4)).toEqual([0, 0, 0]);
  });

  test("are refused if the first one were longer than the bound", () => {
    const options = { backoff: { minDelayMs: 1_000, maxDelayMs: 3 } };
    expect(() => new ReconnectingChannel({ port: 1 }, lines().text(), options)).toThrow(
      "Cannot create channel: backoff.minDelayMs must be at most backoff.maxDelayMs, received 1000 and 3",
    );
  });

  test("are 100 ms at first and twice as long each time unless told otherwise, less a part up to half", async () => {
    const [first = 0, second = 0] = await pausesOf({}, 3);
    expect(first).toBeGreaterThanOrEqual(50);
    expect(first).toBeLessThanOrEqual(100);
    expect(second).toBeGreaterThanOrEqual(100);
    expect(second).toBeLessThanOrEqual(200);
  });

  test("are between half and all of that unless chance is given another part", async () => {
    const pauses = await pausesOf({ minDelayMs: 20, maxDelayMs: 20 }, 9);
    expect(Math.min(...pauses)).toBeGreaterThanOrEqual(10);
    expect(Math.max(...pauses)).toBeLessThanOrEqual(20);
    expect(new Set(pauses).size).toBeGreaterThan(1);
  });

  test("are as long as they are said to be, and no attempt begins in them", async () => {
    const backoff = { minDelayMs: 40, maxDelayMs: 40, jitter: 0 };
    await using channel = new ReconnectingChannel({ port: await freePort() }, lines().text(), { backoff });
    const times: number[] = [];
    channel.on("waiting", () => times.push(-performance.now()));
    channel.on("connecting", () => times.push(performance.now()));
    channel.connect().catch(() => undefined);
    await eventually(() => expect(times.length).toBeGreaterThanOrEqual(7));
    const [, ...pairs] = times;
    for (let index = 0; index + 1 < pairs.length; index += 2) {
      // A timer may be a fraction of a millisecond early by this clock.
      expect((pairs[index] ?? 0) + (pairs[index + 1] ?? 0)).toBeGreaterThanOrEqual(38);
    }
  });

  test("grow while a server accepts and hangs up at once", async () => {
    await using server = await ScriptedServer.start(rude);
    const backoff = { minDelayMs: 1, maxDelayMs: 16, jitter: 0 };
    await using channel = new ReconnectingChannel(server.address, lines().text(), {
      ...HASTY,
      backoff,
      maxAttempts: 6,
    });
    const log = new EventLog(channel);
    const gaveUp = new Promise((resolve) => channel.once("close", resolve));
    await channel.connect();
    await gaveUp;
    expect(log.of("waiting").map(({ delayMs }) => delayMs)).toEqual([1, 2, 4, 8, 16]);
    expect(log.of("connected").map(({ attempts }) => attempts)).toEqual([1, 2, 3, 4, 5, 6]);
  });

  test("begin anew after a connection that has lasted for stableMs", async () => {
    const stableMs = 50;
    const lasting: Script = (guest) => void setTimeout(() => guest.end(), 2 * stableMs);
    await using server = await ScriptedServer.start(inTurn(rude, rude, lasting, rude, echoScript()));
    const backoff = { minDelayMs: 1, maxDelayMs: 16, jitter: 0 };
    await using channel = new ReconnectingChannel(server.address, lines().text(), { ...HASTY, backoff, stableMs });
    const log = new EventLog(channel);
    await channel.connect();
    await eventually(() => expect(log.of("connected")).toHaveLength(5));
    expect(log.of("waiting")).toEqual([
      { delayMs: 1, failedAttempts: 1, error: undefined },
      { delayMs: 2, failedAttempts: 2, error: undefined },
      { delayMs: 1, failedAttempts: 0, error: undefined },
      { delayMs: 2, failedAttempts: 1, error: undefined },
    ]);
    expect(log.of("connected").map(({ attempts }) => attempts)).toEqual([1, 2, 3, 1, 2]);
  });

  test("begin anew after each connection if stableMs is 0", async () => {
    await using server = await ScriptedServer.start(rude);
    const options = { ...HASTY, stableMs: 0, maxAttempts: 1 };
    await using channel = new ReconnectingChannel(server.address, lines().text(), options);
    const log = new EventLog(channel);
    await channel.connect();
    await eventually(() => expect(log.of("waiting").length).toBeGreaterThan(3));
    for (const { delayMs, failedAttempts } of log.of("waiting")) expect([delayMs, failedAttempts]).toEqual([1, 0]);
  });

  test("are over when the channel is closed", async () => {
    const backoff = { minDelayMs: 60_000, maxDelayMs: 60_000, jitter: 0 };
    const channel = new ReconnectingChannel({ port: await freePort() }, lines().text(), { backoff });
    const waiting = new Promise((resolve) => channel.once("waiting", resolve));
    const reply = channel.request("hello");
    await waiting;
    await channel.close();
    await expect(reply).rejects.toMatchObject({ code: "ERR_SOCKETSERVER_CONNECTION_CLOSED", sent: false });
  });
});

describe("maxAttempts of a ReconnectingChannel", () => {
  test("ends it: everybody who waits is told why, and all who come later", async () => {
    const options = { ...HASTY, maxAttempts: 3 };
    const channel = new ReconnectingChannel({ port: await freePort() }, lines().text(), options);
    const log = new EventLog(channel);
    const waiting = [channel.connect(), channel.request("one"), channel.send("two"), channel.receive()];
    const outcomes = await Promise.allSettled(waiting);
    const late = await Promise.allSettled([channel.connect(), channel.request("late"), channel.receive()]);
    const failed = {
      code: "ERR_SOCKETSERVER_RECONNECT_FAILED",
      message: expect.stringMatching(
        /^Cannot connect: 3 attempts in a row have failed, or did not last for \d+ ms \(.*\); the last error: .*ECONNREFUSED/,
      ) as unknown,
      sent: false,
      cause: expect.objectContaining({ code: "ECONNREFUSED" }) as unknown,
    };
    for (const outcome of [...outcomes, ...late]) {
      expect(outcome).toMatchObject({ status: "rejected", reason: failed });
      expect((outcome as PromiseRejectedResult).reason).toBeInstanceOf(RequestError);
    }
    await channel.close();
    expect(channel.state).toBe("closed");
    const attempts = ["connecting", "waiting", "connecting", "waiting", "connecting"];
    expect(log.names).toEqual([...attempts, "close"]);
    expect(log.of("close")).toEqual([expect.objectContaining(failed)]);
  });

  test("counts a connection that did not last, and one that did does not count", async () => {
    const lasting: Script = (guest) => void setTimeout(() => guest.end(), 100);
    await using server = await ScriptedServer.start(inTurn(rude, lasting, rude, rude));
    const options = { ...HASTY, stableMs: 50, maxAttempts: 2 };
    await using channel = new ReconnectingChannel(server.address, lines().text(), options);
    const log = new EventLog(channel);
    const closed = new Promise((resolve) => channel.once("close", resolve));
    await channel.connect();
    expect(await closed).toMatchObject({ code: "ERR_SOCKETSERVER_RECONNECT_FAILED" });
    expect(log.of("connected")).toHaveLength(4);
  });

  test("of 1 tries once", async () => {
    const options = { ...HASTY, maxAttempts: 1 };
    await using channel = new ReconnectingChannel({ port: await freePort() }, lines().text(), options);
    const log = new EventLog(channel);
    await expect(channel.request("hello")).rejects.toMatchObject({ code: "ERR_SOCKETSERVER_RECONNECT_FAILED" });
    await channel.close();
    expect(log.names).toEqual(["connecting", "close"]);
  });
});
