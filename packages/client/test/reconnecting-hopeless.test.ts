/**
 * When a ReconnectingChannel does not go on, although it could.
 *
 * @module
 */
import { ReconnectingChannel, type Channel } from "@socketserver/client";
import { lines } from "@socketserver/framing";
import { leakCheck } from "@socketserver/testing";
import { beforeEach, describe, expect, test } from "vitest";

import { eventually } from "../../core/test/support/eventually.ts";
import { echoScript } from "./support/echo-script.ts";
import type { Guest } from "./support/guest.ts";
import { HASTY } from "./support/hasty.ts";
import { hearAndLeave } from "./support/hear-and-leave.ts";
import { inTurn } from "./support/in-turn.ts";
import { ScriptedServer } from "./support/scripted-server.ts";

beforeEach(() => leakCheck());

/** Logs in, and is asked whether to go on. */
class Member extends ReconnectingChannel<string> {
  readonly asked: (Error | undefined)[] = [];
  goesOn: (error: Error | undefined) => boolean = () => false;

  protected override async setup(channel: Channel<string>): Promise<void> {
    if ((await channel.request("login")) === "wrong password") throw new Error("wrong password");
  }

  protected override shouldReconnect(error: Error | undefined): boolean {
    this.asked.push(error);
    return this.goesOn(error);
  }
}

const refusing = async (guest: Guest): Promise<void> => {
  await guest.line();
  guest.say("wrong password\n");
  await guest.ended();
};

describe("ReconnectingChannel.shouldReconnect()", () => {
  test("ends it after an error of setup(): all that waits is rejected, with that error", async () => {
    await using server = await ScriptedServer.start(refusing);
    await using member = new Member(server.address, lines().text(), HASTY);
    const closed = new Promise((resolve) => member.once("close", resolve));
    const failed = {
      code: "ERR_SOCKETSERVER_RECONNECT_FAILED",
      message: "Cannot connect: shouldReconnect() said no; the last error: wrong password",
      cause: expect.objectContaining({ message: "wrong password" }) as unknown,
      sent: false,
    };
    const outcomes = await Promise.allSettled([member.connect(), member.request("one"), member.send("two")]);
    for (const outcome of outcomes) expect(outcome).toMatchObject({ status: "rejected", reason: failed });
    expect(await closed).toMatchObject(failed);
    await expect(member.request("late")).rejects.toMatchObject(failed);
    expect(member.asked).toHaveLength(1);
    expect(server.guests).toHaveLength(1);
  });

  test("is asked after each failure, and with nothing after an orderly end", async () => {
    await using server = await ScriptedServer.start(inTurn(refusing, hearAndLeave(1, "reset"), echoScript()));
    await using member = new Member(server.address, lines().text(), HASTY);
    member.goesOn = () => true;
    expect(await member.request("hello")).toBe("echo hello");
    expect(member.asked).toMatchObject([{ message: "wrong password" }, { code: "ECONNRESET" }]);
    (await server.guest(2)).end();
    await eventually(() => expect(member.asked).toHaveLength(3));
    expect(member.asked[2]).toBeUndefined();
  });

  test("is asked with an error, whatever setup() throws", async () => {
    class Thrower extends Member {
      protected override async setup(): Promise<void> {
        const reason: unknown = "no reason";
        throw reason;
      }
    }
    await using server = await ScriptedServer.start(echoScript());
    await using thrower = new Thrower(server.address, lines().text(), HASTY);
    await expect(thrower.connect()).rejects.toMatchObject({
      message: "Cannot connect: shouldReconnect() said no; the last error: no reason",
    });
    expect(thrower.asked).toMatchObject([{ name: "Error", message: "no reason" }]);
  });

  test.each<[text: string, thrown: unknown]>([
    ["Error: no idea", new Error("no idea")],
    ["something that has no text", Object.create(null)],
  ])("ends it if it throws, and tells %s", async (text, thrown) => {
    await using server = await ScriptedServer.start(refusing);
    await using member = new Member(server.address, lines().text(), HASTY);
    member.goesOn = () => {
      throw thrown;
    };
    await expect(member.request("one")).rejects.toMatchObject({
      code: "ERR_SOCKETSERVER_RECONNECT_FAILED",
      message: expect.stringContaining(`shouldReconnect() threw ${text}`) as unknown,
    });
    expect(member.state).toBe("closed");
  });
});

describe("A request of a ReconnectingChannel", () => {
  test("does not go on to another connection of a server that talks unasked", async () => {
    await using server = await ScriptedServer.start(async (guest) => {
      for await (const line of guest) guest.say(`${line}\nunasked\n`);
    });
    await using channel = new ReconnectingChannel(server.address, lines().text(), HASTY);
    expect(await channel.request("one")).toBe("one");
    await expect(channel.request("two", { idempotent: true })).rejects.toMatchObject({
      code: "ERR_SOCKETSERVER_OUT_OF_STEP",
      sent: false,
    });
  });

  test("is sent again, if it may be, when its reply was cut off by the end", async () => {
    const half = async (guest: Guest): Promise<void> => {
      await guest.line();
      guest.end("half of a rep");
    };
    await using server = await ScriptedServer.start(inTurn(half, half, echoScript()));
    await using channel = new ReconnectingChannel(server.address, lines().text(), HASTY);
    await expect(channel.request("once")).rejects.toMatchObject({
      name: "RequestError",
      code: "ERR_SOCKETSERVER_INCOMPLETE_READ",
      sent: true,
      cause: expect.objectContaining({ partial: Buffer.from("half of a rep") }) as unknown,
    });
    expect(await channel.request("again", { idempotent: true })).toBe("echo again");
  });

  test.each([
    [{ timeout: 5 }, '"timeout": known are idempotent, signal, timeoutMs'],
    [{ retries: 5 }, '"retries"'],
    ["fast", 'the last argument must be an object such as { timeoutMs: 1000 }, received "fast"'],
  ])("takes no other option: %j", async (options, says) => {
    await using channel = new ReconnectingChannel({ port: 1 }, lines().text());
    await expect(channel.request("one", options as object)).rejects.toMatchObject({
      code: "ERR_SOCKETSERVER_INVALID_ARGUMENT",
      message: expect.stringContaining(says) as unknown,
    });
    expect(channel.state).toBe("idle");
  });
});
