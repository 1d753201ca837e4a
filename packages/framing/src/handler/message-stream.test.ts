import { duplexPair } from "node:stream";
import { setImmediate as nextTurn } from "node:timers/promises";

import { Connection, ErrorCode, type ConnectionOptions } from "@socketserver/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { StalledDuplex } from "../../../core/test/support/stalled-duplex.ts";
import { NO_CODECS } from "../../test/support/no-codecs.ts";
import type { Codec } from "../codec.ts";
import { lengthPrefixed } from "../framings/length-prefixed.ts";
import { lines } from "../framings/lines.ts";
import { wholeStream } from "../framings/whole-stream.ts";
import { ProtocolError } from "../protocol-error.ts";
import { MessageStream } from "./message-stream.ts";

const LINES = lines().text();

/** A stream of messages in memory, and the far end of its connection. */
function streamOf<In, Out>(
  codec: Codec<In, Out>,
  options: ConnectionOptions = {},
): { stream: MessageStream<In, Out>; far: Connection } {
  const [near, far] = duplexPair({ allowHalfOpen: true });
  return { stream: new MessageStream(new Connection(near, options), codec), far: new Connection(far) };
}

/** What has come to the far end by now. */
async function received(far: Connection): Promise<string> {
  return String(await far.recv());
}

describe("MessageStream", () => {
  test("carries messages between a server and a client", async () => {
    const [near, far] = duplexPair({ allowHalfOpen: true });
    const codec = lengthPrefixed().json();
    const server = new MessageStream(new Connection(near), codec);
    const client = new MessageStream(new Connection(far), codec);
    await client.send({ question: ["?"] });
    expect(await server.receive()).toEqual({ question: ["?"] });
    await server.send(null);
    await server.send("second");
    server.connection.shutdown("read");
    expect(await client.receive()).toBeNull();
    expect(await client.receive()).toBe("second");
    server.connection.abort();
    client.connection.abort();
  });

  test("knows its connection and its codec, and closes nothing", async () => {
    const { stream, far } = streamOf(LINES);
    expect(stream.connection).toBeInstanceOf(Connection);
    expect(stream.codec).toBe(LINES);
    far.shutdown("write");
    expect(await stream.receive()).toBeUndefined();
    expect(stream.connection.destroyed).toBe(false);
    await stream.send("still open");
    expect(await received(far)).toBe("still open\n");
    stream.connection.abort();
  });

  test.each(NO_CODECS)("is made with a codec only: %s is none", (codec, shown) => {
    const connection = new Connection(duplexPair()[0]);
    expect(() => new MessageStream(connection, codec as Codec<string>)).toThrow(
      expect.objectContaining({
        name: "TypeError",
        code: ErrorCode.invalidArgument,
        message: `Cannot use messages: a codec must have encode() and decoder(), received ${shown}`,
      }) as Error,
    );
  });

  test("receives what was sent, however the bytes are cut", async () => {
    const messages = fc.array(
      fc.string({ unit: "grapheme" }).filter((text) => !/\n|\r$/.test(text)),
      { maxLength: 10 },
    );
    await fc.assert(
      fc.asyncProperty(messages, fc.array(fc.nat(400)), async (texts, cuts) => {
        const { stream, far } = streamOf(LINES);
        const bytes = Buffer.concat(texts.map((message) => LINES.encode(message)));
        const places = [0, ...cuts.filter((cut) => cut < bytes.length).toSorted((one, other) => one - other)];
        for (const [index, place] of places.entries()) {
          far.send(bytes.subarray(place, places[index + 1]));
          if (index % 2 === 0) await nextTurn();
        }
        far.shutdown("write");
        const found: string[] = [];
        for await (const message of stream) found.push(message);
        expect(found).toEqual(texts);
      }),
      { numRuns: 100 },
    );
  });
});

