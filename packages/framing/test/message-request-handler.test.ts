import { AsyncTCPServer, BaseRequestHandler, Connection, ErrorCode } from "@socketserver/core";
import {
  BaseMessageHandler,
  MessageRequestHandler,
  delimited,
  fixedSize,
  lengthPrefixed,
  lines,
  wholeStream,
  type Codec,
} from "@socketserver/framing";
import { dial, leakCheck, runHandler, serve, talk } from "@socketserver/testing";
import { once } from "node:events";
import { duplexPair } from "node:stream";
import { setImmediate as nextTurn } from "node:timers/promises";
import { beforeEach, describe, expect, test } from "vitest";

import { soon } from "../../core/test/support/soon.ts";
import { StalledDuplex } from "../../core/test/support/stalled-duplex.ts";
import {
  AsyncWriteCountingHandler,
  CountdownHandler,
  GreetingHandler,
  GreetingTCPServer,
  GreetingThreadingTCPServer,
  HeadAndBodyHandler,
  LARGE,
  LargeHandler,
  SlowHandler,
  WriteCountingHandler,
} from "./fixtures/message-handlers.ts";
import { SHOUT_HANDLERS, ShoutHandler } from "./fixtures/shouting-handlers.ts";
import { FarEnd, handle } from "./support/far-end.ts";
import { CONNECTION_SERVERS, serveIn } from "./support/message-servers.ts";
import { NO_CODECS } from "./support/no-codecs.ts";

beforeEach(() => leakCheck());

const LINES = lines().text();

/** More than one chunk of the input, every fifth a comment. */
const MANY = Array.from({ length: 8_000 }, (_, index) => (index % 5 === 0 ? `# ${index}` : `line ${index} é`));

describe.each(CONNECTION_SERVERS)("MessageRequestHandler on $name", (cell) => {
  test.each(SHOUT_HANDLERS)(
    "with %s answers every message in order, to a client that has ended its side, too",
    async (_style, handler) => {
      await using running = await serveIn(cell, handler);
      const output = String(await soon(talk(running.address, `${MANY.join("\n")}\n`), 10_000));
      const expected = MANY.filter((line) => !line.startsWith("#")).map((line) => `${line.toUpperCase()}\n`);
      expect(output).toBe(expected.join(""));
      expect(await running.closedCount(1)).toMatchObject([{ reason: "peer-end" }]);
      expect(running.errors).toEqual([]);
    },
  );

  test("is given messages whole that come byte by byte", async () => {
    await using running = await serveIn(cell, ShoutHandler);
    await using client = await dial(running.address);
    client.setNoDelay(true);
    const answers = readAll(client);
    for (const byte of Buffer.from("zwölf\r\nboxkämpfer\n\n€uro\n")) {
      await client.sendAll(Buffer.from([byte]));
      await nextTurn();
    }
    client.shutdown("write");
    expect(await answers).toBe("ZWÖLF\nBOXKÄMPFER\n\n€URO\n");
  });

  test("ends quietly with a client that says nothing", async () => {
    await using running = await serveIn(cell, ShoutHandler);
    expect(await talk(running.address, "")).toHaveLength(0);
    expect(await running.closedCount(1)).toMatchObject([{ reason: "peer-end", bytesRead: 0, bytesWritten: 0 }]);
    expect(running.errors).toEqual([]);
  });

  test("sends what it likes before, between and after messages", async () => {
    await using running = await serveIn(cell, CountdownHandler);
    const output = String(await talk(running.address, "2\n0\n"));
    expect(output.split("\n")).toEqual(["ready", "2", "1", "liftoff", "liftoff", "3 sent", ""]);
  });

  test.each([
    ["at once", WriteCountingHandler],
    ["with promises", AsyncWriteCountingHandler],
  ])("sends the answers to 100 messages in one write if it answers %s", async (_how, handler) => {
    await using running = await serveIn(cell, handler);
    await using client = await dial(running.address);
    const pipelined = Array.from({ length: 100 }, (_, index) => `${index}\n`).join("");
    /** How many writes have left since the connection began. */
    const writes = async (): Promise<number> => {
      await client.sendAll("writes\n");
      return Number(await client.recv());
    };
    // A handler that just started may need more than its slice of time for the first ones, and others have a turn then: one of a few goes is whole.
    const took: number[] = [];
    for (let before = 0; took.length < 5 && took.at(-1) !== 1;) {
      await client.sendAll(pipelined);
      expect(String(await client.recvExactly(pipelined.length))).toBe(pipelined);
      const after = await writes();
      took.push(after - before);
      // The answer that tells it is a write, too.
      before = after + 1;
    }
    expect(took.at(-1), `writes for 100 answers: ${took.join()}`).toBe(1);
  });

  test("does not let an answer wait for a slow message behind it", async () => {
    await using running = await serveIn(cell, SlowHandler);
    await using client = await dial(running.address);
    await client.sendAll("first\nsecond\nslow\nlast\n");
    expect(String(await soon(client.recv()))).toBe("first\nsecond\n");
    const closing = running.close();
    expect(await soon(readAll(client))).toBe("slow\nlast\n");
    await client.close();
    expect(await closing).toMatchObject({ open: 1, finished: 1, cut: [] });
  });

  test("carries answers that are larger than every buffer, in order", async () => {
    await using running = await serveIn(cell, LargeHandler);
    const output = await soon(talk(running.address, prefixed("a", "b", "c")), 10_000);
    const decoder = lengthPrefixed({ maxLength: LARGE }).decoder();
    decoder.push(output);
    for (const letter of "abc") expect(decoder.read()?.equals(Buffer.alloc(LARGE, letter))).toBe(true);
    expect(decoder.bufferedBytes).toBe(0);
  });

  test("is stopped by a client that does not read, and cut when that takes too long", async () => {
    await using running = await serveIn(cell, LargeHandler, { writeStallMs: 200 });
    await using client = await dial(running.address);
    await client.sendAll(prefixed(...Array.from({ length: 64 }, () => "x")));
    const [closed] = await soon(running.closedCount(1), 10_000);
    expect(closed).toMatchObject({ reason: "slow-reader" });
    // What the kernel and the relay hold, and no more.
    expect(closed?.bytesWritten).toBeLessThan(32 * LARGE);
    expect(running.errors).toEqual([]);
    client.abort();
  });
});

