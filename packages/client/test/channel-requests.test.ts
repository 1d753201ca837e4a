/**
 * Requests that are answered: each with its own reply, by order or by an id.
 *
 * @module
 */
import { Channel } from "@socketserver/client";
import { AsyncTCPServer } from "@socketserver/core";
import { lengthPrefixed, lines, MessageRequestHandler, protocol, type Codec } from "@socketserver/framing";
import { messagePack } from "@socketserver/framing/message-pack";
import { leakCheck, serve } from "@socketserver/testing";
import { beforeEach, describe, expect, test } from "vitest";

import { NOTES, noteLine, parseNote } from "./support/note.ts";
import { ScriptedServer, type Script } from "./support/scripted-server.ts";

const TEXT = lines().text();

const PACKED = lengthPrefixed().with(messagePack());

const echo: Script = async (guest) => {
  for await (const line of guest) guest.say(`${line}\n`);
};

const texts = (count: number): string[] => Array.from({ length: count }, (_, index) => `text ${index}`);

beforeEach(() => leakCheck());

describe("Channel.request() by order", () => {
  test("answers each of many requests with its own reply", async () => {
    await using server = await ScriptedServer.start(echo);
    await using channel = await Channel.connect(server.address, TEXT, { requestQueueSize: Infinity });
    const all = texts(3_000);
    expect(await Promise.all(all.map((text) => channel.request(text)))).toEqual(all);
  });

  test("makes no difference how the replies were cut", async () => {
    await using server = await ScriptedServer.start(async (guest) => {
      const [one, two, three] = await guest.lines(3);
      guest.say(`${one}\n${two}`);
      guest.say("\n");
      for (const letter of `${three}\n`) guest.say(letter);
    });
    await using channel = await Channel.connect(server.address, TEXT);
    expect(await Promise.all(texts(3).map((text) => channel.request(text)))).toEqual(texts(3));
  });

  test("settles in the order of the replies", async () => {
    await using server = await ScriptedServer.start(echo);
    await using channel = await Channel.connect(server.address, TEXT);
    const settled: string[] = [];
    await Promise.all(texts(50).map(async (text) => settled.push(await channel.request(text))));
    expect(settled).toEqual(texts(50));
  });

  test("sends what the message was when it was called", async () => {
    await using server = await ScriptedServer.start(echo);
    await using channel = await Channel.connect(server.address, lines());
    const message = Buffer.from("before");
    const replying = channel.request(message);
    message.write("after.");
    expect(String(await replying)).toBe("before");
  });

  test("rejects what the codec cannot tell, and goes on", async () => {
    await using server = await ScriptedServer.start(echo);
    await using channel = await Channel.connect(server.address, TEXT);
    await expect(channel.request("two\nlines")).rejects.toMatchObject({
      name: "TypeError",
      code: "ERR_SOCKETSERVER_INVALID_MESSAGE",
    });
    expect(await channel.request("one line")).toBe("one line");
  });

  test("rejects the one whose reply is no message, and answers those around it", async () => {
    await using server = await ScriptedServer.start(async (guest) => {
      await guest.lines(3);
      guest.say(`${noteLine({ text: "one" })}nonsense\n${noteLine({ text: "three" })}`);
    });
    await using channel = await Channel.connect(server.address, NOTES);
    const outcomes = await Promise.allSettled(texts(3).map((text) => channel.request({ text })));
    expect(outcomes).toMatchObject([
      { value: { text: "one" } },
      { reason: { name: "ProtocolError", code: "ERR_SOCKETSERVER_PROTOCOL" } },
      { value: { text: "three" } },
    ]);
    expect(channel.open).toBe(true);
  });
});

