/**
 * The clients and Python's own `socketserver`, which is killed and started again.
 *
 * @module
 */
import { Channel, ReconnectingChannel, RequestError, connect } from "@socketserver/client";
import { StreamReader, type Address } from "@socketserver/core";
import { lengthPrefixed, lines, protocol } from "@socketserver/framing";
import { leakCheck } from "@socketserver/testing";
import { unlink } from "node:fs/promises";
import { buffer } from "node:stream/consumers";
import { beforeEach, describe, expect, test } from "vitest";

import { needs } from "../../core/test/support/peers.ts";
import { temporaryPath } from "../../core/test/support/temporary-path.ts";
import { schemaOf } from "../../framing/test/support/schema-of.ts";
import { PythonServer, type PythonDialect } from "./support/python-server.ts";

beforeEach(() => leakCheck());
beforeEach(needs("python3"));

const LINES = lines().text();

interface Question {
  readonly id?: number;
  readonly text?: string;
  /** Whether all that was asked is answered now, the last one first. */
  readonly last?: boolean;
  /** How many events are wanted. */
  readonly events?: number;
}

interface Answer {
  readonly id?: number;
  readonly text?: string;
  readonly event?: number;
}

const PACKED = protocol({
  requests: lengthPrefixed().json(schemaOf((value) => ({ value: value as Question }))),
  replies: lengthPrefixed().json(schemaOf((value) => ({ value: value as Answer }))),
}).client;

/** Python's bytes.upper() knows ASCII alone. */
const upper = (line: string): string => line.replaceAll(/[a-z]/g, (letter) => letter.toUpperCase());

const PLACES = [
  { name: "ThreadingTCPServer", address: (): Address => ({ host: "127.0.0.1", port: 0 }) },
  { name: "UnixStreamServer", address: async (): Promise<Address> => ({ path: await temporaryPath() }) },
] as const;

describe.each(PLACES)("Python's $name", ({ address }) => {
  const start = async (dialect: PythonDialect): Promise<PythonServer> => PythonServer.start(dialect, await address());

  test("talks with connect()", async () => {
    await using server = await start("lines");
    await using connection = await connect(server.address);
    await connection.sendAll("one\ntwo\n");
    expect((await new StreamReader(connection.inbound).readLine()).toString()).toBe("ONE\n");
    connection.shutdown("write");
    expect((await buffer(connection)).toString()).toBe("TWO\n");
    expect(await connection.closed).toBe("peer-end");
  });

  test("answers a channel's lines in their order, however many wait", async () => {
    await using server = await start("lines");
    await using channel = await Channel.connect(server.address, LINES);
    const said = Array.from({ length: 1_000 }, (_, index) => `line ${index} grüße`);
    const all = ["", ...said, "x".repeat(60_000), "last"];
    expect(await Promise.all(all.map((line) => channel.request(line)))).toEqual(all.map(upper));
    expect(channel.open).toBe(true);
  });

  test("answers packed JSON, by its id, in whatever order", async () => {
    await using server = await start("packed");
    await using channel = await Channel.connect(server.address, PACKED, { correlateBy: "id" });
    const ids = Array.from({ length: 100 }, (_, index) => index);
    const answers = ids.map((id) => channel.request({ id, text: `text ${id}`, last: id === 99 }));
    // Events between them are no replies.
    await channel.send({ events: 3 });
    const settled: number[] = [];
    for (const [id, answer] of answers.entries()) void answer.then(() => settled.push(id));
    expect(await Promise.all(answers)).toEqual(ids.map((id) => ({ id, text: `TEXT ${id}` })));
    expect(settled).toEqual(ids.toReversed());
    for (const event of [0, 1, 2]) expect(await channel.receive()).toEqual({ event });
  });

  test("pushes more than an inbox can take, and waits for whoever reads", async () => {
    await using server = await start("packed");
    await using channel = await Channel.connect(server.address, PACKED, { correlateBy: "id", inboxSize: 2 });
    await channel.send({ events: 5_000 });
    let next = 0;
    for await (const { event } of channel) {
      expect(event).toBe(next++);
      if (next === 5_000) break;
    }
    expect(await channel.request({ id: 1, text: "still here", last: true })).toEqual({ id: 1, text: "STILL HERE" });
  });

  test("ends a connection instead of answering", async () => {
    await using server = await start("lines");
    await using channel = await Channel.connect(server.address, LINES);
    expect(await channel.request("one")).toBe("ONE");
    const [left, late] = await Promise.allSettled(["leave", "late"].map((line) => channel.request(line)));
    // If Python had not read the second one as yet, it answers that with a reset.
    const code = expect.stringMatching(/^(ERR_SOCKETSERVER_INCOMPLETE_READ|ECONNRESET)$/) as string;
    const lost = { status: "rejected", reason: { name: "RequestError", code, sent: true } };
    expect([left, late]).toMatchObject([lost, lost]);
    await channel.closed;
    await expect(channel.request("more")).rejects.toMatchObject({ name: "RequestError", sent: false });
  });

  test("answers with half a line", async () => {
    await using server = await start("lines");
    await using channel = await Channel.connect(server.address, LINES);
    await expect(channel.request("part")).rejects.toMatchObject({
      name: "RequestError",
      code: "ERR_SOCKETSERVER_INCOMPLETE_READ",
      sent: true,
      cause: expect.objectContaining({ name: "ProtocolError", partial: Buffer.from("PAR") }) as unknown,
    });
    expect(await channel.closed).toBe("protocol");
  });

  test("is killed during a request", async () => {
    await using server = await start("lines");
    await using channel = await Channel.connect(server.address, LINES);
    const request = channel.request("hang");
    request.catch(() => undefined);
    await server.heard("hang");
    await server.kill();
    await expect(request).rejects.toMatchObject({
      name: "RequestError",
      code: "ERR_SOCKETSERVER_INCOMPLETE_READ",
      sent: true,
    });
    expect(channel.open).toBe(false);
    expect(await channel.closed).toBe("peer-end");
  });

  test("hangs, for longer than a request waits", async () => {
    await using server = await start("lines");
    await using channel = await Channel.connect(server.address, LINES, { requestTimeoutMs: 20 });
    const error: unknown = await channel.request("hang").catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(RequestError);
    expect(error).toMatchObject({ code: "ERR_SOCKETSERVER_REQUEST_TIMEOUT", sent: true });
    expect(channel.open).toBe(true);
  });
});

