/**
 * The life of a `ReconnectingChannel`: what it is made with, when it connects, what it says of itself, and where it connects to.
 *
 * @module
 */
import { ConnectError, ReconnectingChannel, RequestError } from "@socketserver/client";
import { lines } from "@socketserver/framing";
import { leakCheck } from "@socketserver/testing";
import { beforeEach, describe, expect, test } from "vitest";

import { echoScript } from "./support/echo-script.ts";
import { EventLog } from "./support/event-log.ts";
import { freePort } from "./support/free-port.ts";
import { HASTY } from "./support/hasty.ts";
import { inTurn } from "./support/in-turn.ts";
import { ScriptedServer } from "./support/scripted-server.ts";

beforeEach(() => leakCheck());

describe("ReconnectingChannel", () => {
  const uses: readonly (readonly [string, (channel: ReconnectingChannel<string>) => Promise<unknown>])[] = [
    ["connect()", (channel) => channel.connect()],
    ["request()", (channel) => channel.request("hello")],
    ["send()", (channel) => channel.send("hello")],
    ["receive()", (channel) => channel.receive()],
  ];

  test.each(uses)("connects when it is first used, by %s, and once only", async (_name, use) => {
    await using server = await ScriptedServer.start(async (guest) => {
      guest.say("welcome\n");
      await echoScript()(guest);
    });
    await using channel = new ReconnectingChannel(server.address, lines().text(), HASTY);
    const log = new EventLog(channel);
    const [outcome] = await Promise.all([use(channel), channel.connect(), channel.connect()]);
    expect(["welcome", undefined]).toContain(outcome);
    expect(log.names).toEqual(["connecting", "connected"]);
    expect(server.guests).toHaveLength(1);
  });

  test("says what becomes of it, in order, with all that is known", async () => {
    await using server = await ScriptedServer.start(inTurn((guest) => guest.end("bye\n"), echoScript()));
    const channel = new ReconnectingChannel(server.address, lines().text(), { ...HASTY, stableMs: 60_000 });
    const log = new EventLog(channel);
    expect(await channel.receive()).toBe("bye");
    expect(await channel.request("again", { idempotent: true })).toBe("echo again");
    await channel.close();
    const round = ["connecting", "connected", "disconnected"];
    expect(log.names).toEqual([...round, "waiting", ...round, "close"]);
    expect(log.of("connecting")).toEqual([{ attempt: 1 }, { attempt: 2 }]);
    const { address: remoteAddress } = server;
    expect(log.of("connected")).toEqual([
      { remoteAddress, attempts: 1 },
      { remoteAddress, attempts: 2 },
    ]);
    expect(log.of("waiting")).toEqual([{ delayMs: 1, failedAttempts: 1, error: undefined }]);
    for (const { error, connectedMs } of log.of("disconnected")) {
      expect(error).toBeUndefined();
      expect(connectedMs).toBeGreaterThanOrEqual(0);
      expect(connectedMs).toBeLessThan(30_000);
    }
    expect(log.of("close")).toEqual([undefined]);
  });

  test("is in the state that an event tells of when it is told", async () => {
    await using server = await ScriptedServer.start(inTurn((guest) => guest.end("bye\n"), echoScript()));
    const channel = new ReconnectingChannel(server.address, lines().text(), HASTY);
    const states: string[] = [];
    for (const name of ["connecting", "connected", "waiting", "close"] as const) {
      channel.on(name, () => states.push(`${name}: ${channel.state}`));
    }
    await channel.receive();
    await channel.request("again", { idempotent: true });
    await channel.close();
    const comes = ["connecting: connecting", "connected: connected"];
    expect(states).toEqual([...comes, "waiting: waiting", ...comes, "close: closed"]);
  });

  test("tells what broke a connection, and why an attempt has failed", async () => {
    const server = await ScriptedServer.start(async (guest) => {
      await guest.line();
      guest.reset();
    });
    await using channel = new ReconnectingChannel(server.address, lines().text(), HASTY);
    const log = new EventLog(channel);
    const broken = new Promise((resolve) => channel.on("disconnected", ({ error }) => error && resolve(error)));
    await expect(channel.request("reset me")).rejects.toMatchObject({ code: "ECONNRESET" });
    expect(await broken).toMatchObject({ code: "ECONNRESET" });
    const refused = new Promise<Error>((resolve) => {
      channel.on("waiting", ({ error }) => error instanceof ConnectError && resolve(error));
    });
    await server.close();
    expect(await refused).toMatchObject({ code: "ECONNREFUSED" });
    expect(log.of("waiting")[0]?.error).toBe(log.of("disconnected")[0]?.error);
  });

  test("keeps a connection that nobody uses, and that says nothing, past its idleTimeoutMs", async () => {
    await using server = await ScriptedServer.start(echoScript());
    await using channel = new ReconnectingChannel(server.address, lines().text(), { ...HASTY, idleTimeoutMs: 20 });
    const log = new EventLog(channel);
    await channel.connect();
    await expect(channel.receive()).rejects.toMatchObject({ code: "ERR_SOCKETSERVER_IDLE_TIMEOUT" });
    await expect(channel.receive({ timeoutMs: 40 })).rejects.toMatchObject({ code: "ERR_SOCKETSERVER_IDLE_TIMEOUT" });
    expect(await channel.request("still there")).toBe("echo still there");
    expect(log.names).toEqual(["connecting", "connected"]);
  });

  test("emits to the listeners of once() once, and to none that was removed", async () => {
    await using server = await ScriptedServer.start(inTurn((guest) => guest.end("bye\n"), echoScript()));
    await using channel = new ReconnectingChannel(server.address, lines().text(), HASTY);
    const calls: string[] = [];
    const removed = (): void => void calls.push("removed");
    channel.once("connected", () => calls.push("once"));
    channel.on("connected", removed);
    expect(channel.listeners("connected")).toContain(removed);
    channel.off("connected", removed);
    await channel.receive();
    await channel.request("again", { idempotent: true });
    expect(calls).toEqual(["once"]);
  });
});