describe("MessageRequestHandler", () => {
  const STREAM = Buffer.from("päivää\r\n# quiet\n\nhyvää yötä\n");

  test.each(SHOUT_HANDLERS)(
    "with %s is given the same messages wherever the stream is cut",
    async (_style, handler) => {
      for (let cut = 0; cut <= STREAM.length; cut++) {
        const far = new FarEnd();
        const handling = handle(handler, far);
        await far.say(STREAM.subarray(0, cut), STREAM.subarray(cut));
        far.hangUp();
        await handling;
        expect(far.received, `cut at ${cut}`).toBe("PÄIVÄÄ\n\nHYVÄÄ YÖTÄ\n");
      }
    },
  );

  test("with fast answers sends those to one chunk in one write, and those to the next in another one", async () => {
    for (const [style, handler] of SHOUT_HANDLERS.filter(([name]) => !name.startsWith("slow"))) {
      const far = new FarEnd();
      const handling = handle(handler, far);
      await far.say("a\nb\n#\nc\n", "d\ne", "\n");
      far.hangUp();
      await handling;
      expect(far.writes.map(String), style).toEqual(["A\nB\nC\n", "D\n", "E\n"]);
    }
  });

  test("with slow answers sends each when it is ready", async () => {
    const far = new FarEnd();
    const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()] as const;
    class GatedHandler extends MessageRequestHandler(LINES) {
      #at = 0;

      override async handleMessage(line: string): Promise<string> {
        await gates[this.#at++]?.promise;
        return line;
      }
    }
    const handling = handle(GatedHandler, far);
    await far.say("one\ntwo\n");
    expect(far.writes).toEqual([]);
    gates[0].resolve();
    await nextTurn();
    expect(far.writes.map(String)).toEqual(["one\n"]);
    gates[1].resolve();
    far.hangUp();
    await handling;
    expect(far.writes.map(String)).toEqual(["one\n", "two\n"]);
  });

  test("sends many answers to one chunk in a few large writes", async () => {
    const far = new FarEnd();
    const handling = handle(ShoutHandler, far);
    const pipelined = "0123456789abcde\n".repeat(4_000);
    await far.say(pipelined);
    far.hangUp();
    await handling;
    expect(far.received).toBe(pipelined.toUpperCase());
    // What is collected goes out at the end of each slice of time, too.
    expect(far.writes.length).toBeLessThanOrEqual(40);
  });

  const JSON_LINES = lines().json();

  class JsonEchoHandler extends MessageRequestHandler(JSON_LINES) {
    override handleMessage(message: unknown): unknown {
      return message;
    }
  }

  class JsonLoopHandler extends MessageRequestHandler(JSON_LINES) {
    override async handle(): Promise<void> {
      for await (const message of this.messages) await this.send(message);
    }
  }

  class JsonConcurrentHandler extends JsonEchoHandler {
    override maxConcurrentMessages = 3;
  }

  test.each([
    ["handleMessage()", JsonEchoHandler],
    ["a loop over messages", JsonLoopHandler],
    ["several at once", JsonConcurrentHandler],
  ])("takes null, false, zero and emptiness for the messages that they are, with %s", async (_style, handler) => {
    const input = 'null\nfalse\n0\n""\n[]\nnull\n';
    const { output, error } = await runHandler(handler, input);
    expect(error).toBeUndefined();
    expect(output.toString()).toBe(input);
  });

  test("may answer with more than it accepts", async () => {
    class RepeatingHandler extends MessageRequestHandler(lines({ maxLength: 5 }).text()) {
      override handleMessage(line: string): string {
        return line.repeat(20_000);
      }
    }
    const { output, closeReason } = await runHandler(RepeatingHandler, "short\nlonger\n");
    expect(output.toString()).toBe(`${"short".repeat(20_000)}\n`);
    expect(closeReason).toBe("too-big");
  });

  test("is given empty messages", async () => {
    class LengthHandler extends MessageRequestHandler(lengthPrefixed()) {
      override handleMessage(message: Buffer): Uint8Array {
        return Buffer.from(`${message.length}`);
      }
    }
    const { output } = await runHandler(LengthHandler, prefixed("", "x", ""));
    expect(output).toEqual(prefixed("0", "1", "0"));
  });

  test("is given a message that ends with the stream", async () => {
    class SizeHandler extends MessageRequestHandler(wholeStream()) {
      override handleMessage(message: Buffer): Uint8Array {
        return Buffer.from(`${message.length} bytes`);
      }
    }
    const { output, closeReason } = await runHandler(SizeHandler, "all of it");
    expect([output.toString(), closeReason]).toEqual(["9 bytes", "peer-end"]);
    expect((await runHandler(SizeHandler, "")).output).toHaveLength(0);
  });

  test("may receive messages in the middle of handling one", async () => {
    const { output, error } = await runHandler(HeadAndBodyHandler, "a\n1\nb\n2\nc\n");
    expect(error).toBeUndefined();
    expect(output.toString()).toBe("a: 1\nb: 2\nc: nothing\n");
  });

  test.each([
    ["closes it", async (connection: Connection) => connection.close()],
    ["ends its side", async (connection: Connection) => connection.shutdown("write")],
    ["sends bytes of its own", async (connection: Connection) => connection.sendAll("bytes")],
  ])("sends what it has answered before it uses the connection itself: it %s", async (_how, use) => {
    class PartingHandler extends MessageRequestHandler(LINES) {
      override async handle(): Promise<void> {
        for await (const line of this.messages) {
          await this.send(line);
          if (line === "goodbye") break;
        }
        await use(this.connection);
      }
    }
    const { output, error } = await runHandler(PartingHandler, "hello\ngoodbye\n");
    expect(output.toString()).toMatch(/^hello\ngoodbye\n(bytes)?$/);
    expect(error).toBeUndefined();
  });

  test("handles nothing more of a chunk once it has closed its connection", async () => {
    const seen: string[] = [];
    class HangingUpHandler extends MessageRequestHandler(LINES) {
      override async handleMessage(line: string): Promise<string> {
        seen.push(line);
        await this.send(line.toUpperCase());
        if (line === "one") this.connection.shutdown("read");
        return "goodbye";
      }
    }
    class ClosingHandler extends MessageRequestHandler(LINES) {
      override async handleMessage(line: string): Promise<void> {
        seen.push(line);
        await this.connection.close();
      }
    }
    class ClosingLoopHandler extends ClosingHandler {
      override async handle(): Promise<void> {
        for await (const line of this.messages) await this.handleMessage(line);
      }
    }
    for (const [handler, output] of [
      [HangingUpHandler, "ONE\ngoodbye\n"],
      [ClosingHandler, ""],
      [ClosingLoopHandler, ""],
    ] as const) {
      seen.length = 0;
      const result = await runHandler(handler, "one\ntwo\nthree\n");
      expect(result.error).toBeUndefined();
      expect(result.output.toString()).toBe(output);
      expect(seen).toEqual(["one"]);
    }
  });

  test("sends what it has answered although it fails afterwards, and what finish() says behind it", async () => {
    class LastWordsHandler extends MessageRequestHandler(LINES) {
      override handleMessage(line: string): string {
        if (line === "fail") throw new RangeError("has failed");
        return line;
      }

      override async finish(): Promise<void> {
        await this.send("goodbye");
      }
    }
    const { output, error } = await runHandler(LastWordsHandler, "one\ntwo\nfail\nthree\n");
    expect(error).toMatchObject({ message: "has failed" });
    expect(output.toString()).toBe("one\ntwo\ngoodbye\n");
  });

  test("leaves what it does not read to the server, which ends the connection", async () => {
    class FirstOnlyHandler extends MessageRequestHandler(LINES) {
      override async handle(): Promise<void> {
        for await (const line of this.messages) {
          await this.send(line);
          break;
        }
      }
    }
    await using running = await serve(FirstOnlyHandler);
    expect(String(await talk(running.address, "one\ntwo\n"))).toBe("one\n");
    expect(await running.closedCount(1)).toMatchObject([{ reason: "done" }]);
    expect(running.errors).toEqual([]);
  });

  test("turns off Nagle's algorithm, unless it is told not to", async () => {
    class PatientHandler extends ShoutHandler {
      override disableNagleAlgorithm = false;
    }
    for (const [handler, expected] of [
      [ShoutHandler, [true]],
      [PatientHandler, []],
    ] as const) {
      const told: boolean[] = [];
      const far = Object.assign(new FarEnd(), { setNoDelay: (noDelay: boolean) => told.push(noDelay) });
      far.hangUp();
      await handle(handler, far);
      expect(told).toEqual(expected);
    }
  });

  test("stops at the high-water mark while its client does not read, and goes on when it does", async () => {
    let handled = 0;
    class RepeatHandler extends MessageRequestHandler(LINES) {
      override handleMessage(line: string): string {
        handled += 1;
        return line.repeat(1_000);
      }
    }
    const stream = new StalledDuplex();
    const handling = handle(RepeatHandler, stream, { highWaterMark: 10_000 });
    stream.push("x\n".repeat(1_000));
    stream.push(null);
    await nextTurn();
    await nextTurn();
    // The mark, and what is collected for one write.
    expect(handled).toBeLessThan(10 + 17 + 1);
    const stopped = handled;
    await nextTurn();
    expect(handled).toBe(stopped);
    await takeUntilEnd(stream);
    await handling;
    expect(handled).toBe(1_000);
    expect(Buffer.concat(stream.taken)).toHaveLength(1_001 * 1_000);
  });

  test("is ended quietly if nothing comes for too long, or the client resets, in the middle of a message", async () => {
    class ImpatientHandler extends ShoutHandler {
      override timeoutMs = 50;
    }
    await using running = await serve(ImpatientHandler, { server: AsyncTCPServer });
    await using idle = await dial(running.address);
    await idle.sendAll("one\ntw");
    expect(await soon(running.closedCount(1))).toMatchObject([{ reason: "idle", bytesWritten: 4 }]);
    const resetting = await dial(running.address);
    await resetting.sendAll("one\ntw");
    expect(String(await resetting.recv())).toBe("ONE\n");
    resetting.abort();
    expect((await soon(running.closedCount(2))).at(-1)).toMatchObject({ reason: "peer-reset" });
    expect(running.errors).toEqual([]);
  });

  test("has its failure reported, also if its client reads nothing of what it sent before", async () => {
    class FloodingHandler extends MessageRequestHandler(lines({ maxLength: Infinity }).text()) {
      override handleMessage(line: string): never {
        this.send("x".repeat(32 * LARGE)).catch(() => {});
        throw new RangeError(`cannot handle ${line}`);
      }
    }
    await using running = await serve(FloodingHandler, { options: { writeStallMs: 100 } });
    await using client = await dial(running.address);
    await client.sendAll("one\n");
    await soon(running.closedCount(1));
    client.abort();
    expect(running.errors).toMatchObject([{ name: "RangeError", message: "cannot handle one" }]);
  });

  test("runs without a socket and a server", async () => {
    const { output, closeReason, error } = await runHandler(ShoutHandler, "one\n# two\nthree\n");
    expect({ output: output.toString(), closeReason, error }).toEqual({
      output: "ONE\nTHREE\n",
      closeReason: "peer-end",
      error: undefined,
    });
  });

  test("is a request handler whose class knows its codec", () => {
    const codec = delimited("|").text();
    class PipeHandler extends MessageRequestHandler(codec) {}
    const handler = new PipeHandler(new Connection(duplexPair()[0]), { path: "" }, {} as never);
    expect(handler).toBeInstanceOf(BaseMessageHandler);
    expect(handler).toBeInstanceOf(BaseRequestHandler);
    expect(handler.codec).toBe(codec);
    expect(handler.connection).toBe(handler.request);
    expect(handler).toMatchObject({ maxConcurrentMessages: 1, repliesInOrder: true, disableNagleAlgorithm: true });
    handler.connection.abort();
  });

  test("may have another codec for the same messages in a subclass", async () => {
    class PrefixedShoutHandler extends ShoutHandler {
      override readonly codec = lengthPrefixed().text();
    }
    const { output } = await runHandler(PrefixedShoutHandler, prefixed("one", "two\nlines"));
    expect(output).toEqual(prefixed("ONE", "TWO\nLINES"));
  });

  test("may choose its codec for each connection", async () => {
    class ChoosingHandler extends BaseMessageHandler<string, string> {
      override readonly codec = delimited((this.server as unknown as { readonly delimiter: string }).delimiter).text();

      override handleMessage(message: string): string {
        return message.toUpperCase();
      }
    }
    const { output } = await runHandler(ChoosingHandler, "a;b;", { server: { delimiter: ";" } });
    expect(output.toString()).toBe("A;B;");
  });
});