describe("Python's ThreadingTCPServer", () => {
  test("resets a connection during a request", async () => {
    await using server = await PythonServer.start("lines");
    await using channel = await Channel.connect(server.address, LINES);
    await expect(channel.request("reset")).rejects.toMatchObject({
      name: "RequestError",
      code: "ECONNRESET",
      cause: { code: "ECONNRESET" },
      sent: true,
    });
    expect(await channel.closed).toBe("peer-reset");
  });
});

/** Where a server is started again. */
async function startAgain({ address }: PythonServer): Promise<PythonServer> {
  if ("path" in address) await unlink(address.path);
  return PythonServer.start("lines", address);
}

const SOON = { backoff: { minDelayMs: 5, maxDelayMs: 50 } };

describe.each(PLACES)("ReconnectingChannel, with Python's $name", ({ address }) => {
  test("goes on with the next server when the first one was killed", async () => {
    await using first = await PythonServer.start("lines", await address());
    await using channel = new ReconnectingChannel(first.address, LINES, SOON);
    expect(await channel.request("one")).toBe("ONE");
    const lost = new Promise((resolve) => channel.once("disconnected", resolve));
    await first.kill();
    await lost;
    const waiting = ["two", "three"].map((line) => channel.request(line));
    await using second = await startAgain(first);
    expect(await Promise.all(waiting)).toEqual(["TWO", "THREE"]);
    expect(await second.kill()).toEqual(["two", "three"]);
  });

  test("rejects what the killed server was asked, and asks the next one what is idempotent", async () => {
    await using first = await PythonServer.start("lines", await address());
    await using channel = new ReconnectingChannel(first.address, LINES, SOON);
    const hanging = channel.request("hang");
    const rejected = expect(hanging).rejects.toMatchObject({ name: "RequestError", sent: true });
    const again = channel.request("again", { idempotent: true });
    const once = expect(channel.request("once")).rejects.toMatchObject({ name: "RequestError", sent: true });
    await first.heard("hang");
    await first.kill();
    await Promise.all([rejected, once]);
    await using second = await startAgain(first);
    expect(await again).toBe("AGAIN");
    expect(await second.kill()).toEqual(["again"]);
  });
});

describe("ReconnectingChannel, with a server of Python that is killed again and again", () => {
  const [rounds, before, pipelined, behind] = [4, 100, 128, 150];

  test("settles each request once, and nobody is asked twice", async () => {
    await using servers = new AsyncDisposableStack();
    let server = servers.use(await PythonServer.start("lines"));
    const options = { ...SOON, stableMs: 0, maxPipelinedRequests: pipelined };
    await using channel = new ReconnectingChannel(server.address, LINES, options);
    const asked: string[] = [];
    const answered: string[] = [];
    const lost: unknown[] = [];
    const ask = async (line: string): Promise<void> => {
      await channel.request(line).then(
        (answer) => void answered.push(answer),
        (error: unknown) => void lost.push(error),
      );
    };
    const asking: Promise<void>[] = [];
    for (let round = 0; round < rounds; round++) {
      const said = (count: number, what: string): string[] =>
        Array.from({ length: count }, (_, index) => `${what} ${index} of round ${round}`);
      // As many as may be sent behind the one that hangs are lost with it; those behind them wait for the next server.
      const all = [...said(before, "answered"), "hang", ...said(pipelined - 1, "lost"), ...said(behind, "waiting")];
      const made = all.map(ask);
      asking.push(...made);
      await Promise.all([server.heard("hang"), ...made.slice(0, before)]);
      asked.push(...(await server.kill()));
      server = servers.use(await startAgain(server));
    }
    await Promise.all(asking);
    asked.push(...(await server.kill()));
    expect(lost).toHaveLength(rounds * pipelined);
    for (const error of lost) expect(error).toMatchObject({ name: "RequestError", sent: true });
    expect(answered).toHaveLength(rounds * (before + behind));
    // Python reads what comes behind "hang" without a word.
    expect(asked.filter((line) => line !== "hang").map(upper)).toEqual(answered);
  });
});
