import { ErrorCode, PeerError } from "@socketserver/core";
import {
  MessageRequestHandler,
  ProtocolError,
  delimited,
  fixedSize,
  lengthPrefixed,
  lines,
  netstrings,
  nulTerminated,
  unframedText,
  varintPrefixed,
  wholeStream,
  type Codec,
  type Format,
} from "@socketserver/framing";
import { messagePack } from "@socketserver/framing/message-pack";
import { dial, leakCheck, runHandler, talk, type RunningServer } from "@socketserver/testing";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { soon } from "../../core/test/support/soon.ts";
import { GREETING } from "./fixtures/greeting-schema.ts";
import {
  BrokenRescueHandler,
  BuggyHandler,
  FinalWordHandler,
  LenientConcurrentHandler,
  LenientHandler,
  LenientLoopHandler,
  SilentHandler,
  StrictHandler,
} from "./fixtures/protocol-error-handlers.ts";
import { FarEnd, handle } from "./support/far-end.ts";
import { CONCURRENT_SERVERS, CONNECTION_SERVERS, serveIn } from "./support/message-servers.ts";

let printed: string[];

beforeEach(() => leakCheck());

beforeEach(() => {
  printed = [];
  vi.spyOn(process.stderr, "write").mockImplementation((text) => {
    printed.push(String(text));
    return true;
  });
});

afterEach(() => {
  vi.restoreAllMocks();
  expect(printed).toEqual([]);
});

const GOOD = '{"name":"Ada"}\n';
const HELLO = '{"hello":"Ada"}\n';

/** What breaks the protocol, and how it is told. */
const BREAKS = [
  ["is no JSON", '{"name"\n', ErrorCode.protocol, "protocol"],
  ["does not fit the schema", '{"name":1}\n', ErrorCode.protocol, "protocol"],
  ["is no UTF-8", Buffer.from([0x22, 0xff, 0x22, 0x0a]), ErrorCode.protocol, "protocol"],
  ["is too long", "x".repeat(600), ErrorCode.tooBig, "too-big"],
  ["is cut off", '{"name":', ErrorCode.incompleteRead, "protocol"],
] as const;

function input(...parts: readonly (string | Uint8Array)[]): Buffer {
  return Buffer.concat(parts.map((part) => Buffer.from(part)));
}