describe("ReconnectingChannel.connect()", () => {
  test("resolves at once when there is a connection", async () => {
    await using server = await ScriptedServer.start(echoScript());
    await using channel = new ReconnectingChannel(server.address, lines().text(), HASTY);
    expect(await channel.connect()).toBeUndefined();
    expect(await channel.connect({ timeoutMs: 0 })).toBeUndefined();
  });

  test("waits for a server that comes late", async () => {
    const port = await freePort();
    await using channel = new ReconnectingChannel({ port }, lines().text(), HASTY);
    const connecting = channel.connect();
    await new Promise((resolve) => channel.once("waiting", resolve));
    await using server = await ScriptedServer.start(echoScript(), port);
    await connecting;
    expect(channel.state).toBe("connected");
    expect(server.guests).toHaveLength(1);
  });

  test("rejects when its time is over, with the last failure as the cause; the attempts go on", async () => {
    const port = await freePort();
    await using channel = new ReconnectingChannel({ port }, lines().text(), HASTY);
    const error: unknown = await channel.connect({ timeoutMs: 50 }).catch((each: unknown) => each);
    expect(error).toBeInstanceOf(RequestError);
    expect(error).toMatchObject({
      code: "ERR_SOCKETSERVER_CONNECT_TIMEOUT",
      sent: false,
      cause: expect.objectContaining({ code: "ECONNREFUSED" }) as unknown,
    });
    expect((error as Error).message).toMatch(/^Cannot connect: there was no connection within 50 ms/);
    await using server = await ScriptedServer.start(echoScript(), port);
    await server.guest();
  });

  test("rejects with the reason of the signal, and refuses what is none", async () => {
    await using channel = new ReconnectingChannel({ port: await freePort() }, lines().text(), HASTY);
    const giving = new AbortController();
    const connecting = channel.connect({ signal: giving.signal });
    channel.once("waiting", () => giving.abort(new Error("no longer needed")));
    await expect(connecting).rejects.toThrow("no longer needed");
    await expect(channel.connect({ signal: giving.signal })).rejects.toThrow("no longer needed");
    await expect(channel.connect({ signal: {} as never })).rejects.toThrow(
      "signal must be an AbortSignal, received {}",
    );
    await expect(channel.connect({ timeoutMs: -1 })).rejects.toMatchObject({
      code: "ERR_SOCKETSERVER_INVALID_ARGUMENT",
      message: expect.stringMatching(/^Cannot connect: timeoutMs must be .*received -1$/) as unknown,
    });
  });
});
