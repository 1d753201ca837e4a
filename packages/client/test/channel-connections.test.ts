/**
 * Channels over every kind of connection, in every framing.
 *
 * @module
 */
import { Channel, connect } from "@socketserver/client";
import {
  AsyncTCPServer,
  AsyncUnixStreamServer,
  BaseRequestHandler,
  Connection,
  type Address,
  type BaseServer,
} from "@socketserver/core";
import {
  delimited,
  fixedSize,
  lengthPrefixed,
  lines,
  MessageRequestHandler,
  netstrings,
  nulTerminated,
  varintPrefixed,
  wholeStream,
  type Codec,
  type Framing,
} from "@socketserver/framing";
import { leakCheck, serve, type AnyServerClass } from "@socketserver/testing";
import { duplexPair } from "node:stream";
import { beforeEach, describe, expect, test } from "vitest";

import { temporaryPath } from "../../core/test/support/temporary-path.ts";
import { ScriptedServer } from "./support/scripted-server.ts";

const TEXT = lines().text();

beforeEach(() => leakCheck());

describe.each<readonly [place: string, address: () => Address | Promise<Address>]>([
  ["TCP", () => ({ host: "127.0.0.1", port: 0 })],
  ["a Unix socket", async () => ({ path: await temporaryPath() })],
])("A channel over %s", (_place, addressOf) => {
  class TwiceHandler extends MessageRequestHandler(TEXT) {
    override async handleMessage(text: string): Promise<void> {
      await this.send(`${text} ${text}`);
    }
  }

  test("talks to a server of this framework", async () => {
    const address = await addressOf();
    const server = ("path" in address ? AsyncUnixStreamServer : AsyncTCPServer) as AnyServerClass<BaseServer>;
    await using running = await serve(TwiceHandler, { server, address });
    {
      await using channel = await Channel.connect(running.address, TEXT);
      expect(await Promise.all([channel.request("one"), channel.request("two")])).toEqual(["one one", "two two"]);
    }
    expect(await running.closedCount(1)).toMatchObject([{ reason: "peer-end" }]);
    expect(running.errors).toEqual([]);
  });
});

describe("A channel over a connection that was there before", () => {
  test("closes it, and reads nothing before it is used", async () => {
    await using server = await ScriptedServer.start(async (guest) => {
      guest.say("early\n");
      for await (const line of guest) guest.say(`${line}\n`);
    });
    const connection = await connect(server.address);
    const channel = new Channel(connection, TEXT);
    expect(channel.connection).toBe(connection);
    expect(await channel.receive()).toBe("early");
    expect(await channel.request("hello")).toBe("hello");
    await channel.close();
    expect([connection.closeReason, channel.closeReason]).toEqual(["done", "done"]);
  });

  test("needs nobody to have used it to be closed", async () => {
    await using server = await ScriptedServer.start(async (guest) => void (await guest.ended()));
    const channel = new Channel(await connect(server.address), TEXT);
    await channel.close();
    expect(await channel.closed).toBe("done");
  });

  test("takes a codec that it answers as it is", async () => {
    const [one] = duplexPair();
    const channel = new Channel(new Connection(one), TEXT);
    expect(channel.codec).toBe(TEXT);
    channel.abort();
    expect(await channel.closed).toBe("aborted");
  });
});

describe("Channels over a pair in memory", () => {
  test("ask each other, each in its own time", async () => {
    const [one, two] = duplexPair();
    await using left = new Channel(new Connection(one), TEXT);
    const right = new Channel(new Connection(two), TEXT);
    const answering = (async () => {
      for await (const text of right) await right.send(`re: ${text}`);
    })();
    expect(await Promise.all([left.request("one"), left.request("two")])).toEqual(["re: one", "re: two"]);
    await left.close();
    await answering;
    expect(await right.closed).toBe("peer-end");
  });

  test("see that the other one has ended", async () => {
    const [one, two] = duplexPair();
    const left = new Channel(new Connection(one), TEXT);
    const outcome = left.request("?").catch((error: unknown) => error);
    two.resume().end();
    expect(await outcome).toMatchObject({ code: "ERR_SOCKETSERVER_INCOMPLETE_READ", sent: true });
    expect(left.open).toBe(false);
    await left.close();
  });
});

test("A channel in a handler lets the server ask its clients", async () => {
  const { promise: heard, resolve } = Promise.withResolvers<string>();
  class AskingHandler extends BaseRequestHandler {
    override async handle(): Promise<void> {
      await using channel = new Channel(this.request, TEXT);
      resolve(await channel.request("who are you?"));
    }
  }
  await using running = await serve(AskingHandler, { server: AsyncTCPServer });
  await using channel = await Channel.connect(running.address, TEXT);
  expect(await channel.receive()).toBe("who are you?");
  await channel.send("a client");
  expect(await heard).toBe("a client");
  expect(await channel.receive()).toBeUndefined();
});

const FRAMINGS: readonly (readonly [name: string, framing: Framing])[] = [
  ["lines()", lines()],
  ["lines() with CRLF", lines({ ending: "crlf" })],
  ["delimited()", delimited("--")],
  ["nulTerminated()", nulTerminated()],
  ["netstrings()", netstrings()],
  ["lengthPrefixed()", lengthPrefixed()],
  ["lengthPrefixed() in another layout", lengthPrefixed({ lengthBytes: 2, byteOrder: "little" })],
  ["varintPrefixed()", varintPrefixed()],
  ["fixedSize()", fixedSize(8)],
];

describe.each(FRAMINGS)("A channel in %s", (_name, framing) => {
  class EchoHandler extends MessageRequestHandler(framing) {
    override async handleMessage(message: Buffer): Promise<void> {
      await this.send(message);
    }
  }

  test("gets each reply as it was sent", async () => {
    await using running = await serve(EchoHandler, { server: AsyncTCPServer });
    await using channel = await Channel.connect(running.address, framing);
    const texts = Array.from({ length: 300 }, (_, index) => `m ${index}`.padEnd(8, "."));
    const replies = await Promise.all(texts.map((text) => channel.request(Buffer.from(text))));
    expect(replies.map(String)).toEqual(texts);
  });
});

test("A channel whose replies end with the stream gets the one that there is", async () => {
  const replies = wholeStream().text();
  const codec: Codec<string> = { encode: (text) => TEXT.encode(text), decoder: () => replies.decoder() };
  await using server = await ScriptedServer.start(async (guest) => {
    const line = await guest.line();
    guest.say(`all there is about\n${line}: `);
    guest.end("nothing\n");
  });
  await using channel = await Channel.connect(server.address, codec);
  expect(await channel.request("nobody")).toBe("all there is about\nnobody: nothing\n");
  expect(await channel.closed).toBe("peer-end");
});