describe.each(CONNECTION_SERVERS)("a protocol error on $name", (cell) => {
  test("closes the connection with its reason, after the answers to what came before it", async () => {
    await using running = await serveIn(cell, StrictHandler);
    for (const [index, [what, broken, code, reason]] of BREAKS.entries()) {
      const after = code === ErrorCode.incompleteRead ? "" : GOOD;
      expect(String(await talk(running.address, input(GOOD, GOOD, broken, after))), what).toBe(HELLO + HELLO);
      const closed = await soon(running.closedCount(index + 1));
      expect(closed.at(-1), what).toMatchObject({ reason });
      expect(running.errors, what).toHaveLength(index + 1);
      expect(running.errors.at(-1), what).toMatchObject({ name: "ProtocolError", code });
    }
    expect(String(await talk(running.address, GOOD))).toBe(HELLO);
  });

  test("is the peer's fault, with what is known about it", async () => {
    await using running = await serveIn(cell, StrictHandler);
    await talk(running.address, BREAKS[1][1]);
    await talk(running.address, BREAKS[4][1]);
    const [schema, truncated] = running.errors;
    for (const error of [schema, truncated]) expect(error).toBeInstanceOf(PeerError);
    expect(schema).toMatchObject({ skippable: true, issues: [{ message: "must be a string", path: ["name"] }] });
    expect(truncated).toMatchObject({ skippable: false, issues: [] });
    const { partial } = truncated as ProtocolError;
    expect(Buffer.from(partial).toString()).toBe('{"name":');
  });

  test("is not printed although nobody listens", async () => {
    await using running = await serveIn(cell, StrictHandler);
    running.server.removeAllListeners("requestError");
    for (const [, broken] of BREAKS) await talk(running.address, input(GOOD, broken));
    const closed = await running.closedCount(BREAKS.length);
    expect(closed.map(({ reason }) => reason)).toEqual(BREAKS.map(([, , , reason]) => reason));
  });

  test.each([
    ["handleMessage()", LenientHandler],
    ["a loop over messages", LenientLoopHandler],
    ["several at once", LenientConcurrentHandler],
  ])("can be answered and passed over, where the message ends somewhere: with %s", async (_style, handler) => {
    await using running = await serveIn(cell, handler);
    const wrong = { code: ErrorCode.protocol, skippable: true, issues: [] as object[] };
    const unfit = { ...wrong, issues: [{ message: "must be a string", path: ["name"] }] };
    await using client = await dial(running.address);
    const conversation = [
      [BREAKS[0][1], wrong],
      [GOOD, { hello: "Ada" }],
      [BREAKS[1][1], unfit],
      [BREAKS[2][1], wrong],
      ["\n", wrong],
      [GOOD, { hello: "Ada" }],
    ] as const;
    for (const [said, answer] of conversation) {
      await client.sendAll(said);
      expect(JSON.parse(String(await soon(client.recv())))).toEqual(answer);
    }
    await client.close();
    expect(await running.closedCount(1)).toMatchObject([{ reason: "peer-end" }]);
    expect(running.errors).toEqual([]);
  });

  test("closes the connection all the same where nothing can come after it", async () => {
    await using running = await serveIn(cell, LenientHandler);
    const answer = JSON.parse(String(await talk(running.address, input(BREAKS[3][1], GOOD)))) as unknown;
    expect(answer).toEqual({ code: ErrorCode.tooBig, skippable: false, issues: [] });
    const cut = JSON.parse(String(await talk(running.address, BREAKS[4][1]))) as unknown;
    expect(cut).toEqual({ code: ErrorCode.incompleteRead, skippable: false, issues: [] });
    expect(await running.closedCount(2)).toMatchObject([{ reason: "too-big" }, { reason: "protocol" }]);
    expect(running.errors).toMatchObject([{ code: ErrorCode.tooBig }, { code: ErrorCode.incompleteRead }]);
  });

  test("can be answered before the connection is closed", async () => {
    await using running = await serveIn(cell, FinalWordHandler);
    const output = String(await talk(running.address, input(GOOD, BREAKS[0][1], GOOD)));
    expect(output).toBe(`${HELLO}{"goodbye":"${ErrorCode.protocol}"}\n`);
    expect(await running.closedCount(1)).toMatchObject([{ reason: "protocol" }]);
    expect(running.errors).toMatchObject([{ name: "ProtocolError", code: ErrorCode.protocol }]);
  });

  test("does not hide a bug of handleProtocolError()", async () => {
    await using running = await serveIn(cell, BrokenRescueHandler);
    expect(String(await talk(running.address, input(GOOD, BREAKS[0][1])))).toBe(HELLO);
    expect(await running.closedCount(1)).toMatchObject([{ reason: "handler-error" }]);
    expect(running.errors).toMatchObject([{ name: "RangeError", message: "the rescue failed" }]);
  });

  test("is none if the handler has a bug, or its answer cannot be told", async () => {
    await using running = await serveIn(cell, BuggyHandler);
    for (const name of ["bug", "untellable", "nothing"]) {
      expect(String(await talk(running.address, `${GOOD}{"name":"${name}"}\n${GOOD}`)), name).toBe(HELLO);
    }
    const closed = await running.closedCount(3);
    expect(closed.map(({ reason }) => reason)).toEqual(["handler-error", "handler-error", "handler-error"]);
    expect(running.errors).toMatchObject([
      { name: "RangeError", message: "has a bug" },
      { name: "TypeError", code: ErrorCode.invalidMessage },
      { name: "TypeError", code: ErrorCode.invalidMessage },
    ]);
  });
});