describe("MessageRequestHandler with a class of servers", () => {
  test.each([
    ["on the event loop", GreetingTCPServer, {}],
    ["in threads", GreetingThreadingTCPServer, { threading: { threads: 1 } }],
  ])("finds its methods in this.server %s", async (_where, server, options) => {
    await using running = await serve<GreetingTCPServer>(GreetingHandler, { server, options });
    expect(String(await talk(running.address, "Ada\nGrace\n"))).toBe("Hello, Ada!\nHello, Grace!\n");
  });
});

describe("MessageRequestHandler, misused", () => {
  test("says what to write if there is neither handleMessage() nor handle()", async () => {
    class IdleHandler extends MessageRequestHandler(LINES) {}
    await using running = await serve(IdleHandler);
    expect(await talk(running.address, "anything\n")).toHaveLength(0);
    expect(await running.closedCount(1)).toMatchObject([{ reason: "handler-error" }]);
    expect(running.errors).toMatchObject([
      {
        name: "TypeError",
        code: ErrorCode.invalidHandler,
        message: "Cannot run IdleHandler: it must have a method handleMessage() or handle()",
      },
    ]);
  });

  test("says so if it has no codec", async () => {
    class BareHandler extends BaseMessageHandler<string, string> {}
    const { error, output } = await runHandler(BareHandler, "anything\n");
    expect(output).toHaveLength(0);
    expect(error).toBeInstanceOf(TypeError);
    expect(error).toMatchObject({
      code: ErrorCode.invalidHandler,
      message: "Cannot run BareHandler: a codec must have encode() and decoder(), received undefined",
    });
  });

  test.each(NO_CODECS)("is made of no other than a codec: %s", (codec, shown) => {
    expect(() => MessageRequestHandler(codec as Codec<string>)).toThrow(
      expect.objectContaining({
        name: "TypeError",
        code: ErrorCode.invalidArgument,
        message: `Cannot use messages: a codec must have encode() and decoder(), received ${shown}`,
      }) as Error,
    );
  });

  test.each([
    ["no text", LINES, 7, "TypeError"],
    ["the delimiter in it", LINES, "two\nlines", "TypeError"],
    ["another size", fixedSize(6).text(), "longer than that", "RangeError"],
  ])("fails with the answer that its codec cannot tell: %s", async (_what, codec, answer, name) => {
    class WrongHandler extends MessageRequestHandler(codec) {
      override handleMessage(message: string): string {
        return message.startsWith("wrong") ? (answer as string) : message;
      }
    }
    await using running = await serve(WrongHandler);
    expect(String(await talk(running.address, "right\nwrong\nright\n"))).toBe("right\n");
    expect(await running.closedCount(1)).toMatchObject([{ reason: "handler-error" }]);
    expect(running.errors).toMatchObject([{ name, code: ErrorCode.invalidMessage }]);
  });
});

