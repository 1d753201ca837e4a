/**
 * Messages without a reply: what is sent, and what the server says by itself.
 *
 * @module
 */
import { Channel } from "@socketserver/client";
import { lines } from "@socketserver/framing";
import { leakCheck } from "@socketserver/testing";
import { beforeEach, describe, expect, test } from "vitest";

import { settled } from "../../core/test/support/settled.ts";
import { collected } from "./support/collected.ts";
import { NOTES, noteLine, parseNote, type Note } from "./support/note.ts";
import { ScriptedServer, type Script } from "./support/scripted-server.ts";

const TEXT = lines().text();

/** Says some lines, and then only listens. */
const saying =
  (...texts: readonly string[]): Script =>
  async (guest) => {
    guest.say(texts.map((text) => `${text}\n`).join(""));
    await guest.ended();
  };

beforeEach(() => leakCheck());

describe("Channel.send()", () => {
  test("delivers messages in the order of the calls, requests among them", async () => {
    await using server = await ScriptedServer.start(async (guest) => {
      const all = await guest.lines(4);
      guest.say(`${all.join(" ")}\n`);
    });
    await using channel = await Channel.connect(server.address, TEXT);
    const sending = [channel.send("one"), channel.send("two")];
    const reply = channel.request("three");
    sending.push(channel.send("four"));
    await Promise.all(sending);
    expect(await reply).toBe("one two three four");
  });

  test("needs no id where requests do, and takes no reply for its own", async () => {
    await using server = await ScriptedServer.start(async (guest) => {
      const [, line = ""] = await guest.lines(2);
      guest.say(noteLine({ text: "push" }) + noteLine(parseNote(line)));
    });
    await using channel = await Channel.connect(server.address, NOTES, { correlateBy: "id" });
    await channel.send({ text: "no id" });
    expect(await channel.request({ id: 1 })).toEqual({ id: 1 });
    expect(await channel.receive()).toEqual({ text: "push" });
  });

  test("rejects what the codec cannot tell, and sends nothing of it", async () => {
    await using server = await ScriptedServer.start(saying());
    await using channel = await Channel.connect(server.address, TEXT);
    await expect(channel.send("two\nlines")).rejects.toMatchObject({ code: "ERR_SOCKETSERVER_INVALID_MESSAGE" });
    expect(channel.connection.bytesWritten).toBe(0);
    expect(channel.open).toBe(true);
  });
});

describe("Channel.receive()", () => {
  test("answers what the server says, also what it said before the call", async () => {
    await using server = await ScriptedServer.start(saying("one", "", "three"));
    await using channel = await Channel.connect(server.address, TEXT);
    expect([await channel.receive(), await channel.receive(), await channel.receive()]).toEqual(["one", "", "three"]);
    const receiving = channel.receive();
    (await server.guest()).say("four\n");
    expect(await receiving).toBe("four");
  });

  test("answers undefined at the end, again and again", async () => {
    await using server = await ScriptedServer.start((guest) => guest.end("last\n"));
    await using channel = await Channel.connect(server.address, TEXT);
    expect([await channel.receive(), await channel.receive(), await channel.receive()]).toEqual([
      "last",
      undefined,
      undefined,
    ]);
  });

  test("answers what had come before the server ended, although the channel is closed by then", async () => {
    await using server = await ScriptedServer.start((guest) => guest.end("one\ntwo\n"));
    await using channel = await Channel.connect(server.address, TEXT);
    await channel.closed;
    expect([await channel.receive(), await channel.receive(), await channel.receive()]).toEqual([
      "one",
      "two",
      undefined,
    ]);
  });

  test("gives up after the time of the call, or else the idle time of the connection, and closes nothing", async () => {
    await using server = await ScriptedServer.start(saying());
    await using patient = await Channel.connect(server.address, TEXT, { idleTimeoutMs: Infinity });
    await using hasty = await Channel.connect(server.address, TEXT, { idleTimeoutMs: 20 });
    const idle = { name: "PeerError", code: "ERR_SOCKETSERVER_IDLE_TIMEOUT" };
    await expect(patient.receive({ timeoutMs: 20 })).rejects.toMatchObject(idle);
    await expect(hasty.receive()).rejects.toMatchObject(idle);
    const receiving = hasty.receive({ timeoutMs: Infinity });
    (await server.guest(1)).say("late\n");
    expect(await receiving).toBe("late");
    expect([patient.open, hasty.open]).toEqual([true, true]);
  });

  test("gives no request less time because the connection is to be idle for less", async () => {
    await using server = await ScriptedServer.start(async (guest) => {
      const line = await guest.line();
      setTimeout(() => guest.say(`${line}\n`), 60);
    });
    await using channel = await Channel.connect(server.address, TEXT, { idleTimeoutMs: 10 });
    expect(await channel.request("slow")).toBe("slow");
  });

  test("rejects with the reason of its signal, and loses nothing that comes later", async () => {
    await using server = await ScriptedServer.start(saying());
    await using channel = await Channel.connect(server.address, TEXT);
    const hurry = new AbortController();
    const receiving = channel.receive({ signal: hurry.signal });
    hurry.abort("enough");
    await expect(receiving).rejects.toBe("enough");
    (await server.guest()).say("kept\n");
    expect(await channel.receive()).toBe("kept");
  });

  test("rejects while another one waits", async () => {
    await using server = await ScriptedServer.start(saying());
    await using channel = await Channel.connect(server.address, TEXT);
    const first = channel.receive();
    await expect(channel.receive()).rejects.toMatchObject({
      name: "SocketServerError",
      code: "ERR_SOCKETSERVER_CONCURRENT_READ",
    });
    (await server.guest()).say("for the first\n");
    expect(await first).toBe("for the first");
  });

  test("rejects with a message that is none, and goes on behind it", async () => {
    await using server = await ScriptedServer.start(saying("nonsense", '{"text":"sense"}'));
    await using channel = await Channel.connect(server.address, NOTES);
    await expect(channel.receive()).rejects.toMatchObject({
      name: "ProtocolError",
      code: "ERR_SOCKETSERVER_PROTOCOL",
    });
    expect(await channel.receive()).toEqual({ text: "sense" });
    expect(channel.open).toBe(true);
  });

  test("takes a greeting before the first request", async () => {
    await using server = await ScriptedServer.start(async (guest) => {
      guest.say("welcome\n");
      for await (const line of guest) guest.say(`${line}\n`);
    });
    await using channel = await Channel.connect(server.address, TEXT);
    expect(await channel.receive()).toBe("welcome");
    expect(await channel.request("hello")).toBe("hello");
  });
});

