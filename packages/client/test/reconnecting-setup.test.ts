/**
 * What each connection of a `ReconnectingChannel` begins with: `setup()`.
 *
 * @module
 */
import { ReconnectingChannel, type Channel } from "@socketserver/client";
import { lines } from "@socketserver/framing";
import { leakCheck } from "@socketserver/testing";
import { beforeEach, describe, expect, test } from "vitest";

import { soon } from "../../core/test/support/soon.ts";
import { blockFor } from "./support/block-for.ts";
import { echoScript } from "./support/echo-script.ts";
import { EventLog } from "./support/event-log.ts";
import type { Guest } from "./support/guest.ts";
import { HASTY } from "./support/hasty.ts";
import { inTurn } from "./support/in-turn.ts";
import { ScriptedServer, type Script } from "./support/scripted-server.ts";

type Setup = (channel: Channel<string>) => unknown;

/** Begins each connection as a test says; the last way is for all that come later. */
class PreparedChannel extends ReconnectingChannel<string> {
  readonly #ways: Setup[];
  /** How often it was begun. */
  setups = 0;

  constructor(server: ScriptedServer, ways: readonly Setup[], options: object = {}) {
    super(server.address, lines().text(), { ...HASTY, ...options });
    this.#ways = [...ways];
  }

  protected override async setup(channel: Channel<string>): Promise<void> {
    this.setups++;
    const [way] = this.#ways.length > 1 ? this.#ways.splice(0, 1) : this.#ways;
    await way?.(channel);
  }
}

/** Reads everything, and answers nothing. */
const deaf: Script = async (guest) => {
  await guest.ended();
};

const afterLine =
  (act: (guest: Guest) => void): Script =>
  async (guest) => {
    await guest.line();
    act(guest);
  };

beforeEach(() => leakCheck());

