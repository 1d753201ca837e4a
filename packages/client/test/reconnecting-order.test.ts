/**
 * Messages of a `ReconnectingChannel` that move from one connection to the next.
 *
 * @module
 */
import { ReconnectingChannel } from "@socketserver/client";
import { lines } from "@socketserver/framing";
import { leakCheck } from "@socketserver/testing";
import { beforeEach, describe, expect, test } from "vitest";

import { soon } from "../../core/test/support/soon.ts";
import { echoScript } from "./support/echo-script.ts";
import { HASTY } from "./support/hasty.ts";
import { hearAndLeave } from "./support/hear-and-leave.ts";
import { inTurn } from "./support/in-turn.ts";
import { keepingScript } from "./support/keeping-script.ts";
import { OpenChannel } from "./support/open-channel.ts";
import { ScriptedServer, type Script } from "./support/scripted-server.ts";

const COUNT = 5;
const WORDS = Array.from({ length: COUNT }, (_, index) => `word ${index}`);

function channelTo(server: ScriptedServer, options: object = {}): ReconnectingChannel<string> {
  return new ReconnectingChannel(server.address, lines().text(), { ...HASTY, ...options });
}

beforeEach(() => leakCheck());

describe("messages of a ReconnectingChannel that move to the next connection", () => {
  test("keep their order, requests and others alike", async () => {
    const heard: string[] = [];
    await using server = await ScriptedServer.start(inTurn(hearAndLeave(1, "end"), keepingScript(heard)));
    await using channel = channelTo(server, { maxPipelinedRequests: 1 });
    const lost = channel.request("lost");
    const calls = [channel.request("one"), channel.send("two"), channel.request("three"), channel.send("four")];
    await expect(lost).rejects.toMatchObject({ sent: true });
    await Promise.all([...calls, channel.request("five")]);
    expect(heard).toEqual(["one", "two", "three", "four", "five"]);
  });

  test("keep their order if the first one is made when the connection is over and the channel does not know it", async () => {
    const heard: string[] = [];
    await using server = await ScriptedServer.start(inTurn(hearAndLeave(1, "reset"), keepingScript(heard)));
    await using channel = new OpenChannel(server.address, lines().text(), HASTY);
    await channel.connect();
    const over = channel.channels[0]?.connection.signal;
    const made = new Promise((resolve) => {
      over?.addEventListener("abort", () => resolve(Promise.all([channel.request("one"), channel.request("two")])));
    });
    await channel.send("reset me");
    expect(await soon(made)).toEqual(["re one", "re two"]);
    expect(heard).toEqual(["one", "two"]);
  });

  test("leave before one that a listener sends when it hears of the loss", async () => {
    const heard: string[] = [];
    await using server = await ScriptedServer.start(inTurn(hearAndLeave(1, "end"), keepingScript(heard)));
    await using channel = channelTo(server, { maxPipelinedRequests: 1 });
    const later = new Promise((resolve) => channel.once("disconnected", () => resolve(channel.request("later"))));
    const calls = ["lost", "one", "two"].map((word) => channel.request(word));
    await Promise.allSettled([...calls, later]);
    expect(heard).toEqual(["one", "two", "later"]);
  });

  test("have a place there, however few may wait besides", async () => {
    await using server = await ScriptedServer.start(inTurn(hearAndLeave(COUNT, "end"), echoScript()));
    await using channel = channelTo(server, { requestQueueSize: 0 });
    await channel.connect();
    const replies = await Promise.all(WORDS.map((word) => channel.request(word, { idempotent: true })));
    expect(replies).toEqual(WORDS.map((word) => `echo ${word}`));
  });
});

describe("replies with ids, over several connections", () => {
  test("find their requests, which are sent again with the same ids", async () => {
    const backwards: Script = async (guest) => {
      const said = await guest.lines(COUNT);
      for (const line of said.toReversed()) guest.say(`${line}\n`);
      guest.end();
    };
    await using server = await ScriptedServer.start(inTurn(hearAndLeave(COUNT, "reset"), backwards));
    const options = { ...HASTY, correlateBy: "id" } as const;
    await using channel = new ReconnectingChannel(server.address, lines().json(), options);
    const messages = WORDS.map((text, id) => ({ id, text }));
    expect(await Promise.all(messages.map((each) => channel.request(each, { idempotent: true })))).toEqual(messages);
  });
});