describe("MessageStream.receive()", () => {
  test("waits for the last byte of a message", async () => {
    const { stream, far } = streamOf(LINES);
    let message: string | undefined;
    const receiving = stream.receive().then((text) => (message = text));
    far.send("beg");
    await nextTurn();
    expect(message).toBeUndefined();
    far.send("un\n");
    await receiving;
    expect(message).toBe("begun");
  });

  test("answers undefined at the end, as often as it is asked", async () => {
    const { stream, far } = streamOf(LINES);
    far.send("last\n");
    far.shutdown("write");
    expect([await stream.receive(), await stream.receive(), await stream.receive()]).toEqual([
      "last",
      undefined,
      undefined,
    ]);
  });

  test("answers the message that the end completes", async () => {
    const { stream, far } = streamOf(lines({ unterminated: "message" }).text());
    far.send("first\nlast");
    far.shutdown("write");
    expect([await stream.receive(), await stream.receive(), await stream.receive()]).toEqual([
      "first",
      "last",
      undefined,
    ]);
  });

  test("rejects if the stream ended in the middle of a message, with what came of it", async () => {
    const { stream, far } = streamOf(LINES);
    far.send("whole\ncut");
    far.shutdown("write");
    expect(await stream.receive()).toBe("whole");
    const error: unknown = await stream.receive().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ProtocolError);
    expect(error).toMatchObject({ code: ErrorCode.incompleteRead, partial: Buffer.from("cut"), skippable: false });
    expect(stream.connection.owns(error)).toBe(true);
  });

  test("rejects with the peer's error again and again, until it is passed over", async () => {
    const { stream, far } = streamOf(lines().json());
    far.send("1\n{\n2\n");
    expect(await stream.receive()).toBe(1);
    for (let time = 0; time < 2; time++) {
      const error: unknown = await stream.receive().catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: ErrorCode.protocol, skippable: true });
      expect(stream.connection.owns(error)).toBe(true);
    }
    expect(stream.skip()).toBe(true);
    expect(await stream.receive()).toBe(2);
  });

  test("rejects with an error of the codec that is none of the peer's", async () => {
    const bug = new TypeError("has a bug");
    const read = (): never => {
      throw bug;
    };
    const codec = {
      encode: (line: string) => LINES.encode(line),
      decoder: () => Object.assign(LINES.decoder(), { read }),
    };
    const { stream, far } = streamOf<string, string>(codec);
    far.shutdown("write");
    await expect(stream.receive()).rejects.toBe(bug);
    expect(stream.connection.owns(bug)).toBe(false);
  });

  test("rejects while another one waits, which goes on", async () => {
    const { stream, far } = streamOf(LINES);
    const first = stream.receive();
    await expect(stream.receive()).rejects.toMatchObject({ code: ErrorCode.concurrentRead });
    far.send("hello\n");
    expect(await first).toBe("hello");
  });

  test("rejects after a reset, and forgets what had come before it", async () => {
    const { stream, far } = streamOf(LINES);
    far.send("one\ntwo\n");
    expect(await stream.receive()).toBe("one");
    stream.connection.abort();
    await stream.connection.closed;
    expect(stream.take()).toBeUndefined();
    await expect(stream.receive()).rejects.toMatchObject({ code: ErrorCode.connectionClosed });
  });

  test("rejects when the peer is idle for too long", async () => {
    const { stream, far } = streamOf(LINES);
    stream.connection.idleTimeoutMs = 20;
    far.send("begun");
    await expect(stream.receive()).rejects.toMatchObject({ code: ErrorCode.idleTimeout });
  });

  test("does not hold back what was sent while it waits", async () => {
    const { stream, far } = streamOf(LINES);
    void stream.post("question");
    const receiving = stream.receive();
    expect(await received(far)).toBe("question\n");
    far.send("answer\n");
    expect(await receiving).toBe("answer");
  });
});

describe("MessageStream.receive(), after this side has closed", () => {
  test.each([
    ['shutdown("read")', (connection: Connection) => connection.shutdown("read")],
    ['shutdown("both")', (connection: Connection) => connection.shutdown("both")],
    ["close()", (connection: Connection) => void connection.close()],
  ])("answers undefined, although more has come: %s", async (_how, close) => {
    const { stream, far } = streamOf(LINES);
    far.send("one\ntwo\nthr");
    expect(await stream.receive()).toBe("one");
    close(stream.connection);
    expect(stream.take()).toBeUndefined();
    expect([await stream.receive(), await stream.receive()]).toEqual([undefined, undefined]);
    far.abort();
  });

  test("answers undefined to a read that waits, in the middle of a message, too", async () => {
    const { stream, far } = streamOf(LINES);
    far.send("begun");
    const receiving = stream.receive();
    await nextTurn();
    stream.connection.shutdown("read");
    expect(await receiving).toBeUndefined();
    far.abort();
  });

  test("answers undefined although the peer had ended its side before, and a message was left", async () => {
    const { stream, far } = streamOf(lines({ unterminated: "message" }).text());
    far.send("one\ntwo\nthree");
    far.shutdown("write");
    expect(await stream.receive()).toBe("one");
    await nextTurn();
    stream.connection.shutdown("read");
    expect(stream.take()).toBeUndefined();
    expect(await stream.receive()).toBeUndefined();
  });

  test("goes on if it has ended the other direction only", async () => {
    const { stream, far } = streamOf(LINES);
    far.send("one\ntwo\n");
    stream.connection.shutdown("write");
    expect([await stream.receive(), stream.take()]).toEqual(["one", "two"]);
    far.send("three\n");
    expect(await stream.receive()).toBe("three");
  });
});

