import { Channel, ReconnectingChannel } from "@socketserver/client";
import { lines } from "@socketserver/framing";
import { leakCheck } from "@socketserver/testing";
import { beforeEach, describe, expect, test } from "vitest";

import { echoScript } from "./support/echo-script.ts";
import { HASTY } from "./support/hasty.ts";
import { hearAndLeave } from "./support/hear-and-leave.ts";
import { inTurn } from "./support/in-turn.ts";
import { ScriptedServer, type Script } from "./support/scripted-server.ts";

beforeEach(() => leakCheck());

const mute: Script = async (guest) => {
  await guest.ended();
};

const NARROW = { maxPipelinedRequests: 2, requestTimeoutMs: 30 };

describe("A server that answers nobody, by order", () => {
  test("is given up when those behind it run out of time: their requests were not sent", async () => {
    await using server = await ScriptedServer.start(mute);
    await using channel = await Channel.connect(server.address, lines().text(), NARROW);
    const [one, two, three] = await Promise.allSettled(["one", "two", "three"].map((word) => channel.request(word)));
    const timedOut = { code: "ERR_SOCKETSERVER_REQUEST_TIMEOUT" };
    expect([one, two]).toMatchObject([
      { reason: { ...timedOut, sent: true } },
      { reason: { ...timedOut, sent: true } },
    ]);
    expect(three).toMatchObject({ reason: { ...timedOut, sent: false } });
    // A reply may still come late: only after that time, too, is it too late.
    while (channel.open) await channel.request("more").catch(() => undefined);
    expect(await channel.closed).toBe("idle");
    await expect(channel.request("late")).rejects.toMatchObject({ code: "ERR_SOCKETSERVER_IDLE_TIMEOUT", sent: false });
  });

  test("is not given up while one of those who were sent still waits", async () => {
    await using server = await ScriptedServer.start(mute);
    await using channel = await Channel.connect(server.address, lines().text(), NARROW);
    const patient = channel.request("patient", { timeoutMs: 10_000 });
    const others = await Promise.allSettled(["one", "two", "three"].map((word) => channel.request(word)));
    expect(others).toMatchObject(others.map(() => ({ reason: { code: "ERR_SOCKETSERVER_REQUEST_TIMEOUT" } })));
    expect(channel.open).toBe(true);
    channel.abort();
    await expect(patient).rejects.toMatchObject({ code: "ERR_SOCKETSERVER_CONNECTION_CLOSED" });
  });

  test("is not given up with ids, which hold up nobody", async () => {
    await using server = await ScriptedServer.start(mute);
    const options = { ...NARROW, correlateBy: "id" as const };
    await using channel = await Channel.connect(server.address, lines().json(), options);
    const ids = [1, 2, 3, 4, 5];
    await Promise.allSettled(ids.map((id) => channel.request({ id })));
    expect(channel.open).toBe(true);
  });

  test("is left by a ReconnectingChannel, for another connection", async () => {
    await using server = await ScriptedServer.start(inTurn(mute, echoScript()));
    await using channel = new ReconnectingChannel(server.address, lines().text(), { ...HASTY, ...NARROW });
    const given = ["one", "two"].map((word) => channel.request(word));
    const answered = channel.request("last", { timeoutMs: 10_000 });
    const over = new AbortController();
    void answered.then(() => over.abort());
    await Promise.allSettled(given);
    const { signal } = over;
    while (!signal.aborted) await channel.request("more", { timeoutMs: 10, signal }).catch(() => undefined);
    expect(await answered).toBe("echo last");
    expect(server.guests).toHaveLength(2);
  });
});

describe("ReconnectingChannel", () => {
  test("keeps the places of those who had one, and refuses others, while there is no connection", async () => {
    await using server = await ScriptedServer.start(inTurn(hearAndLeave(2, "end"), echoScript()));
    const options = { maxPipelinedRequests: 2, requestQueueSize: 2, backoff: { minDelayMs: 300, maxDelayMs: 300 } };
    await using channel = new ReconnectingChannel(server.address, lines().text(), options);
    await channel.connect();
    const words = ["one", "two", "three", "four"];
    const accepted = words.map((word) => channel.request(word, { idempotent: true }));
    await new Promise((resolve) => channel.once("waiting", resolve));
    await expect(channel.request("five")).rejects.toMatchObject({ code: "ERR_SOCKETSERVER_QUEUE_FULL", sent: false });
    expect(await Promise.all(accepted)).toEqual(words.map((word) => `echo ${word}`));
  });

  test("makes one connection, however often its listeners call it while it connects", async () => {
    await using server = await ScriptedServer.start(echoScript());
    await using channel = new ReconnectingChannel(server.address, lines().text(), HASTY);
    const nested: Promise<string>[] = [];
    channel.on("connecting", () => nested.push(channel.request("nested")));
    expect(await channel.request("first")).toBe("echo first");
    expect(await Promise.all(nested)).toEqual(["echo nested"]);
    expect(server.guests).toHaveLength(1);
  });

  test("does not say that it is connected to who hears that it is not", async () => {
    await using server = await ScriptedServer.start(hearAndLeave(1, "end"));
    await using channel = new ReconnectingChannel(server.address, lines().text(), HASTY);
    const state = new Promise((resolve) => channel.once("disconnected", () => resolve(channel.state)));
    await channel.request("one").catch(() => undefined);
    expect(await state).toBe("waiting");
  });
});