describe("MessageRequestHandler with many slow messages in one chunk", () => {
  const COUNT = 64;

  /** The turn of the event loop, and that in which each message was handled. */
  let turn = 0;
  const handledIn: number[] = [];
  /** How many were handled before the question of another client. */
  let handledBefore = 0;

  function work(): void {
    handledIn.push(turn);
    const end = performance.now() + 1;
    while (performance.now() < end);
  }

  class BusyHandler extends MessageRequestHandler(LINES) {
    override handleMessage(line: string): void | Promise<void> {
      if (line !== "question") return work();
      handledBefore = handledIn.length;
      return this.send("answer");
    }
  }

  class BusyLoopHandler extends BusyHandler {
    override async handle(): Promise<void> {
      for await (const line of this.messages) await this.handleMessage(line);
    }
  }

  class BusyConcurrentHandler extends BusyHandler {
    override maxConcurrentMessages = 3;
  }

  class BusyReceivingHandler extends BusyHandler {
    override async handleMessage(): Promise<void> {
      work();
      if ((await this.receive()) !== undefined) work();
    }
  }

  class BusyComplainingHandler extends MessageRequestHandler(lines().json()) {
    override handleProtocolError(): void {
      work();
    }
  }

  test.each([
    ["handleMessage()", BusyHandler],
    ["a loop over messages", BusyLoopHandler],
    ["several at once", BusyConcurrentHandler],
    ["receive() in handleMessage()", BusyReceivingHandler],
    ["handleProtocolError()", BusyComplainingHandler],
  ])("lets others have their turns in between, with %s", async (_style, handler) => {
    handledIn.length = 0;
    const far = new FarEnd();
    const other = new FarEnd();
    const handling = Promise.all([handle(handler, far), handle(BusyHandler, other)]);
    await nextTurn();
    far.push(Buffer.from("x\n".repeat(COUNT)));
    other.push(Buffer.from("question\n"));
    far.hangUp();
    other.hangUp();
    let ticking = setImmediate(function tick() {
      turn += 1;
      ticking = setImmediate(tick);
    });
    await handling;
    clearImmediate(ticking);
    expect(handledIn).toHaveLength(COUNT);
    expect(new Set(handledIn).size).toBeGreaterThan(2);
    expect(other.received).toBe("answer\n");
    expect(handledBefore).toBeLessThan(COUNT);
  });
});

