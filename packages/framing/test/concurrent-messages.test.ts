import { ErrorCode, type Connection } from "@socketserver/core";
import { MessageRequestHandler, lines, type ProtocolError } from "@socketserver/framing";
import { dial, leakCheck, runHandler, talk } from "@socketserver/testing";
import { setImmediate as nextTurn } from "node:timers/promises";
import { beforeEach, describe, expect, test } from "vitest";

import { soon } from "../../core/test/support/soon.ts";
import { StalledDuplex } from "../../core/test/support/stalled-duplex.ts";
import {
  ApologizingHandler,
  HoldingHandler,
  ImpatientHoldingHandler,
  OutOfOrderHandler,
  TurnsHandler,
} from "./fixtures/concurrent-handlers.ts";
import { FarEnd, handle } from "./support/far-end.ts";
import { CONNECTION_SERVERS, serveIn } from "./support/message-servers.ts";

beforeEach(() => leakCheck());

const LINES = lines().text();

async function rest(connection: Connection): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of connection) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

describe.each(CONNECTION_SERVERS)("maxConcurrentMessages on $name", (cell) => {
  test("is reached and never passed, and replies are in order", async () => {
    await using running = await serveIn(cell, TurnsHandler);
    const numbers = [9, 1, 5, 0, 12, 3, 3, 7, 0, 1];
    const output = String(await soon(talk(running.address, numbers.map((number) => `${number}\n`).join(""))));
    const answers = output.trimEnd().split("\n");
    expect(answers.map((answer) => Number.parseInt(answer, 10))).toEqual(numbers);
    expect(answers.at(-1)).toBe("1 of 3");
    expect(await running.closedCount(1)).toMatchObject([{ reason: "peer-end" }]);
    expect(running.errors).toEqual([]);
  });

  test.each([
    ["in order", HoldingHandler, "hold\none\nrelease\ntwo\n"],
    ["as they complete", OutOfOrderHandler, /^one\n(release\nhold|hold\nrelease)\ntwo\n$/],
  ])("sends replies %s", async (_how, handler, expected) => {
    await using running = await serveIn(cell, handler);
    await using client = await dial(running.address);
    await client.sendAll("hold\none\nrelease\n");
    const first = await client.recvExactly("hold\none\nrelease\n".length);
    await client.sendAll("two\n");
    const second = await client.recvExactly(4);
    if (typeof expected === "string") expect(`${first.toString()}${second.toString()}`).toBe(expected);
    else expect(`${first.toString()}${second.toString()}`).toMatch(expected);
    client.shutdown("write");
    expect(await rest(client)).toMatch(/^settled: /);
  });

  test("does not take a client for idle that waits for an answer, but one that has them all", async () => {
    await using running = await serveIn(cell, ImpatientHoldingHandler);
    await using client = await dial(running.address);
    await client.sendAll("hold\n");
    // Longer than the handler waits for a client that is idle.
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(running.closedRequests).toEqual([]);
    await client.sendAll("release\n");
    expect(await soon(rest(client))).toMatch(/^hold\nrelease\nsettled: (hold release|release hold)\n$/);
    expect(await running.closedCount(1)).toMatchObject([{ reason: "idle" }]);
    expect(running.errors).toEqual([]);
  });

  test("ends the connection at the first failure, when the others have settled, with the replies before it", async () => {
    await using running = await serveIn(cell, HoldingHandler);
    const output = String(await soon(talk(running.address, "slow\nfail\nlater\nnever\nnever\n")));
    expect(output).toMatch(/^slow\nsettled: fail( later)? slow\n$/);
    expect(await running.closedCount(1)).toMatchObject([{ reason: "handler-error" }]);
    expect(running.errors).toMatchObject([{ name: "RangeError", message: "has failed" }]);
  });

  test("loses no reply to a failure if they have no order", async () => {
    await using running = await serveIn(cell, OutOfOrderHandler);
    const output = String(await soon(talk(running.address, "slow\nfail\nlater\nnever\n")));
    expect(output).toMatch(/^(later\n)?slow\nsettled: fail( later)? slow\n$/);
    expect(await running.closedCount(1)).toMatchObject([{ reason: "handler-error" }]);
    expect(running.errors).toMatchObject([{ name: "RangeError", message: "has failed" }]);
  });

  test("is waited for when the server drains", async () => {
    await using running = await serveIn(cell, HoldingHandler);
    await using client = await dial(running.address);
    await client.sendAll("one\n");
    expect(String(await client.recv())).toBe("one\n");
    await client.sendAll("drain\ntwo\n");
    while (running.requests.length === 0) await new Promise((resolve) => running.server.once("request", resolve));
    const closing = running.close();
    expect(await soon(rest(client))).toMatch(/^drain\ntwo\nsettled: one (drain two|two drain)\n$/);
    await client.close();
    expect(await closing).toMatchObject({ open: 1, finished: 1, cut: [] });
    expect(running.closedRequests).toMatchObject([{ reason: "done" }]);
    expect(running.errors).toEqual([]);
  });

  test("does not keep the server from draining a connection between messages", async () => {
    await using running = await serveIn(cell, OutOfOrderHandler);
    await using client = await dial(running.address);
    await client.sendAll("one\n");
    expect(String(await client.recv())).toBe("one\n");
    const closing = running.close();
    expect(await soon(rest(client))).toBe("settled: one\n");
    await client.close();
    expect(await closing).toMatchObject({ open: 1, finished: 1, cut: [] });
  });
});

