import { ErrorCode } from "@socketserver/core";
import {
  MessageRequestHandler,
  MessageStream,
  lengthPrefixed,
  lines,
  type Codec,
  type ProtocolError,
} from "@socketserver/framing";
import { messagePack } from "@socketserver/framing/message-pack";
import { dial, leakCheck, runHandler, talk } from "@socketserver/testing";
import { setImmediate as nextTurn } from "node:timers/promises";
import { beforeEach, describe, expect, test } from "vitest";

import { soon } from "../../core/test/support/soon.ts";
import { SwitchingHandler, SwitchingLoopHandler } from "./fixtures/switching-handlers.ts";
import { FarEnd, handle } from "./support/far-end.ts";
import { CONNECTION_SERVERS, serveIn } from "./support/message-servers.ts";
import { NO_CODECS } from "./support/no-codecs.ts";
import { decode, encode } from "./support/other-message-pack.ts";

beforeEach(() => leakCheck());

const STYLES = [
  ["handleMessage()", SwitchingHandler],
  ["a loop over messages", SwitchingLoopHandler],
] as const;

/** A packed message behind its length, made by somebody else's library. */
function packed(message: unknown): Buffer {
  const body = encode(message);
  const prefix = Buffer.alloc(4);
  prefix.writeUInt32BE(body.length);
  return Buffer.concat([prefix, body]);
}

/** Large enough to come in more chunks than one. */
const LARGE = { text: "é".repeat(40_000), list: [1, 2.5, null, true] };

/** A whole conversation, and what is answered. */
const SAID = Buffer.concat([
  Buffer.from("hello\r\npacked\n"),
  packed({ one: 1 }),
  packed("two\nlines"),
  packed("plain"),
  Buffer.from("hello\npacked\r\n"),
  packed([3]),
]);

const HEARD = Buffer.concat([
  Buffer.from("ready\nswitching\n"),
  packed({ ready: true }),
  packed({ echo: { one: 1 } }),
  packed({ echo: "two\nlines" }),
  Buffer.from("plain again\nready\nswitching\n"),
  packed({ ready: true }),
  packed({ echo: [3] }),
]);

describe.each(CONNECTION_SERVERS)("switchCodec() on $name", (cell) => {
  describe.each(STYLES)("with %s", (_style, handler) => {
    test("goes on behind the last message, in both directions, there and back", async () => {
      await using running = await serveIn(cell, handler);
      expect(await soon(talk(running.address, SAID))).toEqual(HEARD);
      expect(await running.closedCount(1)).toMatchObject([{ reason: "peer-end" }]);
      expect(running.errors).toEqual([]);
    });

    test("gives the new codec what has come of its first message", async () => {
      await using running = await serveIn(cell, handler);
      await using client = await dial(running.address);
      const message = packed(LARGE);
      const answer = packed({ echo: LARGE });
      const begun = Buffer.concat([Buffer.from("packed\n"), message.subarray(0, 3)]);
      await client.sendAll(begun);
      const greeting = Buffer.concat([Buffer.from("switching\n"), packed({ ready: true })]);
      expect(await client.recvExactly(greeting.length)).toEqual(greeting);
      await client.sendAll(message.subarray(3));
      const body = (await soon(client.recvExactly(answer.length))).subarray(4);
      expect(decode(body)).toEqual({ echo: LARGE });
    });

    test("leaves a truncated message of the new codec to blame", async () => {
      await using running = await serveIn(cell, handler);
      const output = await talk(running.address, Buffer.concat([Buffer.from("packed\n"), packed([1]).subarray(0, 5)]));
      expect(output).toEqual(Buffer.concat([Buffer.from("switching\n"), packed({ ready: true })]));
      expect(await running.closedCount(1)).toMatchObject([{ reason: "protocol" }]);
      expect(running.errors).toMatchObject([{ name: "ProtocolError", code: ErrorCode.incompleteRead }]);
    });

    test("draws the line between messages anew for draining", async () => {
      await using running = await serveIn(cell, handler);
      await using client = await dial(running.address);
      // As a line it would be none yet: as a message it is whole.
      await client.sendAll(Buffer.concat([Buffer.from("packed\n"), packed(["no end of line"])]));
      const greeting = Buffer.concat([Buffer.from("switching\n"), packed({ ready: true })]);
      const answer = packed({ echo: ["no end of line"] });
      expect(await client.recvExactly(greeting.length + answer.length)).toEqual(Buffer.concat([greeting, answer]));
      const closing = running.close();
      expect(await soon(client.recv())).toHaveLength(0);
      await client.close();
      expect(await closing).toMatchObject({ open: 1, finished: 1, cut: [] });
    });
  });
});

