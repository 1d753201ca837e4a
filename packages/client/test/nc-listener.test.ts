/**
 * The clients and an `nc` that listens, with somebody at its keyboard.
 *
 * @module
 */
import { Channel, ReconnectingChannel, connect } from "@socketserver/client";
import type { Address } from "@socketserver/core";
import { lines } from "@socketserver/framing";
import { leakCheck } from "@socketserver/testing";
import { buffer } from "node:stream/consumers";
import { beforeEach, describe, expect, test } from "vitest";

import { needs } from "../../core/test/support/peers.ts";
import { temporaryPath } from "../../core/test/support/temporary-path.ts";
import { freePort } from "./support/free-port.ts";
import { NetcatListener } from "./support/netcat-listener.ts";

beforeEach(() => leakCheck());
beforeEach(needs("nc"));

const LINES = lines().text();

const PLACES = [
  { where: "nc -l", address: (): Address => ({ host: "127.0.0.1", port: 0 }) },
  { where: "nc -lU", address: async (): Promise<Address> => ({ path: await temporaryPath() }) },
] as const;

describe.each(PLACES)("$where", ({ address }) => {
  const listen = async (...options: readonly string[]): Promise<NetcatListener> =>
    NetcatListener.start(await address(), ...options);

  test("prints what connect() sends, and what is typed comes back", async () => {
    await using listener = await listen("-N");
    await using connection = await connect(listener.address);
    await connection.sendAll("hello\n");
    await listener.printed("hello");
    await listener.type("first\n");
    expect((await connection.recvExactly(6)).toString()).toBe("first\n");
    await listener.type("second\n");
    await listener.typeNoMore();
    expect((await buffer(connection)).toString()).toBe("second\n");
  });

  test("is asked by a channel, and answers what is typed", async () => {
    await using listener = await listen();
    await using channel = await Channel.connect(listener.address, LINES);
    const answers = ["What is it?", "What else?"].map((question) => channel.request(question));
    await listener.printed("What else[?]");
    expect(listener.lines).toEqual(["What is it?", "What else?"]);
    await listener.type("It is an answer\r\nNothi");
    expect(await answers[0]).toBe("It is an answer");
    await listener.type("ng\nBy the way\n");
    expect(await answers[1]).toBe("Nothing");
    expect(await channel.receive()).toBe("By the way");
    expect(channel.open).toBe(true);
  });

  test("ends its side when nothing more is typed, and the channel hears all before that", async () => {
    await using listener = await listen("-N");
    await using channel = await Channel.connect(listener.address, LINES);
    const heard: string[] = [];
    const hearing = (async () => {
      for await (const line of channel) heard.push(line);
    })();
    await listener.type("one\ntwo\n");
    await channel.send("hello");
    await listener.typeNoMore();
    await hearing;
    expect(heard).toEqual(["one", "two"]);
    expect(await channel.closed).toBe("peer-end");
    expect(await listener.end()).toMatchObject({ code: 0 });
    expect(listener.lines).toEqual(["hello"]);
  });

  test("prints everything that was sent before the channel was closed", async () => {
    await using listener = await listen();
    const said = Array.from({ length: 5_000 }, (_, index) => `line ${index} ${"x".repeat(index % 200)}`);
    {
      await using channel = await Channel.connect(listener.address, LINES, { requestQueueSize: Infinity });
      await Promise.all(said.map((line) => channel.send(line)));
    }
    expect(await listener.end()).toMatchObject({ code: 0 });
    expect(listener.lines).toEqual(said);
  });

  test("is left in the middle of a question when the channel is closed", async () => {
    await using listener = await listen();
    await using channel = await Channel.connect(listener.address, LINES);
    const asking = channel.request("Who is there?");
    const rejected = expect(asking).rejects.toMatchObject({
      name: "RequestError",
      code: "ERR_SOCKETSERVER_CONNECTION_CLOSED",
      sent: true,
    });
    await channel.close();
    await rejected;
    await listener.end();
    expect(listener.lines).toEqual(["Who is there?"]);
  });

  test.each(["SIGINT", "SIGKILL"] as const)("goes away during a question, by %s", async (signal) => {
    await using listener = await listen();
    await using channel = await Channel.connect(listener.address, LINES);
    const outcome = channel.request("Who is there?").catch((error: unknown) => error);
    await listener.printed("Who is there[?]");
    await listener.end(signal);
    const code = "ERR_SOCKETSERVER_INCOMPLETE_READ";
    expect(await outcome).toMatchObject({ name: "RequestError", code, sent: true });
    await expect(channel.request("Nobody?")).rejects.toMatchObject({ name: "RequestError", code, sent: false });
    expect(await channel.receive()).toBeUndefined();
    expect(await channel.closed).toBe("peer-end");
  });

  test("goes away in the middle of a line", async () => {
    await using listener = await listen("-N");
    await using channel = await Channel.connect(listener.address, LINES);
    await listener.type("all of it\nhalf of");
    await listener.typeNoMore();
    expect(await channel.receive()).toBe("all of it");
    await expect(channel.receive()).rejects.toMatchObject({
      name: "ProtocolError",
      code: "ERR_SOCKETSERVER_INCOMPLETE_READ",
      partial: Buffer.from("half of"),
    });
  });
});

describe("A place where nobody listens as yet", () => {
  const nowhere = async (): Promise<Address> => ({ host: "127.0.0.1", port: await freePort() });

  test("refuses connect() and a channel", async () => {
    const place = await nowhere();
    const refused = { name: "ConnectError", code: "ECONNREFUSED", attempts: [{ address: place }] };
    await expect(connect(place)).rejects.toMatchObject(refused);
    await expect(Channel.connect(place, LINES)).rejects.toMatchObject(refused);
  });

  test("is no hindrance to a reconnecting channel: its question waits for nc", async () => {
    const place = await nowhere();
    await using channel = new ReconnectingChannel(place, LINES, { backoff: { minDelayMs: 5, maxDelayMs: 20 } });
    const answer = channel.request("Is anybody there?");
    const [{ error }] = await new Promise<[{ error: unknown }]>((resolve) => {
      channel.once("waiting", (info) => resolve([info]));
    });
    expect(error).toMatchObject({ name: "ConnectError", code: "ECONNREFUSED" });
    await using listener = await NetcatListener.start(place);
    await listener.printed("Is anybody there[?]");
    await listener.type("I am\n");
    expect(await answer).toBe("I am");
  });

  test("is where one nc after the other comes and goes, and each line is printed once", async () => {
    const place = await nowhere();
    const options = { backoff: { minDelayMs: 5, maxDelayMs: 20 }, stableMs: 0 };
    await using channel = new ReconnectingChannel(place, LINES, options);
    for (let round = 0; round < 4; round++) {
      const answer = channel.request(`question ${round}`);
      await using listener = await NetcatListener.start(place);
      await listener.printed(`question ${round}`);
      await listener.type(`answer ${round}\n`);
      expect(await answer).toBe(`answer ${round}`);
      const lost = new Promise((resolve) => channel.once("disconnected", resolve));
      await listener.end("SIGTERM");
      expect(listener.lines).toEqual([`question ${round}`]);
      await lost;
    }
  });
});