describe.each(CONCURRENT_SERVERS)("a protocol error on $name, among others", (cell) => {
  test("does no harm to other connections", async () => {
    await using running: RunningServer = await serveIn(cell, StrictHandler);
    await using bystander = await dial(running.address);
    await bystander.sendAll(`${GOOD}{"name":`);
    expect(String(await bystander.recv())).toBe(HELLO);
    for (const [, broken] of BREAKS) await talk(running.address, input(broken));
    await running.closedCount(BREAKS.length);
    await bystander.sendAll('"Ada"}\n');
    expect(String(await bystander.recv())).toBe(HELLO);
    await bystander.close();
    expect((await running.closedCount(BREAKS.length + 1)).at(-1)).toMatchObject({ reason: "peer-end" });
  });
});

describe("a protocol error", () => {
  const TABLE: readonly (readonly [string, Codec<unknown>, string | Buffer, ErrorCode, string])[] = [
    ["a line that is too long", lines({ maxLength: 3 }).text(), "long\n", ErrorCode.tooBig, "too-big"],
    ["a line without an end", lines().text(), "lin", ErrorCode.incompleteRead, "protocol"],
    ["a line that is no UTF-8", lines().text(), Buffer.from([0xc3, 0x0a]), ErrorCode.protocol, "protocol"],
    ["a line that is no ASCII", lines().text({ encoding: "ascii" }), "é\n", ErrorCode.protocol, "protocol"],
    ["a delimiter that never comes", delimited("||").text(), "a|b", ErrorCode.incompleteRead, "protocol"],
    ["a missing zero byte", nulTerminated().text(), "a", ErrorCode.incompleteRead, "protocol"],
    ["no JSON", lines().json(), "{]\n", ErrorCode.protocol, "protocol"],
    ["JSON that does not fit", lines().json(GREETING), "{}\n", ErrorCode.protocol, "protocol"],
    ["a large prefix", lengthPrefixed({ maxLength: 3 }), "\0\0\0\x04", ErrorCode.tooBig, "too-big"],
    [
      "a prefix less than its own header",
      lengthPrefixed({ lengthAdjustment: -4 }),
      "\0\0\0\x03",
      ErrorCode.protocol,
      "protocol",
    ],
    ["half a prefix", lengthPrefixed(), "\0\0", ErrorCode.incompleteRead, "protocol"],
    ["half a body", lengthPrefixed(), "\0\0\0\x04bod", ErrorCode.incompleteRead, "protocol"],
    [
      "no MessagePack",
      lengthPrefixed().with(messagePack()),
      Buffer.from([0, 0, 0, 1, 0xc1]),
      ErrorCode.protocol,
      "protocol",
    ],
    ["no netstring", netstrings(), "five:hello,", ErrorCode.protocol, "protocol"],
    ["a netstring without its comma", netstrings(), "1:a;", ErrorCode.protocol, "protocol"],
    ["half a netstring", netstrings(), "5:hel", ErrorCode.incompleteRead, "protocol"],
    ["a large varint", varintPrefixed({ maxLength: 3 }), "\x04", ErrorCode.tooBig, "too-big"],
    ["half a body behind a varint", varintPrefixed(), "\x04bod", ErrorCode.incompleteRead, "protocol"],
    ["half a message of fixed size", fixedSize(4), "hal", ErrorCode.incompleteRead, "protocol"],
    ["a stream that is too long", wholeStream({ maxLength: 3 }), "long", ErrorCode.tooBig, "too-big"],
    ["half a character", unframedText(), Buffer.from([0xc3]), ErrorCode.incompleteRead, "protocol"],
  ];

  test.each(TABLE)("is told of %s", async (_what, codec, broken, code, reason) => {
    class AnyHandler extends MessageRequestHandler(codec) {
      override handleMessage(): void {}
    }
    const { error, closeReason, output } = await runHandler(AnyHandler, broken);
    expect(error).toBeInstanceOf(ProtocolError);
    expect(error).toMatchObject({ name: "ProtocolError", code });
    expect(closeReason).toBe(reason);
    expect(output).toHaveLength(0);
  });

  test("is told to handleProtocolError() once for each, whoever receives", async () => {
    const codes: string[] = [];
    class PairHandler extends MessageRequestHandler(lines().json()) {
      override async handleMessage(first: unknown): Promise<unknown> {
        return [first, await this.receive()];
      }

      override handleProtocolError({ code }: ProtocolError): void {
        codes.push(code);
      }
    }
    const { output, error } = await runHandler(PairHandler, "?\n1\n?\n?\n2\n3\n4\n?\n");
    expect(error).toBeUndefined();
    expect(output.toString()).toBe("[1,2]\n[3,4]\n");
    expect(codes).toEqual(Array.from({ length: 4 }, () => ErrorCode.protocol));
  });

  test("may be passed over without a word", async () => {
    const { output, error, closeReason } = await runHandler(SilentHandler, `?\n${GOOD}?\n?\n${GOOD}?\n`);
    expect({ error, closeReason }).toEqual({ error: undefined, closeReason: "peer-end" });
    expect(output.toString()).toBe(HELLO + HELLO);
  });

  test("is passed over before it is handled, so that what follows can be received meanwhile", async () => {
    class ResumingHandler extends MessageRequestHandler(lines().json()) {
      override handleMessage(message: unknown): unknown {
        return message;
      }

      override async handleProtocolError({ code }: ProtocolError): Promise<void> {
        await this.send([code, await this.receive()]);
      }
    }
    const { output, error } = await runHandler(ResumingHandler, "1\n?\n2\n3\n");
    expect(error).toBeUndefined();
    expect(output.toString()).toBe(`1\n["${ErrorCode.protocol}",2]\n3\n`);
  });

  test("closes the connection although it is handled if its format says that nothing can come after it", async () => {
    const codes: string[] = [];
    const dialect: Format<string> = {
      encode: (message) => Buffer.from(message),
      decode(bytes) {
        if (bytes.length > 0) return bytes.toString();
        throw new ProtocolError(ErrorCode.protocol, "Cannot decode message: it is empty");
      },
    };
    for (const atOnce of [1, 3]) {
      class TolerantHandler extends MessageRequestHandler(lines().with(dialect)) {
        override maxConcurrentMessages = atOnce;

        override handleMessage(message: string): string {
          return message;
        }

        override handleProtocolError({ code }: ProtocolError): void {
          codes.push(code);
        }
      }
      const { output, error, closeReason } = await runHandler(TolerantHandler, "one\n\ntwo\n");
      expect(output.toString()).toBe("one\n");
      expect(error).toMatchObject({ name: "ProtocolError", skippable: false });
      expect(closeReason).toBe("protocol");
    }
    expect(codes).toEqual([ErrorCode.protocol, ErrorCode.protocol]);
  });

  test("is waited for by nobody who has been answered already", async () => {
    const far = new FarEnd();
    const gate = Promise.withResolvers<void>();
    class ThinkingHandler extends StrictHandler {
      override async handleProtocolError(error: ProtocolError): Promise<void> {
        await gate.promise;
        throw error;
      }
    }
    const failed = expect(handle(ThinkingHandler, far)).rejects.toBeInstanceOf(ProtocolError);
    await far.say(`${GOOD}?\n`);
    expect(far.received).toBe(HELLO);
    gate.resolve();
    await failed;
  });

  test("of another stream is a failure of the handler, whose peer did nothing wrong", async () => {
    class ForwardingHandler extends MessageRequestHandler(lines().text()) {
      readonly #backend = lines().json().decoder();

      override handleMessage(line: string): string {
        this.#backend.push(Buffer.from(`${line}\n`));
        return JSON.stringify(this.#backend.read());
      }
    }
    const { error, closeReason } = await runHandler(ForwardingHandler, "oops\n");
    expect(error).toBeInstanceOf(ProtocolError);
    expect(closeReason).toBe("handler-error");
  });

  test("says nothing of what the peer sent", async () => {
    for (const codec of [lines().json(), lines().json(GREETING), lines({ maxLength: 5 }).text()] as Codec<unknown>[]) {
      class AnyHandler extends MessageRequestHandler(codec) {}
      const { error } = await runHandler(AnyHandler, '"secret" oops\n');
      expect(error).toBeInstanceOf(ProtocolError);
      expect((error as ProtocolError).message).not.toContain("secret");
    }
  });
});