describe("ReconnectingChannel.setup()", () => {
  test("comes first on each connection, before what waited for it", async () => {
    const heard: (readonly string[])[] = [];
    await using server = await ScriptedServer.start(async (guest) => {
      const said: string[] = [];
      heard.push(said);
      for await (const line of guest) {
        said.push(line);
        guest.say(`ok ${line}\n`);
        if (line === "last") guest.end();
      }
    });
    await using channel = new PreparedChannel(server, [async (each) => void (await each.request("login"))]);
    const lost = new Promise((resolve) => channel.once("disconnected", resolve));
    const replies = Promise.all(["one", "two", "last"].map((line) => channel.request(line)));
    expect(await replies).toEqual(["ok one", "ok two", "ok last"]);
    await lost;
    expect(await channel.request("three")).toBe("ok three");
    expect(heard).toEqual([
      ["login", "one", "two", "last"],
      ["login", "three"],
    ]);
  });

  test("may receive the greeting of a server, send, and ask", async () => {
    await using server = await ScriptedServer.start(async (guest) => {
      guest.say("220 welcome\n");
      await guest.line();
      await echoScript("250")(guest);
    });
    const conversation: unknown[] = [];
    const setup: Setup = async (each) => {
      conversation.push(await each.receive());
      await each.send("no answer to this");
      conversation.push(await each.request("EHLO"));
    };
    await using channel = new PreparedChannel(server, [setup]);
    expect(await channel.request("MAIL")).toBe("250 MAIL");
    expect(conversation).toEqual(["220 welcome", "250 EHLO"]);
  });

  test("is given a channel that is the one of the connection, and open", async () => {
    await using server = await ScriptedServer.start(echoScript());
    const given: Channel<string>[] = [];
    await using channel = new PreparedChannel(server, [(each) => given.push(each)]);
    await channel.connect();
    expect(given.map((each) => [each.open, each.codec === channel.codec])).toEqual([[true, true]]);
    expect(given[0]?.connection.remoteAddress).toEqual(server.address);
  });

  const failures: readonly (readonly [how: string, way: Setup, error: object])[] = [
    ["throws", () => Promise.reject(new Error("no such user")), { message: "no such user" }],
    [
      "throws what has no text",
      () => Promise.reject(Object.create(null) as Error),
      { message: "something that has no text" },
    ],
    [
      "takes longer than connectTimeoutMs",
      () => new Promise(() => {}),
      {
        code: "ERR_SOCKETSERVER_CONNECT_TIMEOUT",
        message: "Cannot connect: setup() did not end within 60 ms",
      },
    ],
    ["asks in vain", (each) => each.request("?", { timeoutMs: 1 }), { code: "ERR_SOCKETSERVER_REQUEST_TIMEOUT" }],
    ["closes its channel", (each) => each.close(), { code: "ERR_SOCKETSERVER_CONNECTION_CLOSED" }],
    ["resets its channel", (each) => each.abort(), { code: "ERR_SOCKETSERVER_CONNECTION_CLOSED" }],
  ];

  test.each(failures)(
    "that %s fails the attempt: its connection is closed, and the next one serves",
    async (...row) => {
      const [, way, error] = row;
      await using server = await ScriptedServer.start(inTurn(deaf, echoScript()));
      await using channel = new PreparedChannel(server, [way, () => undefined], { connectTimeoutMs: 60 });
      const log = new EventLog(channel);
      const failed = new Promise((resolve) => channel.once("waiting", resolve));
      const [told, reply] = await Promise.all([failed, channel.request("hello")]);
      expect(told).toMatchObject({ failedAttempts: 1, error });
      expect(reply).toBe("echo hello");
      expect(log.names).toEqual(["connecting", "waiting", "connecting", "connected"]);
      expect(channel.setups).toBe(2);
      await (await server.guest()).ended();
    },
  );

  const ends: readonly (readonly [how: string, script: Script, code: string])[] = [
    ["ends", afterLine((guest) => guest.end()), "ERR_SOCKETSERVER_INCOMPLETE_READ"],
    ["resets", afterLine((guest) => guest.reset()), "ECONNRESET"],
    ["says too much over", afterLine((guest) => guest.say("x".repeat(2 ** 21))), "ERR_SOCKETSERVER_TOO_BIG"],
  ];

  test.each(ends)("fails when the server %s the connection during it", async (_how, script, code) => {
    await using server = await ScriptedServer.start(inTurn(script, echoScript()));
    await using channel = new PreparedChannel(server, [async (each) => void (await each.request("login"))]);
    const log = new EventLog(channel);
    expect(await channel.request("hello")).toBe("echo hello");
    expect(log.names).toEqual(["connecting", "waiting", "connecting", "connected"]);
    expect(log.of("waiting")[0]?.error).toMatchObject({ code });
  });

  test.each([
    ["setup()", { connectTimeoutMs: 500, maxAttempts: 1 }, {}],
    ["connect()", {}, { timeoutMs: 500 }],
  ])("is in time for %s if what it waits for came in time, although this process was busy", async (...row) => {
    const [, options, patience] = row;
    await using server = await ScriptedServer.start(async (guest) => {
      guest.say(`hello ${await guest.line()}\n`);
      // The server is in this process: it has answered, and then nothing can be read before the time is over.
      setImmediate(() => blockFor(700));
      await deaf(guest);
    });
    await using channel = new PreparedChannel(server, [async (each) => void (await each.request("login"))], options);
    await channel.connect(patience);
    expect(channel.state).toBe("connected");
    expect(server.guests).toHaveLength(1);
  });

  test("that asks nothing fails as soon as the server ends the connection, and not after its time", async () => {
    await using server = await ScriptedServer.start(inTurn((guest) => guest.end(), echoScript()));
    await using channel = new PreparedChannel(server, [() => new Promise(() => {}), () => undefined]);
    const failed = new Promise((resolve) => channel.once("waiting", resolve));
    expect(await soon(channel.request("hello"))).toBe("echo hello");
    expect(await failed).toMatchObject({ error: { code: "ERR_SOCKETSERVER_INCOMPLETE_READ" } });
  });

  test("that goes on after its time has no hold on the next connection", async () => {
    await using server = await ScriptedServer.start(inTurn(deaf, echoScript()));
    const { promise: late, resolve: goOn } = Promise.withResolvers<void>();
    const outcomes: unknown[] = [];
    const slow: Setup = async (each) => {
      await late;
      outcomes.push(each.open, await each.request("too late").catch((error: unknown) => error));
      throw new Error("nobody hears this");
    };
    await using channel = new PreparedChannel(server, [slow, () => undefined], { connectTimeoutMs: 30 });
    expect(await channel.request("one")).toBe("echo one");
    goOn();
    expect(await channel.request("two")).toBe("echo two");
    expect(outcomes).toEqual([false, expect.objectContaining({ sent: false })]);
    expect(channel.state).toBe("connected");
  });

  test("that fails every time uses up maxAttempts", async () => {
    await using server = await ScriptedServer.start(deaf);
    const fail: Setup = () => Promise.reject(new Error("wrong password"));
    await using channel = new PreparedChannel(server, [fail], { maxAttempts: 3 });
    await expect(channel.request("hello")).rejects.toMatchObject({
      code: "ERR_SOCKETSERVER_RECONNECT_FAILED",
      sent: false,
      cause: expect.objectContaining({ message: "wrong password" }) as unknown,
    });
    expect(channel.setups).toBe(3);
    expect(server.guests).toHaveLength(3);
  });

  test("leaves what it did not receive to the channel's own receivers", async () => {
    await using server = await ScriptedServer.start(async (guest) => {
      await guest.line();
      guest.say("logged in\nnews one\nnews two\n");
      await deaf(guest);
    });
    await using channel = new PreparedChannel(server, [
      async (each) => {
        await each.send("login");
        await each.receive();
      },
    ]);
    expect([await channel.receive(), await channel.receive()]).toEqual(["news one", "news two"]);
  });
});
