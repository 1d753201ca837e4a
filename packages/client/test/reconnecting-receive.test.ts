/**
 * What a server says by itself, over the connections of a `ReconnectingChannel`.
 *
 * @module
 */
import { ReconnectingChannel } from "@socketserver/client";
import { lines } from "@socketserver/framing";
import { leakCheck } from "@socketserver/testing";
import { beforeEach, describe, expect, test } from "vitest";

import { eventually } from "../../core/test/support/eventually.ts";
import { soon } from "../../core/test/support/soon.ts";
import { EventLog } from "./support/event-log.ts";
import { HASTY } from "./support/hasty.ts";
import { inTurn } from "./support/in-turn.ts";
import { ScriptedServer, type Script } from "./support/scripted-server.ts";

const news = (...items: readonly (string | number)[]): string => items.map((item) => `${item}\n`).join("");

const numbers = (from: number, count: number): number[] => Array.from({ length: count }, (_, index) => from + index);

/** Say something, and leave when the client does. */
const tell =
  (...items: readonly (string | number)[]): Script =>
  async (guest) => {
    guest.say(news(...items));
    await guest.ended();
  };

/** Say something, and leave. */
const tellAndLeave =
  (...items: readonly (string | number)[]): Script =>
  (guest) =>
    guest.end(news(...items));

function channelTo(server: ScriptedServer, options: object = {}): ReconnectingChannel<string> {
  return new ReconnectingChannel(server.address, lines().text(), { ...HASTY, ...options });
}

/** Receive so many. */
async function take(channel: ReconnectingChannel<string>, count: number): Promise<string[]> {
  const taken: string[] = [];
  while (taken.length < count) taken.push((await channel.receive()) ?? "nothing");
  return taken;
}

beforeEach(() => leakCheck());