describe("MessageRequestHandler.send()", () => {
  test.each([
    ["fixedSize()", fixedSize(4)],
    ["wholeStream()", wholeStream()],
    ["lengthPrefixed()", lengthPrefixed()],
    ["lines()", lines()],
  ])(
    "sends what a buffer had in it that is used again for the next message: %s",
    async (_what, codec: Codec<unknown, Buffer>) => {
      class ReusingHandler extends MessageRequestHandler(codec) {
        override async handle(): Promise<void> {
          const buffer = Buffer.alloc(4);
          for (const letter of "abc") {
            buffer.fill(letter);
            await this.send(buffer);
          }
          buffer.fill("x");
        }
      }
      const { output, error } = await runHandler(ReusingHandler, "");
      expect(error).toBeUndefined();
      expect(output).toEqual(Buffer.concat(["aaaa", "bbbb", "cccc"].map((text) => codec.encode(Buffer.from(text)))));
    },
  );

  test("rejects once the peer is gone", async () => {
    const outcome = Promise.withResolvers<unknown>();
    class LateHandler extends MessageRequestHandler(LINES) {
      override async handleMessage(line: string): Promise<void> {
        // Asking for it makes the connection notice a reset although nobody reads.
        const gone = once(this.signal, "abort");
        await this.send(line);
        await gone;
        outcome.resolve(await this.send("too late").catch((error: unknown) => error));
      }
    }
    await using running = await serve(LateHandler, { server: AsyncTCPServer });
    const client = await dial(running.address);
    await client.sendAll("go\n");
    expect(String(await client.recv())).toBe("go\n");
    client.abort();
    expect(await soon(outcome.promise)).toMatchObject({ name: "PeerError", code: "ECONNRESET" });
    expect(await running.closedCount(1)).toMatchObject([{ reason: "peer-reset" }]);
    expect(running.errors).toEqual([]);
  });

  test("need not be awaited if its failure is caught", async () => {
    const failures: unknown[] = [];
    class PushHandler extends MessageRequestHandler(LINES) {
      override async handle(): Promise<void> {
        for await (const line of this.messages) {
          if (line === "end") this.connection.shutdown("write");
          for (let count = 0; count < 3; count++) this.send(line).catch((error: unknown) => failures.push(error));
        }
      }
    }
    const far = new FarEnd();
    const handling = handle(PushHandler, far);
    await far.say("a\nb\nend\n", "more\n");
    far.hangUp();
    await handling;
    expect(far.received).toBe("a\na\na\nb\nb\nb\n");
    expect(failures).toMatchObject(Array.from({ length: 6 }, () => ({ code: ErrorCode.writeAfterEnd })));
  });

  test("before setup() has looked at the codec says what is none", async () => {
    class HastyHandler extends BaseMessageHandler<string, string> {
      override async setup(): Promise<void> {
        await this.send("hello");
        await super.setup();
      }
    }
    const { error } = await runHandler(HastyHandler, "anything\n");
    expect(error).toMatchObject({
      name: "TypeError",
      code: ErrorCode.invalidArgument,
      message: "Cannot use messages: a codec must have encode() and decoder(), received undefined",
    });
  });

  test("waits while the high-water mark is pending", async () => {
    const sent: number[] = [];
    class FloodHandler extends MessageRequestHandler(LINES) {
      override async handle(): Promise<void> {
        for (let count = 0; count < 100; count++) {
          await this.send("x".repeat(999));
          sent.push(count);
        }
      }
    }
    const stream = new StalledDuplex();
    const handling = handle(FloodHandler, stream, { highWaterMark: 10_000 });
    await nextTurn();
    expect(sent.length).toBeLessThan(10 + 17);
    stream.push(null);
    await takeUntilEnd(stream);
    await handling;
    expect(sent).toHaveLength(100);
    expect(Buffer.concat(stream.taken)).toHaveLength(100_000);
  });
});

/** The far end takes everything that comes, until the end of our side. */
async function takeUntilEnd(stream: StalledDuplex): Promise<void> {
  for (let turn = 0; turn < 10_000 && !stream.finished; turn++) {
    stream.takeAll();
    await nextTurn();
  }
  expect(stream.finished).toBe(true);
}

async function readAll(client: Connection): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of client) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

function prefixed(...messages: readonly string[]): Buffer {
  return Buffer.concat(messages.map((message) => lengthPrefixed().encode(Buffer.from(message))));
}