describe("switchCodec()", () => {
  test.each(STYLES)("with %s goes on behind the last message, wherever the stream is cut", async (_style, handler) => {
    for (let cut = 0; cut <= SAID.length; cut++) {
      const far = new FarEnd();
      const handling = handle(handler, far);
      await far.say(SAID.subarray(0, cut), SAID.subarray(cut));
      far.hangUp();
      await handling;
      expect(Buffer.concat(far.writes), `cut at ${cut}`).toEqual(HEARD);
    }
  });

  test("answers the same handler, with the other codec's types", async () => {
    class TypedHandler extends MessageRequestHandler(lines().text()) {
      override async handle(): Promise<void> {
        await this.receive();
        const next = this.switchCodec(lines().json());
        expect(next).toBe(this);
        const value: unknown = await next.receive();
        await next.send({ value });
      }
    }
    const { output, error } = await runHandler(TypedHandler, 'begin\n{"a":1}\n');
    expect(error).toBeUndefined();
    expect(output.toString()).toBe('{"value":{"a":1}}\n');
  });

  test("before the first message has the effect of another codec to begin with", async () => {
    class EarlyHandler extends MessageRequestHandler(lines().text()) {
      override setup(): void | Promise<void> {
        this.switchCodec(lengthPrefixed().text());
        return super.setup();
      }

      override handleMessage(message: string): string {
        return message.toUpperCase();
      }
    }
    const { output } = await runHandler(EarlyHandler, "\0\0\0\x02ab");
    expect(output.toString()).toBe("\0\0\0\x02AB");
  });

  test("in handleProtocolError() goes on with the rest of the chunk", async () => {
    class FallbackHandler extends MessageRequestHandler<unknown, string>(lines().json()) {
      override handleMessage(message: unknown): string {
        return `${typeof message} ${String(message)}`;
      }

      override handleProtocolError(error: ProtocolError): void {
        if (!error.skippable) throw error;
        this.switchCodec(lines().text());
      }
    }
    const { output, error, closeReason } = await runHandler(FallbackHandler, "1\nplain\n2\nthree\n");
    expect({ error, closeReason }).toEqual({ error: undefined, closeReason: "peer-end" });
    expect(output.toString()).toBe('"number 1"\nstring 2\nstring three\n');
  });

  test.each([
    ["answers what was wrong in the old codec, and goes on in the new one", 1],
    ["does so, too, where several messages are handled at once", 3],
  ])("in handleProtocolError() %s", async (_what, atOnce) => {
    class UpgradingHandler extends MessageRequestHandler<unknown, unknown>(lines().json()) {
      override maxConcurrentMessages = atOnce;

      override handleMessage(message: unknown): unknown {
        return message;
      }

      override async handleProtocolError({ code }: ProtocolError): Promise<void> {
        await this.send(code);
        this.switchCodec(lengthPrefixed().text());
      }
    }
    const { output, error } = await runHandler(UpgradingHandler, "1\n?\n\0\0\0\x03two\0\0\0\0");
    expect(error).toBeUndefined();
    expect(output.toString()).toBe(`1\n"${ErrorCode.protocol}"\n\0\0\0\x03two\0\0\0\0`);
  });

  test.each(NO_CODECS)("says that %s is no codec, and changes nothing", async (codec, shown) => {
    const told: unknown[] = [];
    class WrongHandler extends MessageRequestHandler(lines().text()) {
      override handleMessage(line: string): string {
        try {
          this.switchCodec(codec as Codec<string>);
        } catch (error) {
          told.push(error);
        }
        return line;
      }
    }
    const { error, output } = await runHandler(WrongHandler, "one\ntwo\n");
    expect(error).toBeUndefined();
    expect(output.toString()).toBe("one\ntwo\n");
    const message = `Cannot use messages: a codec must have encode() and decoder(), received ${shown}`;
    expect(told).toMatchObject([1, 2].map(() => ({ name: "TypeError", code: ErrorCode.invalidArgument, message })));
  });

  test("of a MessageStream lets a client follow", async () => {
    await using running = await serveIn(CONNECTION_SERVERS[1] as (typeof CONNECTION_SERVERS)[0], SwitchingHandler);
    await using connection = await dial(running.address);
    const client = new MessageStream(connection, lines().text());
    await client.send("packed");
    expect(await client.receive()).toBe("switching");
    const binary = client.switchTo(lengthPrefixed().with(messagePack()));
    expect(await binary.receive()).toEqual({ ready: true });
    await binary.send(LARGE.list);
    expect(await binary.receive()).toEqual({ echo: LARGE.list });
    await nextTurn();
    expect(binary.take()).toBeUndefined();
  });
});
