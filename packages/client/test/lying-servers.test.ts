/**
 * Servers that answer what is no message, too much, for somebody else, or what nobody asked for: nobody gets what is not for him.
 *
 * @module
 */
import { Channel } from "@socketserver/client";
import { lengthPrefixed, lines } from "@socketserver/framing";
import { leakCheck } from "@socketserver/testing";
import { beforeEach, describe, expect, test } from "vitest";

import { settled } from "../../core/test/support/settled.ts";
import { NOTES, noteLine, parseNote } from "./support/note.ts";
import { ScriptedServer, type Script } from "./support/scripted-server.ts";

const TEXT = lines().text();

const PROTOCOL = "ERR_SOCKETSERVER_PROTOCOL";
const TOO_BIG = "ERR_SOCKETSERVER_TOO_BIG";

/** Says this when so many lines have come, and then only listens. */
const afterLines =
  (count: number, said: string | Uint8Array): Script =>
  async (guest) => {
    await guest.lines(count);
    guest.say(said);
    await guest.ended();
  };

beforeEach(() => leakCheck());

describe("A reply that is no message, by order", () => {
  test("whose end is not known ends the connection: one is told what it was, the others why", async () => {
    const codec = lines({ maxLength: 10 }).text();
    await using server = await ScriptedServer.start(afterLines(2, "longer than ten\n2\n"));
    await using channel = await Channel.connect(server.address, codec, { maxPipelinedRequests: 2 });
    const outcomes = await Promise.allSettled(["1", "2", "3"].map((text) => channel.request(text)));
    const cause = { name: "ProtocolError", code: TOO_BIG };
    expect(outcomes).toMatchObject([
      { reason: cause },
      { reason: { name: "RequestError", code: TOO_BIG, sent: true, cause } },
      { reason: { name: "RequestError", code: TOO_BIG, sent: false, cause } },
    ]);
    expect(await channel.closed).toBe("too-big");
  });

  test("is told to nobody else if its request was given up", async () => {
    await using server = await ScriptedServer.start(async (guest) => {
      await guest.lines(2);
      guest.say(`nonsense\n${noteLine({ text: "two" })}`);
    });
    await using channel = await Channel.connect(server.address, NOTES);
    const hurry = new AbortController();
    const first = channel.request({ text: "1" }, { signal: hurry.signal });
    const second = channel.request({ text: "2" });
    hurry.abort("enough");
    await expect(first).rejects.toBe("enough");
    expect(await second).toEqual({ text: "two" });
  });

  test("is refused before it is kept, however long it is", async () => {
    const codec = lines({ maxLength: 1_000 }).text();
    await using server = await ScriptedServer.start(async (guest) => {
      await guest.line();
      guest.say("x".repeat(20_000_000));
      await guest.ended();
    });
    await using channel = await Channel.connect(server.address, codec);
    await expect(channel.request("?")).rejects.toMatchObject({ name: "ProtocolError", code: TOO_BIG });
    expect(channel.connection.bytesRead).toBeLessThan(1_000_000);
    expect(await channel.closed).toBe("too-big");
  });

  test("is refused by its header", async () => {
    await using server = await ScriptedServer.start(async (guest) => {
      guest.say(Buffer.from("ffffffff00", "hex"));
      await guest.ended();
    });
    await using channel = await Channel.connect(server.address, lengthPrefixed());
    const outcome = await channel.receive().catch((error: unknown) => error);
    expect(outcome).toMatchObject({ name: "ProtocolError", code: TOO_BIG });
    await expect(channel.request(Buffer.from("?"))).rejects.toMatchObject({ code: TOO_BIG, sent: false });
  });
});

describe("A message that is none, by id", () => {
  test("could be anybody's reply: it ends the connection, and everybody is told why", async () => {
    await using server = await ScriptedServer.start(afterLines(2, "nonsense\n"));
    await using channel = await Channel.connect(server.address, NOTES, { correlateBy: "id" });
    const outcomes = await Promise.allSettled([channel.request({ id: 1 }), channel.request({ id: 2 })]);
    const why = { name: "RequestError", code: PROTOCOL, sent: true, cause: { name: "ProtocolError" } };
    expect(outcomes).toMatchObject([{ reason: why }, { reason: why }]);
    expect(await channel.closed).toBe("protocol");
  });

  test("is nobody's reply while nobody waits: receive() tells, and all goes on", async () => {
    await using server = await ScriptedServer.start(async (guest) => {
      guest.say("nonsense\n");
      for await (const line of guest) guest.say(`${line}\n`);
    });
    await using channel = await Channel.connect(server.address, NOTES, { correlateBy: "id" });
    await expect(channel.receive()).rejects.toMatchObject({ name: "ProtocolError", code: PROTOCOL });
    expect(await channel.request({ id: 1 })).toEqual({ id: 1 });
  });
});

