/**
 * How many messages of a `ReconnectingChannel` may wait for a connection.
 *
 * @module
 */
import { ReconnectingChannel, RequestError, type Channel } from "@socketserver/client";
import { lines } from "@socketserver/framing";
import { leakCheck } from "@socketserver/testing";
import { beforeEach, describe, expect, test } from "vitest";

import { settled } from "../../core/test/support/settled.ts";
import { echoScript } from "./support/echo-script.ts";
import { freePort } from "./support/free-port.ts";
import { HASTY } from "./support/hasty.ts";
import { hearAndLeave } from "./support/hear-and-leave.ts";
import { inTurn } from "./support/in-turn.ts";
import { keepingScript } from "./support/keeping-script.ts";
import { ScriptedServer } from "./support/scripted-server.ts";

/** A channel whose server is not there as yet. */
async function lonely(options: object = {}): Promise<ReconnectingChannel<string>> {
  return new ReconnectingChannel({ port: await freePort() }, lines().text(), { ...HASTY, ...options });
}

/** A channel whose connections begin with as many requests as leave at once and may wait, except the first ones. */
class BusyChannel extends ReconnectingChannel<string> {
  #idle: number;

  constructor(port: number, idle: number) {
    super({ port }, lines().text(), { ...HASTY, maxPipelinedRequests: 1, requestQueueSize: 1 });
    this.#idle = idle;
  }

  protected override setup(channel: Channel<string>): void {
    if (this.#idle-- > 0) return;
    for (const word of ["leaves", "waits"]) void channel.request(word);
  }
}

const queueFull = { code: "ERR_SOCKETSERVER_QUEUE_FULL", sent: false };
const timedOut = { code: "ERR_SOCKETSERVER_REQUEST_TIMEOUT", sent: false };

beforeEach(() => leakCheck());

describe("requestQueueSize of a ReconnectingChannel without a connection", () => {
  test("bounds requests and sends, and neither receivers nor those who wait for the connection", async () => {
    const channel = await lonely({ requestQueueSize: 2 });
    const first = Promise.allSettled([
      channel.connect(),
      channel.receive(),
      channel.request("one"),
      channel.send("two"),
    ]);
    const error: unknown = await channel.request("three").catch((each: unknown) => each);
    expect(error).toBeInstanceOf(RequestError);
    expect(error).toMatchObject({
      ...queueFull,
      message: "Cannot send: 2 messages wait already (requestQueueSize)",
    });
    await expect(channel.send("four")).rejects.toMatchObject(queueFull);
    expect(await settled(Promise.any([channel.connect(), first]))).toBe(false);
    await channel.close();
    expect((await first).map(({ status }) => status)).toEqual(["rejected", "fulfilled", "rejected", "rejected"]);
  });

  test("gives the place of one that was given up, by its time or its signal, to another one", async () => {
    await using channel = await lonely({ requestQueueSize: 1 });
    const giving = new AbortController();
    const aborted = channel.request("one", { signal: giving.signal });
    await expect(channel.request("too many")).rejects.toMatchObject(queueFull);
    giving.abort(new Error("no longer needed"));
    await expect(aborted).rejects.toThrow("no longer needed");
    await expect(channel.request("two", { timeoutMs: 5 })).rejects.toMatchObject(timedOut);
    await expect(channel.send("three", { timeoutMs: 5 })).rejects.toMatchObject(timedOut);
    const last = channel.request("four");
    expect(await settled(last)).toBe(false);
    await channel.close();
    await expect(last).rejects.toMatchObject({ code: "ERR_SOCKETSERVER_CONNECTION_CLOSED" });
  });

  test("of 0 lets nothing wait, and everything through once there is a connection", async () => {
    await using server = await ScriptedServer.start(echoScript());
    const options = { ...HASTY, requestQueueSize: 0 };
    await using channel = new ReconnectingChannel(server.address, lines().text(), options);
    await expect(channel.request("too early")).rejects.toMatchObject(queueFull);
    await channel.connect();
    expect(await Promise.all([channel.request("one"), channel.request("two")])).toEqual(["echo one", "echo two"]);
  });

  test("is free again after the calls that waited have gone", async () => {
    await using server = await ScriptedServer.start(
      inTurn(async (guest) => {
        await guest.lines(2);
        guest.end("one\ntwo\n");
      }, echoScript()),
    );
    const options = { ...HASTY, requestQueueSize: 2 };
    await using channel = new ReconnectingChannel(server.address, lines().text(), options);
    const lost = new Promise((resolve) => channel.once("disconnected", resolve));
    expect(await Promise.all([channel.request("1"), channel.request("2")])).toEqual(["one", "two"]);
    await lost;
    expect(await Promise.all([channel.request("3"), channel.request("4")])).toEqual(["echo 3", "echo 4"]);
  });
});

describe("what has a place of a ReconnectingChannel", () => {
  test("keeps it when its connection is lost, however many wait for the next one", async () => {
    const heard: string[] = [];
    await using server = await ScriptedServer.start(inTurn(hearAndLeave(1, "reset"), keepingScript(heard)));
    await using channel = new BusyChannel(server.port, 1);
    await channel.connect();
    const calls = Promise.all(["sent", "queued"].map((word) => channel.request(word, { idempotent: true })));
    await expect(channel.request("too many")).rejects.toMatchObject(queueFull);
    expect(await calls).toEqual(["re sent", "re queued"]);
    expect(heard).toEqual(["leaves", "waits", "sent", "queued"]);
  });

  test("keeps it when there is a connection, however many wait for that", async () => {
    const port = await freePort();
    await using channel = new BusyChannel(port, 0);
    const call = channel.request("waited");
    const connected = new Promise((resolve) => {
      channel.once("connected", () => resolve(channel.request("too many").catch((error: unknown) => error)));
    });
    await using server = await ScriptedServer.start(echoScript(), port);
    expect(await connected).toMatchObject(queueFull);
    expect(await call).toBe("echo waited");
    expect(server.guests).toHaveLength(1);
  });
});
