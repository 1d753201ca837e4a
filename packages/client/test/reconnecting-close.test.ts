/**
 * Closing a `ReconnectingChannel`, at every stage, from everywhere, and more than once.
 *
 * @module
 */
import { ReconnectingChannel, type Channel } from "@socketserver/client";
import { lines } from "@socketserver/framing";
import { leakCheck } from "@socketserver/testing";
import { beforeEach, describe, expect, test } from "vitest";

import { settled } from "../../core/test/support/settled.ts";
import { soon } from "../../core/test/support/soon.ts";
import { echoScript } from "./support/echo-script.ts";
import { EventLog } from "./support/event-log.ts";
import { freePort } from "./support/free-port.ts";
import { HASTY } from "./support/hasty.ts";
import { inTurn } from "./support/in-turn.ts";
import { ScriptedServer, type Script } from "./support/scripted-server.ts";

const closed = { code: "ERR_SOCKETSERVER_CONNECTION_CLOSED", sent: false };

/** Reads everything, answers nothing, and leaves with the client. */
const deaf: Script = async (guest) => {
  await guest.ended();
};

const rude: Script = (guest) => guest.end();

function channelTo(server: ScriptedServer, options: object = {}): ReconnectingChannel<string> {
  return new ReconnectingChannel(server.address, lines().text(), { ...HASTY, ...options });
}

/** Every call there is, made after the close. */
async function expectClosed(channel: ReconnectingChannel<string>): Promise<void> {
  expect(channel.state).toBe("closed");
  await expect(channel.connect()).rejects.toMatchObject(closed);
  await expect(channel.request("late")).rejects.toMatchObject(closed);
  await expect(channel.send("late")).rejects.toMatchObject(closed);
  expect(await channel.receive()).toBeUndefined();
  for await (const message of channel) throw new Error(`Cannot be: ${message} came`);
}

beforeEach(() => leakCheck());

describe("ReconnectingChannel.close()", () => {
  test("of one that was never used opens nothing", async () => {
    await using server = await ScriptedServer.start(echoScript());
    const channel = channelTo(server);
    const log = new EventLog(channel);
    await channel.close();
    await expectClosed(channel);
    expect(log.names).toEqual(["close"]);
    expect(log.of("close")).toEqual([undefined]);
    expect(server.guests).toEqual([]);
  });

  test("ends our side behind what was sent, and the server's end is waited for", async () => {
    const heard: string[] = [];
    await using server = await ScriptedServer.start(async (guest) => {
      for await (const line of guest) heard.push(line);
    });
    const channel = channelTo(server);
    await channel.connect();
    await Promise.all([channel.send("one"), channel.send("two"), channel.close()]);
    expect(heard).toEqual(["one", "two"]);
    expect(await (await server.guest()).ended()).toBe(true);
    await expectClosed(channel);
  });

  test("rejects what was sent and not answered, and what was not sent, and tells them apart", async () => {
    await using server = await ScriptedServer.start(deaf);
    const channel = channelTo(server, { maxPipelinedRequests: 1 });
    await channel.connect();
    const calls = ["sent", "not sent"].map((word) => channel.request(word, { idempotent: true }));
    const outcomes = Promise.allSettled(calls);
    await channel.close();
    expect(await outcomes).toMatchObject([{ reason: { ...closed, sent: true } }, { reason: closed }]);
    expect(server.guests).toHaveLength(1);
  });

  test("is the same promise for everybody, and emits one event", async () => {
    await using server = await ScriptedServer.start(deaf);
    const channel = channelTo(server);
    const log = new EventLog(channel);
    await channel.connect();
    const first = channel.close();
    expect(channel.close()).toBe(first);
    await Promise.all([first, channel[Symbol.asyncDispose]()]);
    expect(channel.close()).toBe(first);
    expect(log.names).toEqual(["connecting", "connected", "disconnected", "close"]);
    expect(log.of("disconnected")).toMatchObject([{ error: undefined }]);
  });

  test("ends a pause, and there is no other attempt", async () => {
    const channel = new ReconnectingChannel({ port: await freePort() }, lines().text(), {
      backoff: { minDelayMs: 60_000, maxDelayMs: 60_000 },
    });
    const log = new EventLog(channel);
    const waiting = new Promise((resolve) => channel.once("waiting", resolve));
    const outcome = Promise.allSettled([channel.connect(), channel.receive()]);
    await waiting;
    await soon(channel.close());
    expect(await outcome).toMatchObject([{ reason: closed }, { status: "fulfilled", value: undefined }]);
    expect(log.names).toEqual(["connecting", "waiting", "close"]);
  });

  test("waits for connections that were lost before and are not closed yet", async () => {
    const lingering: Script = (guest) => void guest.socket.end();
    await using server = await ScriptedServer.start(inTurn(lingering, deaf));
    const channel = channelTo(server);
    await channel.receive({ timeoutMs: 200 }).catch(() => undefined);
    await channel.close();
    for (const guest of server.guests) expect(await settled(guest.ended())).toBe(true);
  });

  test("resolves although the server never ends its side", async () => {
    await using server = await ScriptedServer.start(() => undefined);
    const channel = channelTo(server);
    await channel.connect();
    await soon(channel.close());
    await expectClosed(channel);
  });
});