describe("MessageStream.receive(), when everything has come and the connection is gone", () => {
  /** More than one read of the connection takes. */
  const MANY = Array.from({ length: 1_000 }, (_, index) => `${index} ${"x".repeat(200)}`);

  /** Lines, whose decoder is told the end only when it has no message left. */
  const ORDERLY: Codec<string> = {
    encode: (line) => LINES.encode(line),
    decoder() {
      const decoder = LINES.decoder();
      let left = false;
      return {
        get bufferedBytes() {
          return decoder.bufferedBytes;
        },
        push(chunk) {
          left = true;
          decoder.push(chunk);
        },
        read() {
          const message = decoder.read();
          left = message !== undefined;
          return message;
        },
        end() {
          expect(left).toBe(false);
          decoder.end();
        },
        skip: () => decoder.skip(),
        rest: () => decoder.rest(),
      };
    },
  };

  /** The first line, and then nothing: the rest is for another codec. */
  const HELLO: Codec<string> = {
    encode: (line) => LINES.encode(line),
    decoder() {
      const decoder = LINES.decoder();
      let line: string | undefined;
      return {
        get bufferedBytes() {
          return decoder.bufferedBytes;
        },
        push: (chunk) => decoder.push(chunk),
        read() {
          if (line !== undefined) return undefined;
          line = decoder.read();
          return line;
        },
        end() {},
        skip: () => decoder.skip(),
        rest: () => decoder.rest(),
      };
    },
  };

  /** Both sides have ended, and the stream underneath is destroyed; the reader has read one message. */
  async function slowReader(codec: Codec<string>): Promise<MessageStream<string>> {
    const { stream, far } = streamOf(codec, { highWaterMark: 1_048_576 });
    far.send("hello\n");
    expect(await stream.receive()).toBe("hello");
    for (const line of MANY) far.send(`${line}\n`);
    far.send("unfinished");
    far.shutdown("write");
    stream.connection.shutdown("write");
    // Asking for it makes the connection notice the end although nobody reads.
    void stream.connection.signal;
    expect(await received(far)).toBe("");
    await stream.connection.closed;
    expect(stream.connection.destroyed).toBe(true);
    return stream;
  }

  async function expectEverything(stream: MessageStream<string>): Promise<void> {
    const found: (string | undefined)[] = [];
    while (found.length < MANY.length) found.push(stream.take() ?? (await stream.receive()));
    expect(found).toEqual(MANY);
    await expect(stream.receive()).rejects.toMatchObject({
      code: ErrorCode.incompleteRead,
      partial: Buffer.from("unfinished"),
    });
  }

  test("answers every message, and tells the decoder the end after the last one", async () => {
    await expectEverything(await slowReader(ORDERLY));
  });

  test("answers every message to another codec", async () => {
    const stream = await slowReader(HELLO);
    await expectEverything(stream.switchTo(ORDERLY));
  });

  test("answers every message to another codec that comes after the end", async () => {
    const stream = await slowReader(HELLO);
    expect(await stream.receive()).toBeUndefined();
    await expectEverything(stream.switchTo(ORDERLY));
  });
});