describe("A reply that nobody asked for, by order", () => {
  test("is not taken for the reply to a later request: that one ends the connection", async () => {
    await using server = await ScriptedServer.start(async (guest) => {
      for await (const line of guest) guest.say(`${line}\n${line}\n`);
    });
    await using channel = await Channel.connect(server.address, TEXT);
    expect(await channel.request("one")).toBe("one");
    const error = { name: "RequestError", code: "ERR_SOCKETSERVER_OUT_OF_STEP", sent: false };
    await expect(channel.request("two")).rejects.toMatchObject(error);
    expect(channel.connection.bytesWritten).toBe("one\n".length);
    expect(await channel.closed).toBe("protocol");
  });

  test("is not taken for the reply to the first request", async () => {
    await using server = await ScriptedServer.start(async (guest) => {
      guest.say("surprise\n");
      await guest.ended();
    });
    await using channel = await Channel.connect(server.address, TEXT);
    while (channel.connection.bytesRead === 0) await new Promise(setImmediate);
    await new Promise(setImmediate);
    await expect(channel.request("one")).rejects.toMatchObject({ code: "ERR_SOCKETSERVER_OUT_OF_STEP", sent: false });
  });

  test("is received where somebody receives, and does no harm", async () => {
    await using server = await ScriptedServer.start(async (guest) => {
      guest.say("news\n");
      for await (const line of guest) guest.say(`${line}\n`);
    });
    await using channel = await Channel.connect(server.address, TEXT);
    expect(await channel.receive()).toBe("news");
    (await server.guest()).say("more news\n");
    expect(await channel.receive()).toBe("more news");
    expect(await channel.request("one")).toBe("one");
  });
});

describe("A reply with a wrong id", () => {
  const give =
    (...ids: readonly (string | number)[]): Script =>
    async (guest) => {
      await guest.line();
      for (const id of ids) guest.say(noteLine({ id }));
      await guest.ended();
    };

  test.each<readonly [what: string, id: string | number]>([
    ["nobody has", 99],
    ["looks like his and is of another kind", "1"],
    ["nobody has any more", 0],
  ])("that %s answers nobody", async (_what, id) => {
    await using server = await ScriptedServer.start(give(id));
    await using channel = await Channel.connect(server.address, NOTES, { correlateBy: "id" });
    await expect(channel.request({ id: 1 }, { timeoutMs: 50 })).rejects.toMatchObject({
      code: "ERR_SOCKETSERVER_REQUEST_TIMEOUT",
      sent: true,
    });
    expect(channel.connection.bytesRead).toBeGreaterThan(0);
  });

  test("that is said twice answers once", async () => {
    await using server = await ScriptedServer.start(async (guest) => {
      const [one, two] = (await guest.lines(2)).map(parseNote);
      const line = (note: typeof one, text: string): string => noteLine({ id: note?.id ?? "", text });
      guest.say(line(one, "first") + line(one, "again") + line(two, "second"));
    });
    await using channel = await Channel.connect(server.address, NOTES, { correlateBy: "id" });
    const replies = await Promise.all([channel.request({ id: 1 }), channel.request({ id: 2 })]);
    expect(replies.map(({ text }) => text)).toEqual(["first", "second"]);
    await expect(channel.receive({ timeoutMs: 0 })).rejects.toMatchObject({ code: "ERR_SOCKETSERVER_IDLE_TIMEOUT" });
  });

  test("that is guessed answers nothing that was not sent", async () => {
    await using server = await ScriptedServer.start(async (guest) => {
      await guest.line();
      guest.say(noteLine({ id: 2, text: "guessed" }) + noteLine({ id: 1 }));
      await guest.line();
      guest.say(noteLine({ id: 2, text: "honest" }));
    });
    const options = { correlateBy: "id", maxPipelinedRequests: 1 } as const;
    await using channel = await Channel.connect(server.address, NOTES, options);
    const [, second] = await Promise.all([channel.request({ id: 1 }), channel.request({ id: 2 })]);
    expect(second).toEqual({ id: 2, text: "honest" });
  });
});

describe("A server that does not stop talking", () => {
  /** A note of about a thousand bytes. */
  const push = noteLine({ text: "x".repeat(1_000) });
  const PUSHES = 10_000;

  test("is read no further than the inbox, and a reply behind all that is still a reply", async () => {
    await using server = await ScriptedServer.start(async (guest) => {
      const line = (await guest.line()) as string;
      guest.say(push.repeat(PUSHES) + `${line}\n`);
      await guest.ended();
    });
    await using channel = await Channel.connect(server.address, NOTES, { correlateBy: "id", inboxSize: 100 });
    const hasty = channel.request({ id: 1 }, { timeoutMs: 50 });
    await expect(hasty).rejects.toMatchObject({ code: "ERR_SOCKETSERVER_REQUEST_TIMEOUT" });
    expect(channel.connection.bytesRead).toBeLessThan(1_000_000);
    const patient = channel.request({ id: 2 }).catch((error: unknown) => error);
    for (let count = 0; count < PUSHES; count++) await channel.receive();
    expect(await settled(patient)).toBe(false);
    channel.abort();
    expect(await patient).toMatchObject({ code: "ERR_SOCKETSERVER_CONNECTION_CLOSED", sent: true });
  });
});