describe("ReconnectingChannel.close(), called by a listener", () => {
  const scenes = {
    connecting: { script: echoScript(), names: ["connecting", "close"] },
    connected: { script: echoScript(), names: ["connecting", "connected", "disconnected", "close"] },
    disconnected: { script: rude, names: ["connecting", "connected", "disconnected", "close"] },
    waiting: { script: rude, names: ["connecting", "connected", "disconnected", "waiting", "close"] },
    close: { script: rude, names: ["connecting", "connected", "disconnected", "close"] },
  } as const;

  test.each(Object.keys(scenes) as (keyof typeof scenes)[])("of %s, closes it once", async (name) => {
    const { script, names } = scenes[name];
    await using server = await ScriptedServer.start(script);
    const channel = channelTo(server, name === "close" ? { maxAttempts: 1 } : {});
    const log = new EventLog(channel);
    const over = new Promise<void>((resolve) => {
      channel.once(name, () => resolve(channel.close()));
    });
    // Whether it connects before that is not the matter here.
    channel.connect().catch(() => undefined);
    await soon(over);
    await soon(channel.close());
    expect(log.names).toEqual(names);
    await server.close();
  });

  test("of disconnected, which the close itself has caused, closes it once", async () => {
    await using server = await ScriptedServer.start(deaf);
    const channel = channelTo(server);
    const log = new EventLog(channel);
    await channel.connect();
    const inside = new Promise<void>((resolve) => channel.once("disconnected", () => resolve(channel.close())));
    await soon(Promise.all([channel.close(), inside]));
    expect(log.names).toEqual(["connecting", "connected", "disconnected", "close"]);
  });

  test("of connected: what waited is rejected, and is sent if it left before", async () => {
    await using server = await ScriptedServer.start(deaf);
    const channel = channelTo(server, { maxPipelinedRequests: 1 });
    channel.once("connected", () => void channel.close());
    const outcomes = await Promise.allSettled(["one", "two"].map((word) => channel.request(word)));
    expect(outcomes).toMatchObject([{ reason: { ...closed, sent: true } }, { reason: closed }]);
    await channel.close();
  });
});

describe("ReconnectingChannel.close(), called by setup()", () => {
  test("ends the attempt, also if setup() waits for it", async () => {
    class Quitter extends ReconnectingChannel<string> {
      outcome = "none";

      protected override async setup(channel: Channel<string>): Promise<void> {
        await channel.request("may I?");
        await this.close();
        this.outcome = "closed";
      }
    }
    await using server = await ScriptedServer.start(echoScript());
    const channel = new Quitter(server.address, lines().text(), HASTY);
    const log = new EventLog(channel);
    await expect(soon(channel.request("hello"))).rejects.toMatchObject(closed);
    await soon(channel.close());
    expect(channel.outcome).toBe("closed");
    expect(log.names).toEqual(["connecting", "close"]);
    expect(server.guests).toHaveLength(1);
  });
});

describe("a ReconnectingChannel that is closed", () => {
  test("keeps no process alive, and may be left with await using", async () => {
    await using server = await ScriptedServer.start(echoScript());
    let state: () => string;
    {
      await using channel = channelTo(server);
      state = () => channel.state;
      expect(await channel.request("hello")).toBe("echo hello");
    }
    expect(state()).toBe("closed");
  });
});