describe("MessageStream.receive(), draining", () => {
  test("answers the message that had begun, and what came with its end, to a peer that never pauses", async () => {
    const { stream, far } = streamOf(LINES);
    far.send("one\ntw");
    expect(await stream.receive()).toBe("one");
    const receiving = stream.receive();
    stream.connection.drain();
    for (let turn = 0; turn < 5; turn++) await nextTurn();
    far.send("o, beg");
    await nextTurn();
    far.send("un\nthree\nfo");
    expect([await receiving, await stream.receive(), await stream.receive()]).toEqual([
      "two, begun",
      "three",
      undefined,
    ]);
  });

  test("ends although what had begun was no message, and was passed over", async () => {
    const { stream, far } = streamOf(lines().json());
    far.send("1\n{");
    expect(await stream.receive()).toBe(1);
    let receiving = stream.receive().catch((error: unknown) => error);
    stream.connection.drain();
    let outcome: unknown;
    for (let count = 0; count < 10; count++) {
      for (let turn = 0; turn < 5; turn++) await nextTurn();
      // The end of a wrong message, and the beginning of another one.
      far.send("{\n{");
      outcome = await receiving;
      if (outcome === undefined) break;
      expect(outcome).toBeInstanceOf(ProtocolError);
      expect(stream.skip()).toBe(true);
      receiving = stream.receive().catch((error: unknown) => error);
    }
    expect(outcome).toBeUndefined();
  });

  test("leaves what is read of the connection itself afterwards to its own boundaries", async () => {
    const { stream, far } = streamOf(LINES);
    far.send("one\nbeg");
    expect(await stream.receive()).toBe("one");
    const receiving = stream.receive();
    far.send("un\n");
    expect(await receiving).toBe("begun");
    // What came is answered: there, nothing is under way.
    stream.connection.send("answer\n");
    const raw = stream.connection.recv();
    stream.connection.drain();
    expect(await raw).toHaveLength(0);
  });

  test("does not end what is read of the connection itself while nothing is answered", async () => {
    const { stream, far } = streamOf(LINES);
    far.send("one\n");
    expect(await stream.receive()).toBe("one");
    const raw = stream.connection.recv();
    stream.connection.drain();
    for (let turn = 0; turn < 5; turn++) await nextTurn();
    far.send("raw");
    expect(String(await raw)).toBe("raw");
  });

  test("answers undefined between messages", async () => {
    const { stream, far } = streamOf(LINES);
    far.send("one\n");
    expect(await stream.receive()).toBe("one");
    const receiving = stream.receive();
    stream.connection.drain();
    expect(await receiving).toBeUndefined();
    expect(await stream.receive()).toBeUndefined();
  });

  test("answers undefined at the beginning", async () => {
    const { stream } = streamOf(LINES);
    stream.connection.drain();
    expect(await stream.receive()).toBeUndefined();
  });

  test("answers what has come already first", async () => {
    const { stream, far } = streamOf(LINES);
    far.send("one\ntwo\nthree\n");
    expect(await stream.receive()).toBe("one");
    stream.connection.drain();
    expect([await stream.receive(), await stream.receive(), await stream.receive()]).toEqual([
      "two",
      "three",
      undefined,
    ]);
  });

  test.each([
    ["a line", LINES, "one\ntw", "o\n", "two"],
    ["the end of a line", LINES, "one\ntwo\r", "\n", "two"],
    ["a character", LINES, Buffer.from("one\n€\n").subarray(0, 5), Buffer.from("€\n").subarray(1), "€"],
    ["a prefix", lengthPrefixed().text(), "\0\0\0\x03one\0\0", "\0\x03two", "two"],
    ["a body", lengthPrefixed().text(), "\0\0\0\x03one\0\0\0\x03", "two", "two"],
  ] as const)("waits for the rest of %s", async (_what, codec, first, rest, message) => {
    const { stream, far } = streamOf(codec);
    far.send(first);
    expect(await stream.receive()).toBe("one");
    const receiving = stream.receive();
    stream.connection.drain();
    for (let turn = 0; turn < 5; turn++) await nextTurn();
    far.send(rest);
    expect(await receiving).toBe(message);
    expect(await stream.receive()).toBeUndefined();
  });

  test("is not taken for the peer's end, which would complete a message", async () => {
    const { stream, far } = streamOf(wholeStream().text());
    far.send("begun");
    const receiving = stream.receive();
    stream.connection.drain();
    for (let turn = 0; turn < 5; turn++) await nextTurn();
    far.send(", and ended");
    far.shutdown("write");
    expect(await receiving).toBe("begun, and ended");
  });

  test("goes on between messages if end-of-stream means more", async () => {
    const { stream, far } = streamOf(LINES);
    stream.connection.endOnDrain = false;
    const receiving = stream.receive();
    stream.connection.drain();
    for (let turn = 0; turn < 5; turn++) await nextTurn();
    far.send("late\n");
    expect(await receiving).toBe("late");
  });
});