describe("A loop over a channel", () => {
  test("has every message, until the server ends", async () => {
    const texts = Array.from({ length: 2_500 }, (_, index) => `text ${index}`);
    await using server = await ScriptedServer.start((guest) => guest.end(texts.map((text) => `${text}\n`).join("")));
    await using channel = await Channel.connect(server.address, TEXT);
    expect(await collected(channel)).toEqual(texts);
    expect(channel.closeReason ?? (await channel.closed)).toBe("peer-end");
  });

  test("closes nothing when it is left early, and another one goes on", async () => {
    await using server = await ScriptedServer.start(saying("one", "two"));
    await using channel = await Channel.connect(server.address, TEXT);
    const heard: string[] = [];
    for await (const text of channel) {
      heard.push(text);
      break;
    }
    for await (const text of channel) {
      heard.push(text);
      break;
    }
    expect(heard).toEqual(["one", "two"]);
    expect(channel.open).toBe(true);
  });

  test("ends when the channel is closed in it", async () => {
    await using server = await ScriptedServer.start(saying("one"));
    const channel = await Channel.connect(server.address, TEXT);
    const heard: string[] = [];
    for await (const text of channel) {
      heard.push(text);
      void channel.close();
    }
    expect(heard).toEqual(["one"]);
    expect(await channel.closed).toBe("done");
  });

  test("throws what broke the connection", async () => {
    await using server = await ScriptedServer.start(async (guest) => {
      await guest.line();
      guest.reset();
    });
    await using channel = await Channel.connect(server.address, TEXT);
    await channel.send("go");
    await expect(collected(channel)).rejects.toMatchObject({ name: "PeerError", code: "ECONNRESET" });
  });
});

describe("The inbox of a channel", () => {
  /** So many bytes of lines of 1 000. */
  const FLOOD_BYTES = 8_000_000;

  test("is bounded: what nobody receives stays with the server", async () => {
    const line = `${"x".repeat(999)}\n`;
    await using server = await ScriptedServer.start(
      saying(...Array<string>(FLOOD_BYTES / line.length).fill(line.trim())),
    );
    const settings = { inboxSize: 10, highWaterMark: 4_096 };
    await using channel = await Channel.connect(server.address, TEXT, settings);
    // Ten messages, what the connection may keep, and chunks that the system gives as a whole: one there, one in the decoder.
    const bound = 10 * line.length + 4_096 + 2 * 65_536;
    for (let taken = 0; taken < FLOOD_BYTES; taken += line.length) {
      expect(channel.connection.bytesRead - taken).toBeLessThanOrEqual(bound);
      await channel.receive();
    }
    expect(channel.connection.bytesRead).toBe(FLOOD_BYTES);
  });

  test("holds replies up at its bound, until something is received", async () => {
    const pushes: readonly Note[] = [{ text: "one" }, { text: "two" }];
    await using server = await ScriptedServer.start(async (guest) => {
      await guest.line();
      guest.say([...pushes, { id: 1 }].map(noteLine).join(""));
    });
    await using channel = await Channel.connect(server.address, NOTES, { correlateBy: "id", inboxSize: 2 });
    const replying = channel.request({ id: 1 });
    const total = [...pushes, { id: 1 }].map(noteLine).join("").length;
    while (channel.connection.bytesRead < total) await settled(replying);
    expect(await settled(replying)).toBe(false);
    expect(await channel.receive()).toEqual({ text: "one" });
    expect(await replying).toEqual({ id: 1 });
  });
});
