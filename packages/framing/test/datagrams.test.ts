import { ErrorCode } from "@socketserver/core";
import { leakCheck, type RunningServer } from "@socketserver/testing";
import { beforeEach, describe, expect, test } from "vitest";

import { soon } from "../../core/test/support/soon.ts";
import {
  BlobPacketHandler,
  ConcurrentPacketHandler,
  ConnectionPacketHandler,
  FailingPacketHandler,
  JsonPacketHandler,
  ShoutPacketHandler,
  SpellingPacketHandler,
  StreamOnlyPacketHandler,
  SwitchingPacketHandler,
} from "./fixtures/packet-handlers.ts";
import { DATAGRAM_SERVERS, serveIn } from "./support/message-servers.ts";
import { decode } from "./support/other-message-pack.ts";
import { PacketClient } from "./support/packet-client.ts";

beforeEach(() => leakCheck());

/** Send each packet when the one before it is answered; the answers. */
async function ask(running: RunningServer, ...packets: readonly (string | Uint8Array)[]): Promise<string[]> {
  await using client = new PacketClient(running.address);
  for (const [index, packet] of packets.entries()) {
    client.send(packet);
    await soon(client.count(index + 1));
  }
  return client.received.map(String);
}

describe.each(DATAGRAM_SERVERS)("MessageRequestHandler on $name", (cell) => {
  test.each([
    ["one message at a time", ShoutPacketHandler],
    ["several at once", ConcurrentPacketHandler],
  ])("is given a datagram as a line, with its ending or without, and answers without: %s", async (_how, handler) => {
    await using running = await serveIn(cell, handler);
    expect(await ask(running, "plain", "lf\n", "crlf\r\n", "", "\n", "é\n")).toEqual([
      "PLAIN",
      "LF",
      "CRLF",
      "",
      "",
      "É",
    ]);
    expect(running.errors).toEqual([]);
    expect(running.closedRequests.every(({ reason }) => reason === "done")).toBe(true);
  });

  test("refuses a datagram that is no message, is more than one, or is too long, and does not answer it", async () => {
    await using running = await serveIn(cell, ShoutPacketHandler);
    await using client = new PacketClient(running.address);
    const wrong = ["one\ntwo", "one\ntwo\n", "\n\n", Buffer.from([0xff]), "x".repeat(101)];
    for (const [index, packet] of wrong.entries()) {
      client.send(packet);
      await soon(running.closedCount(index + 1));
    }
    client.send("fine");
    expect((await soon(client.count(1))).map(String)).toEqual(["FINE"]);
    const { protocol, tooBig } = ErrorCode;
    expect(running.errors).toMatchObject(
      [protocol, protocol, protocol, protocol, tooBig].map((code) => ({ name: "ProtocolError", code })),
    );
    const closed = await running.closedCount(wrong.length + 1);
    expect(closed.map(({ reason }) => reason)).toEqual([
      "protocol",
      "protocol",
      "protocol",
      "protocol",
      "too-big",
      "done",
    ]);
  });

  test("sends each message in a datagram of its own, and receives one only", async () => {
    await using running = await serveIn(cell, SpellingPacketHandler);
    await using client = new PacketClient(running.address);
    client.send("abc\n");
    const received = await soon(client.count(4));
    expect(received.map(String).toSorted()).toEqual(["a", "b", "c", "then undefined"]);
  });

  test("is given any JSON value, null too, and may answer what is none", async () => {
    await using running = await serveIn(cell, JsonPacketHandler);
    const wrong = `{"code":"${ErrorCode.protocol}"}`;
    const said = ['{"a":[1]}', "null", "false\n", "0", "{", "", "1\n2", '"last"'];
    expect(await ask(running, ...said)).toEqual(['{"a":[1]}', "null", "false", "0", wrong, wrong, wrong, '"last"']);
    expect(running.errors).toEqual([]);
    const closed = await running.closedCount(said.length);
    expect(closed.every(({ reason }) => reason === "done")).toBe(true);
  });

  test("leaves a prefix out: the datagram has its own length", async () => {
    await using running = await serveIn(cell, BlobPacketHandler);
    await using client = new PacketClient(running.address);
    expect(await ask(running, "abc", "", "\0\0\0\x01x", "x".repeat(990))).toEqual([
      "3:abc",
      "0:",
      "5:\0\0\0\x01x",
      `990:${"x".repeat(990)}`,
    ]);
    // An answer is here before its worker has told that it left, and another worker may be faster.
    await soon(running.closedCount(4));
    client.send("x".repeat(1_001));
    expect((await soon(running.closedCount(5))).at(-1)).toMatchObject({ reason: "too-big" });
    expect(running.errors).toMatchObject([{ code: ErrorCode.tooBig }]);
  });

  test("takes a datagram for a whole stream if its codec knows nothing of datagrams", async () => {
    await using running = await serveIn(cell, StreamOnlyPacketHandler);
    await using client = new PacketClient(running.address);
    expect(await ask(running, "abc;", ";")).toEqual(["ABC;", ";"]);
    await soon(running.closedCount(2));
    const wrong = ["", "abc", "a;b;", "a;b", ";;", "x".repeat(102)];
    for (const [index, packet] of wrong.entries()) {
      client.send(packet);
      await soon(running.closedCount(index + 3));
    }
    const { protocol, incompleteRead, tooBig } = ErrorCode;
    expect(running.errors).toMatchObject(
      [protocol, incompleteRead, protocol, protocol, protocol, tooBig].map((code) => ({ code })),
    );
    expect(running.closedRequests.slice(2).map(({ reason }) => reason)).toEqual([
      "protocol",
      "protocol",
      "protocol",
      "protocol",
      "protocol",
      "too-big",
    ]);
    expect(client.received).toEqual([]);
  });

  test("has no connection", async () => {
    await using running = await serveIn(cell, ConnectionPacketHandler);
    await using client = new PacketClient(running.address);
    client.send("which\n");
    expect(await soon(running.closedCount(1))).toMatchObject([{ reason: "handler-error" }]);
    expect(running.errors).toMatchObject([
      {
        name: "TypeError",
        code: ErrorCode.invalidHandler,
        message: "Cannot use connection of ConnectionPacketHandler: it handles a datagram",
      },
    ]);
  });

  test("may answer with another codec", async () => {
    await using running = await serveIn(cell, SwitchingPacketHandler);
    await using client = new PacketClient(running.address);
    client.send("hello\n");
    const [answer] = await soon(client.count(1));
    expect(decode(answer as Buffer)).toEqual({ line: "hello" });
  });

  test("tells its own failures from the peer's", async () => {
    await using running = await serveIn(cell, FailingPacketHandler);
    await using client = new PacketClient(running.address);
    client.send("bug");
    await soon(running.closedCount(1));
    client.send("untellable");
    await soon(running.closedCount(2));
    client.send("fine");
    expect((await soon(client.count(1))).map(String)).toEqual(["fine"]);
    expect(running.closedRequests.slice(0, 2)).toMatchObject([
      { reason: "handler-error" },
      { reason: "handler-error" },
    ]);
    expect(running.errors).toMatchObject([
      { name: "RangeError", message: "has a bug" },
      { name: "TypeError", code: ErrorCode.invalidMessage },
    ]);
  });
});