describe("ReconnectingChannel.receive()", () => {
  test("goes on over the next connection, in order, and loses nothing that has come", async () => {
    await using server = await ScriptedServer.start(inTurn(tellAndLeave(1, 2, 3), tellAndLeave(4), tell(5, 6)));
    await using channel = channelTo(server);
    expect(await take(channel, 6)).toEqual(["1", "2", "3", "4", "5", "6"]);
  });

  test("that waits through a loss answers with the first message of the next connection", async () => {
    const silent: Script = async (guest) => {
      await guest.line();
      guest.reset();
    };
    await using server = await ScriptedServer.start(inTurn(silent, silent, tell("news")));
    await using channel = channelTo(server);
    const log = new EventLog(channel);
    const message = channel.receive();
    await channel.send("reset me");
    await eventually(() => expect(log.of("connected")).toHaveLength(2));
    await channel.send("reset me");
    expect(await message).toBe("news");
  });

  test("answers first what lost connections have left over", async () => {
    await using server = await ScriptedServer.start(inTurn(tellAndLeave(1, 2), tellAndLeave(3), tell(4, 5)));
    await using channel = channelTo(server);
    const log = new EventLog(channel);
    await channel.connect();
    await eventually(() => expect(log.of("connected")).toHaveLength(3));
    expect(await take(channel, 5)).toEqual(["1", "2", "3", "4", "5"]);
  });

  test("finds the last inboxSize of them, over all lost connections", async () => {
    await using server = await ScriptedServer.start(
      inTurn(tellAndLeave(1, 2, 3), tellAndLeave(4, 5), tellAndLeave(6, 7), tell(8, 9)),
    );
    await using channel = channelTo(server, { inboxSize: 4 });
    const log = new EventLog(channel);
    await channel.connect();
    await eventually(() => expect(log.of("connected")).toHaveLength(4));
    expect(await take(channel, 6)).toEqual(["4", "5", "6", "7", "8", "9"]);
  });

  test("finds every one of very many with inboxSize Infinity", async () => {
    const count = 300_000;
    await using server = await ScriptedServer.start(
      inTurn((guest) => guest.end(numbers(0, count).join("\n").concat("\n")), tell()),
    );
    await using channel = channelTo(server, { inboxSize: Infinity });
    const log = new EventLog(channel);
    await channel.connect();
    await eventually(() => expect(log.of("connected")).toHaveLength(2));
    expect(await take(channel, count)).toEqual(numbers(0, count).map(String));
  });

  test("leaves the server waiting while inboxSize messages are not received", async () => {
    let written = 0;
    await using server = await ScriptedServer.start(async (guest) => {
      const line = news("x".repeat(1_000));
      while (written < 100_000 && guest.socket.write(line)) written++;
      await guest.ended();
    });
    await using channel = channelTo(server, { inboxSize: 3, highWaterMark: 4_000 });
    await channel.connect();
    await take(channel, 2);
    const { socket } = await server.guest();
    expect(socket.writableLength).toBeGreaterThan(0);
  });

  test("rejects when its time is over, and the next one finds what comes then", async () => {
    const slow: Script = async (guest) => {
      await guest.line();
      await tell("answer")(guest);
    };
    await using server = await ScriptedServer.start(slow);
    await using channel = channelTo(server, { idleTimeoutMs: 20 });
    await channel.connect();
    const late = { code: "ERR_SOCKETSERVER_IDLE_TIMEOUT" };
    await expect(channel.receive()).rejects.toMatchObject({
      ...late,
      message: "Cannot receive: no message came within 20 ms",
    });
    await expect(channel.receive({ timeoutMs: 0 })).rejects.toMatchObject(late);
    const message = channel.receive({ timeoutMs: Infinity });
    await channel.send("go on");
    expect(await message).toBe("answer");
  });

  test("rejects with the reason of the signal, and takes no message with it", async () => {
    await using server = await ScriptedServer.start(async (guest) => {
      await guest.line();
      await tell("for the second one")(guest);
    });
    await using channel = channelTo(server);
    await channel.connect();
    const giving = new AbortController();
    const first = channel.receive({ signal: giving.signal });
    giving.abort(new Error("no longer needed"));
    await expect(first).rejects.toThrow("no longer needed");
    await channel.send("go on");
    expect(await channel.receive()).toBe("for the second one");
  });

  test("rejects when its signal is aborted by who hears of the loss, although no other connection comes", async () => {
    await using server = await ScriptedServer.start(tellAndLeave());
    await using channel = channelTo(server, { backoff: { minDelayMs: 60_000, maxDelayMs: 60_000 } });
    const giving = new AbortController();
    channel.once("disconnected", () => giving.abort(new Error("no longer needed")));
    await expect(soon(channel.receive({ signal: giving.signal }))).rejects.toThrow("no longer needed");
  });

  test("rejects while another one waits, also between two connections", async () => {
    await using server = await ScriptedServer.start(inTurn(tellAndLeave(), tell("news")));
    await using channel = channelTo(server);
    const first = channel.receive();
    const second = { code: "ERR_SOCKETSERVER_CONCURRENT_READ" };
    await expect(channel.receive()).rejects.toMatchObject(second);
    await new Promise((resolve) => channel.once("waiting", resolve));
    await expect(channel.receive()).rejects.toMatchObject(second);
    expect(await first).toBe("news");
  });

  test("rejects for what is no message and can be passed over, and goes on behind it", async () => {
    await using server = await ScriptedServer.start(async (guest) => {
      guest.say('{"one": 1}\nno JSON\n{"two": 2}\n');
      await tell()(guest);
    });
    await using channel = new ReconnectingChannel(server.address, lines().json(), HASTY);
    expect(await channel.receive()).toEqual({ one: 1 });
    await expect(channel.receive()).rejects.toMatchObject({ name: "ProtocolError", code: "ERR_SOCKETSERVER_PROTOCOL" });
    expect(await channel.receive()).toEqual({ two: 2 });
    expect(server.guests).toHaveLength(1);
  });

  test("goes on over the next connection after one on which nothing can be understood any more", async () => {
    await using server = await ScriptedServer.start(inTurn(tell("x".repeat(2 ** 21)), tell("news")));
    await using channel = channelTo(server);
    const log = new EventLog(channel);
    expect(await channel.receive()).toBe("news");
    expect(log.of("disconnected")).toMatchObject([{ error: { code: "ERR_SOCKETSERVER_TOO_BIG" } }]);
  });

  test("answers undefined when this side closes the channel, after what has come before", async () => {
    await using server = await ScriptedServer.start(inTurn(tellAndLeave(1, 2), tell(3)));
    const channel = channelTo(server);
    const log = new EventLog(channel);
    await channel.connect();
    await eventually(() => expect(log.of("connected")).toHaveLength(2));
    expect(await take(channel, 3)).toEqual(["1", "2", "3"]);
    const waiting = channel.receive();
    await channel.close();
    expect(await waiting).toBeUndefined();
    expect(await channel.receive()).toBeUndefined();
  });
});

describe("ReconnectingChannel's iteration", () => {
  test("goes over all connections, and ends when the channel is closed", async () => {
    await using server = await ScriptedServer.start(inTurn(tellAndLeave(1, 2), tellAndLeave(3), tell(4)));
    const channel = channelTo(server);
    const heard: string[] = [];
    for await (const message of channel) {
      heard.push(message);
      if (message === "4") void channel.close();
    }
    expect(heard).toEqual(["1", "2", "3", "4"]);
    expect(channel.state).toBe("closed");
    await channel.close();
  });

  test("that is left early closes nothing, and another one goes on behind it", async () => {
    await using server = await ScriptedServer.start(tell(1, 2, 3));
    await using channel = channelTo(server);
    for await (const message of channel) if (message === "1") break;
    expect(channel.state).toBe("connected");
    for await (const message of channel) {
      expect(message).toBe("2");
      break;
    }
    expect(await channel.receive()).toBe("3");
  });

  test("rejects when the channel gives up", async () => {
    const server = await ScriptedServer.start(tell(1));
    await using channel = channelTo(server, { maxAttempts: 2 });
    const heard: string[] = [];
    const loop = async (): Promise<void> => {
      for await (const message of channel) {
        heard.push(message);
        await server.close();
      }
    };
    await expect(loop()).rejects.toMatchObject({ code: "ERR_SOCKETSERVER_RECONNECT_FAILED" });
    expect(heard).toEqual(["1"]);
  });
});