describe("MessageStream.take()", () => {
  test("answers what is here, and never waits", async () => {
    const { stream, far } = streamOf(LINES);
    far.send("one\ntwo\nthr");
    expect(stream.take()).toBeUndefined();
    expect(await stream.receive()).toBe("one");
    expect(stream.take()).toBe("two");
    expect(stream.take()).toBeUndefined();
    far.send("ee\n");
    await nextTurn();
    // It has come to the connection, and nobody read it there.
    expect(stream.take()).toBeUndefined();
    expect(await stream.receive()).toBe("three");
  });

  test("throws the peer's error", async () => {
    const { stream, far } = streamOf(lines().json());
    far.send("1\n?\n");
    expect(await stream.receive()).toBe(1);
    expect(() => stream.take()).toThrow(ProtocolError);
  });

  test("answers what came before the end of a connection that is closed in the meantime", async () => {
    const { stream, far } = streamOf(lines({ unterminated: "message" }).text());
    far.send("one\ntwo");
    far.shutdown("write");
    expect(await stream.receive()).toBe("one");
    expect(await stream.receive()).toBe("two");
    stream.connection.abort();
    expect(stream.take()).toBeUndefined();
  });
});

describe("MessageStream.send()", () => {
  test("sends messages in order, those of one turn in one write", async () => {
    const { stream, far } = streamOf(LINES);
    const sending = Promise.all(["one", "two", "three"].map((line) => stream.send(line)));
    expect(stream.connection.bytesWritten).toBe(0);
    await sending;
    expect(await received(far)).toBe("one\ntwo\nthree\n");
  });

  test("resolves when less than the high-water mark is pending", async () => {
    const far = new StalledDuplex();
    const stream = new MessageStream(new Connection(far, { highWaterMark: 16_384 }), LINES);
    let sent = false;
    const sending = stream.send("x".repeat(40_000)).then(() => (sent = true));
    await nextTurn();
    expect(sent).toBe(false);
    // The first write is all that the transport holds: the rest is pending here.
    far.takeOne();
    await nextTurn();
    expect(sent).toBe(false);
    far.takeOne();
    await sending;
    stream.connection.abort();
  });

  test("rejects what the codec cannot tell, and sends nothing of it", async () => {
    const { stream, far } = streamOf(LINES);
    await expect(stream.send("two\nlines")).rejects.toMatchObject({
      name: "TypeError",
      code: ErrorCode.invalidMessage,
    });
    expect(() => stream.post("two\nlines")).toThrow(TypeError);
    await stream.send("fine");
    expect(await received(far)).toBe("fine\n");
  });

  test("sends what is longer than what it would accept", async () => {
    const { stream, far } = streamOf(lines({ maxLength: 3 }).text());
    await stream.send("longer");
    expect(await received(far)).toBe("longer\n");
    far.send("longer\n");
    await expect(stream.receive()).rejects.toMatchObject({ code: ErrorCode.tooBig });
  });

  const LATER: readonly (readonly [string, (connection: Connection) => void | Promise<void>, string])[] = [
    ["bytes of the connection", (connection) => connection.sendAll("bytes"), "one\ntwo\nbytes"],
    ["the end of this side", (connection) => connection.shutdown("write"), "one\ntwo\n"],
    ["the close", (connection) => void connection.close(), "one\ntwo\n"],
  ];

  test.each(LATER)("is never overtaken: %s", async (_what, then, expected) => {
    const { stream, far } = streamOf(LINES);
    void stream.post("one");
    void stream.post("two");
    await then(stream.connection);
    stream.connection.shutdown("write");
    const chunks: Buffer[] = [];
    for await (const chunk of far) chunks.push(chunk);
    expect(Buffer.concat(chunks).toString()).toBe(expected);
    far.abort();
  });

  test("waits for room, and rejects if the connection is cut before there is", async () => {
    const stream = new MessageStream(new Connection(new StalledDuplex(), { highWaterMark: 5 }), LINES);
    expect(stream.post("x")).toBeUndefined();
    const waiting = ["two", "three"].map((line) =>
      expect(stream.send(line)).rejects.toMatchObject({ code: ErrorCode.connectionClosed }),
    );
    stream.connection.abort();
    await Promise.all(waiting);
  });

  test("rejects after the end of this side", async () => {
    const { stream } = streamOf(LINES);
    stream.connection.shutdown("write");
    await expect(stream.send("late")).rejects.toMatchObject({ code: ErrorCode.writeAfterEnd });
    expect(() => stream.post("late")).toThrow(/this side of the connection has ended/);
  });

  test("rejects once the connection is over, and what had not left is lost", async () => {
    const { stream } = streamOf(LINES);
    void stream.post("lost");
    stream.connection.abort();
    expect(stream.connection.bytesWritten).toBe(0);
    await expect(stream.send("late")).rejects.toMatchObject({ code: ErrorCode.connectionClosed });
    expect(() => stream.post("late")).toThrow(/Cannot use connection/);
  });
});