describe("Channel.request() by id", () => {
  /** Answers so many notes, the last one first. */
  const backwards =
    (count: number): Script =>
    async (guest) => {
      const notes = (await guest.lines(count)).map(parseNote);
      for (const { id, text } of notes.toReversed()) guest.say(noteLine({ id, text: `re: ${text}` }));
    };

  test.each<readonly [what: string, idOf: (index: number) => string | number]>([
    ["numbers", (index) => index],
    ["strings", (index) => `id ${index}`],
    ["numbers and strings that look the same", (index) => (index % 2 === 0 ? index : String(index - 1))],
  ])("finds replies in any order by ids that are %s", async (_what, idOf) => {
    await using server = await ScriptedServer.start(backwards(100));
    await using channel = await Channel.connect(server.address, NOTES, { correlateBy: "id" });
    const notes = texts(100).map((text, index) => ({ id: idOf(index), text }));
    const replies = await Promise.all(notes.map((note) => channel.request(note)));
    expect(replies).toEqual(notes.map(({ id, text }) => ({ id, text: `re: ${text}` })));
  });

  test("finds replies by ids that are bigints", async () => {
    interface Big {
      readonly id: bigint;
    }
    const codec = PACKED as Codec<Big>;
    const held: Big[] = [];
    class BackwardsHandler extends MessageRequestHandler(codec) {
      override async handleMessage(message: Big): Promise<void> {
        if (held.push(message) < 3) return;
        for (const each of held.toReversed()) await this.send(each);
      }
    }
    await using running = await serve(BackwardsHandler, { server: AsyncTCPServer });
    await using channel = await Channel.connect(running.address, codec, { correlateBy: "id" });
    const notes = [1n, 2n, 3n].map((offset) => ({ id: 2n ** 60n + offset }));
    expect(await Promise.all(notes.map((note) => channel.request(note)))).toEqual(notes);
  });

  test("finds a reply whose id is the same integer, and refuses that while it is in use", async () => {
    class EchoHandler extends MessageRequestHandler(PACKED) {
      override handleMessage(message: unknown): unknown {
        return message;
      }
    }
    await using running = await serve(EchoHandler, { server: AsyncTCPServer });
    await using channel = await Channel.connect(running.address, PACKED, { correlateBy: "id" });
    const reply = channel.request({ id: 5n });
    await expect(channel.request({ id: 5 })).rejects.toMatchObject({ code: "ERR_SOCKETSERVER_INVALID_MESSAGE" });
    // MessagePack tells no bigint from a number.
    expect(await reply).toEqual({ id: 5 });
  });

  test("finds replies whose field has another name", async () => {
    interface Question {
      readonly id: number;
    }
    interface Answer {
      readonly to: number;
    }
    await using server = await ScriptedServer.start(async (guest) => {
      const ids = (await guest.lines(2)).map((line) => parseNote(line).id);
      // The request's field in a reply means nothing.
      for (const id of ids.toReversed()) guest.say(`${JSON.stringify({ id: 0, to: id })}\n`);
    });
    const codec = protocol({
      requests: lines().json() as Codec<unknown> as Codec<Question>,
      replies: lines().json() as Codec<unknown> as Codec<Answer>,
    }).client;
    const correlateBy = { request: "id", reply: "to" } as const;
    await using channel = await Channel.connect(server.address, codec, { correlateBy });
    const replies = await Promise.all([channel.request({ id: 1 }), channel.request({ id: 2 })]);
    expect(replies.map(({ to }) => to)).toEqual([1, 2]);
  });

  test("leaves what has no id to receive(), and passes over what has one that nobody waits for", async () => {
    await using server = await ScriptedServer.start(async (guest) => {
      const { id } = parseNote((await guest.line()) as string);
      guest.say(noteLine({ text: "before" }) + noteLine({ id: "foreign" }) + noteLine({ id, text: "reply" }));
      guest.say(noteLine({ id, text: "reply again" }) + noteLine({ text: "after" }));
    });
    await using channel = await Channel.connect(server.address, NOTES, { correlateBy: "id" });
    expect(await channel.request({ id: 1 })).toEqual({ id: 1, text: "reply" });
    expect([await channel.receive(), await channel.receive()]).toEqual([{ text: "before" }, { text: "after" }]);
  });

  test("rejects a second request with an id that waits, and none when it does not any more", async () => {
    await using server = await ScriptedServer.start(echo);
    await using channel = await Channel.connect(server.address, NOTES, { correlateBy: "id" });
    const [first, second] = await Promise.allSettled([channel.request({ id: 7 }), channel.request({ id: 7 })]);
    expect(first).toMatchObject({ value: { id: 7 } });
    expect(second).toMatchObject({ reason: { name: "RangeError", code: "ERR_SOCKETSERVER_INVALID_MESSAGE" } });
    expect(await channel.request({ id: 7 })).toEqual({ id: 7 });
  });

  test.each<readonly [what: string, message: unknown, shown: string]>([
    ["no id", { text: "no id" }, "undefined"],
    ["null for an id", { id: null }, "null"],
    ["an object for an id", { id: { deep: 1 } }, '{"deep":1}'],
    ["no fields", "text", "undefined"],
  ])("rejects a message with %s, and shows what is there", async (_what, message, shown) => {
    await using server = await ScriptedServer.start(echo);
    await using channel = await Channel.connect(server.address, NOTES, { correlateBy: "id" });
    const error = (await channel.request(message as object).catch((caught: unknown) => caught)) as TypeError;
    expect(error).toMatchObject({ name: "TypeError", code: "ERR_SOCKETSERVER_INVALID_MESSAGE" });
    expect(error.message).toContain('"id"');
    expect(error.message).toMatch(new RegExp(`received ${shown}$`));
    expect(channel.connection.bytesWritten).toBe(0);
  });
});