describe("maxConcurrentMessages", () => {
  test.each([
    [0, "RangeError", "0"],
    [-1, "RangeError", "-1"],
    [1.5, "RangeError", "1.5"],
    [Number.NaN, "RangeError", "NaN"],
    [Infinity, "RangeError", "Infinity"],
    ["4", "TypeError", '"4"'],
    [undefined, "TypeError", "undefined"],
    [null, "TypeError", "null"],
  ])("must be an integer: %j is refused before a message is handled", async (value, name, shown) => {
    class OddHandler extends MessageRequestHandler(LINES) {
      override maxConcurrentMessages = value as number;

      override handleMessage(): string {
        return "never";
      }
    }
    const { error, output } = await runHandler(OddHandler, "anything\n");
    expect(output).toHaveLength(0);
    expect(error).toMatchObject({
      name,
      code: ErrorCode.invalidOption,
      message: `Cannot create OddHandler: maxConcurrentMessages must be an integer >= 1, received ${shown}`,
    });
  });

  test("leaves the messages that it has no room for unread", async () => {
    const started: string[] = [];
    class NeverHandler extends MessageRequestHandler(LINES) {
      override maxConcurrentMessages = 2;

      override async handleMessage(line: string): Promise<void> {
        started.push(line);
        await new Promise((resolve) => this.signal.addEventListener("abort", resolve));
      }
    }
    const far = new FarEnd();
    const handling = handle(NeverHandler, far).catch((error: unknown) => error);
    await far.say("a\nb\nc\n", "d\n");
    expect(started).toEqual(["a", "b"]);
    far.destroy();
    await handling;
  });

  test("sends the replies to one chunk in one write, in order", async () => {
    class QuickHandler extends MessageRequestHandler(LINES) {
      override maxConcurrentMessages = 8;

      override async handleMessage(line: string): Promise<string> {
        return line;
      }
    }
    const far = new FarEnd();
    const handling = handle(QuickHandler, far);
    const pipelined = Array.from({ length: 100 }, (_, index) => `${index}\n`).join("");
    await far.say(pipelined, "next\n");
    far.hangUp();
    await handling;
    expect(far.writes.map(String)).toEqual([pipelined, "next\n"]);
  });

  test("waits for a client that does not read", async () => {
    let handled = 0;
    class LongHandler extends MessageRequestHandler(LINES) {
      override maxConcurrentMessages = 4;

      override async handleMessage(line: string): Promise<string> {
        handled += 1;
        return line.repeat(20_000);
      }
    }
    const stream = new StalledDuplex();
    const handling = handle(LongHandler, stream, { highWaterMark: 30_000 });
    stream.push("x\n".repeat(100));
    stream.push(null);
    for (let turn = 0; turn < 20; turn++) await nextTurn();
    // Those that fit below the mark, and those that wait.
    expect(handled).toBeLessThanOrEqual(2 + 4);
    for (let turn = 0; turn < 10_000 && !stream.finished; turn++) {
      stream.takeAll();
      await nextTurn();
    }
    await handling;
    expect(handled).toBe(100);
    expect(Buffer.concat(stream.taken)).toHaveLength(100 * 20_001);
  });

  test("fails with the first failure in the order of messages, and none is left unhandled", async () => {
    const unhandled: unknown[] = [];
    const onUnhandled = (error: unknown): void => void unhandled.push(error);
    process.on("unhandledRejection", onUnhandled);
    class FailingHandler extends MessageRequestHandler(LINES) {
      override maxConcurrentMessages = 4;

      override async handleMessage(line: string): Promise<void> {
        for (let turn = Number(line); turn > 0; turn--) await nextTurn();
        throw new RangeError(`failed after ${line}`);
      }
    }
    const { error, closeReason } = await runHandler(FailingHandler, "9\n2\n5\n7\n3\n");
    await nextTurn();
    process.off("unhandledRejection", onUnhandled);
    expect(error).toMatchObject({ message: "failed after 9" });
    expect(closeReason).toBe("handler-error");
    expect(unhandled).toEqual([]);
  });

  test("ends the connection with an answer that the codec cannot tell", async () => {
    class WrongHandler extends MessageRequestHandler(LINES) {
      override maxConcurrentMessages = 2;

      override handleMessage(line: string): string {
        return line === "wrong" ? "two\nlines" : line;
      }
    }
    const { error, output, closeReason } = await runHandler(WrongHandler, "right\nwrong\nright\n");
    expect(output.toString()).toBe("right\n");
    expect(error).toMatchObject({ name: "TypeError", code: ErrorCode.invalidMessage });
    expect(closeReason).toBe("handler-error");
  });

  test("tells of nothing that comes after a failure", async () => {
    const told: string[] = [];
    class CuriousHandler extends HoldingHandler {
      override maxConcurrentMessages = 2;

      override handleProtocolError({ code }: ProtocolError): void {
        told.push(code);
      }
    }
    const far = new FarEnd();
    const failed = expect(handle(CuriousHandler, far)).rejects.toMatchObject({ message: "has failed" });
    await far.say("slow\nfail\n", "x".repeat(2_000));
    await failed;
    expect(told).toEqual([]);
  });

  test("answers what came before a protocol error, and closes the connection then", async () => {
    const far = new FarEnd();
    const failed = expect(handle(HoldingHandler, far)).rejects.toMatchObject({ code: ErrorCode.tooBig });
    await far.say("slow\n", "x".repeat(2_000));
    await failed;
    expect(far.received).toBe("slow\nsettled: slow\n");
  });

  test("keeps the answer to a protocol error in order with the replies", async () => {
    const far = new FarEnd();
    const handling = handle(ApologizingHandler, far).catch((error: unknown) => error);
    await far.say("slow\n", `${"x".repeat(2_000)}\n`);
    await handling;
    expect(far.received).toBe(`slow\n${ErrorCode.tooBig}\nsettled: slow\n`);
  });
});