describe("MessageStream.skip()", () => {
  test("answers false where nothing is wrong, and changes nothing", async () => {
    const { stream, far } = streamOf(lines().json());
    far.send("1\n2\n");
    expect(await stream.receive()).toBe(1);
    expect(stream.skip()).toBe(false);
    expect(await stream.receive()).toBe(2);
  });

  test("answers false if it is not known where the message ends", async () => {
    const { stream, far } = streamOf(lengthPrefixed({ maxLength: 5 }).text());
    far.send("\0\0\0\x06longer");
    await expect(stream.receive()).rejects.toMatchObject({ code: ErrorCode.tooBig });
    expect(stream.skip()).toBe(false);
    await expect(stream.receive()).rejects.toMatchObject({ code: ErrorCode.tooBig });
  });
});

describe("MessageStream.switchTo()", () => {
  const PREFIXED = lengthPrefixed().text();

  test("goes on with another codec in both directions, behind the last message", async () => {
    const { stream, far } = streamOf(LINES);
    far.send("switch\n\0\0\0\x05a\nb\nc\0\0");
    expect(await stream.receive()).toBe("switch");
    void stream.post("old");
    const next = stream.switchTo(PREFIXED);
    expect(next).toBe(stream);
    expect(next.codec).toBe(PREFIXED);
    void next.post("new");
    expect(next.take()).toBe("a\nb\nc");
    expect(next.take()).toBeUndefined();
    far.send("\0\x01x");
    expect(await next.receive()).toBe("x");
    expect(await received(far)).toBe("old\n\0\0\0\x03new");
  });

  test("goes there and back in the middle of a chunk", async () => {
    const { stream, far } = streamOf(LINES);
    far.send("a\n\0\0\0\x01bc\nd");
    far.send("\n");
    far.shutdown("write");
    expect(await stream.receive()).toBe("a");
    expect(await stream.switchTo(PREFIXED).receive()).toBe("b");
    const again = stream.switchTo(LINES);
    expect([await again.receive(), await again.receive(), await again.receive()]).toEqual(["c", "d", undefined]);
  });

  test("leaves an error in the content of a message behind", async () => {
    const { stream, far } = streamOf(lines().json());
    far.send("oops\nplain\n");
    await expect(stream.receive()).rejects.toMatchObject({ code: ErrorCode.protocol });
    expect(await stream.switchTo(LINES).receive()).toBe("plain");
  });

  test("knows that the stream has ended", async () => {
    const { stream, far } = streamOf(lines({ unterminated: "message" }).text());
    far.send("only");
    far.shutdown("write");
    expect(await stream.receive()).toBe("only");
    expect(await stream.switchTo(PREFIXED).receive()).toBeUndefined();
  });

  test.each(NO_CODECS)("says that %s is no codec, and changes nothing", async (codec, shown) => {
    const { stream, far } = streamOf(LINES);
    far.send("one\ntwo\n");
    expect(await stream.receive()).toBe("one");
    expect(() => stream.switchTo(codec as Codec<string>)).toThrow(
      expect.objectContaining({
        name: "TypeError",
        code: ErrorCode.invalidArgument,
        message: `Cannot use messages: a codec must have encode() and decoder(), received ${shown}`,
      }) as Error,
    );
    expect(stream.codec).toBe(LINES);
    expect(stream.take()).toBe("two");
  });
});
