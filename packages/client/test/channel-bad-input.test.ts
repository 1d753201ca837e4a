/**
 * What a channel refuses, before anything is done with it: the message shows the value.
 *
 * @module
 */
import { Channel } from "@socketserver/client";
import { Connection } from "@socketserver/core";
import { lines } from "@socketserver/framing";
import { leakCheck } from "@socketserver/testing";
import { duplexPair } from "node:stream";
import { beforeEach, describe, expect, test } from "vitest";

import { expectComplaint } from "../../core/test/support/complaint.ts";
import { ScriptedServer } from "./support/scripted-server.ts";

const TEXT = lines().text();

const INVALID_OPTION = "ERR_SOCKETSERVER_INVALID_OPTION";
const INVALID_ARGUMENT = "ERR_SOCKETSERVER_INVALID_ARGUMENT";

type Class = typeof TypeError | typeof RangeError;

type Case = readonly [name: string, value: unknown, type: Class, shown: string];

/** Values that are no number of this kind. */
const notNumbers = (name: string, min: number): Case[] => [
  [name, min - 1, RangeError, `${min - 1}`],
  [name, 1.5, RangeError, "1.5"],
  [name, NaN, RangeError, "NaN"],
  [name, -Infinity, RangeError, "-Infinity"],
  [name, "10", TypeError, '"10"'],
  [name, null, TypeError, "null"],
  [name, true, TypeError, "true"],
  [name, {}, TypeError, "{}"],
];

const OPTIONS: readonly Case[] = [
  ...notNumbers("requestTimeoutMs", 0),
  ["requestTimeoutMs", 2 ** 31, RangeError, "2147483648"],
  ...notNumbers("maxPipelinedRequests", 1),
  ...notNumbers("requestQueueSize", 0),
  ...notNumbers("inboxSize", 1),
  ["correlateBy", "", TypeError, '""'],
  ["correlateBy", null, TypeError, "null"],
  ["correlateBy", 7, TypeError, "7"],
  ["correlateBy", ["id"], TypeError, '["id"]'],
  ["correlateBy", {}, TypeError, "{}"],
  ["correlateBy", { request: "id" }, TypeError, '{"request":"id"}'],
  ["correlateBy", { request: "id", reply: "" }, TypeError, '{"request":"id","reply":""}'],
  ["correlateBy", { request: "id", reply: "to", both: "id" }, TypeError, '"both":"id"'],
];

const ACCEPTED: readonly object[] = [
  {},
  { requestTimeoutMs: 0, maxPipelinedRequests: 1, requestQueueSize: 0, inboxSize: 1 },
  { requestTimeoutMs: Infinity, maxPipelinedRequests: Infinity, requestQueueSize: Infinity, inboxSize: Infinity },
  { requestTimeoutMs: undefined, correlateBy: undefined },
  { correlateBy: "id" },
  { correlateBy: { request: "id", reply: "to" } },
];

const connections: Connection[] = [];

function inMemory(): Connection {
  const connection = new Connection(duplexPair()[0]);
  connections.push(connection);
  return connection;
}

function make(options: unknown, codec: unknown = TEXT): Channel<string> {
  return new Channel(inMemory(), codec as typeof TEXT, options as object);
}

/** What a promise rejects with, thrown. */
async function thrownBy(work: Promise<unknown>): Promise<() => never> {
  const error: unknown = await work.then(
    () => new Error("Cannot go on: it was accepted"),
    (caught: unknown) => caught,
  );
  return () => {
    throw error;
  };
}

beforeEach(() => () => {
  for (const connection of connections.splice(0)) connection.abort();
});

describe("An option of a channel", () => {
  test.each(OPTIONS)("%s is refused if it is %o", (name, value, type, shown) => {
    expectComplaint(() => make({ [name]: value }), { type, code: INVALID_OPTION, says: [name, `received`, shown] });
  });

  test.each(ACCEPTED)("is accepted: %o", (options) => {
    expect(make(Object.freeze(options)).open).toBe(true);
  });

  test("that does not exist is refused, with those that do", () => {
    const says = ['"inbox"', "inboxSize", "correlateBy"];
    expectComplaint(() => make({ inbox: 1 }), { type: TypeError, code: INVALID_OPTION, says });
    expectComplaint(() => make({ timeout: 1 }), { type: TypeError, code: INVALID_OPTION, says: ["TimeoutMs"] });
    // How to connect is no business of a connection that is there.
    expectComplaint(() => make({ noDelay: true }), { type: TypeError, code: INVALID_OPTION, says: ['"noDelay"'] });
  });

  test.each([null, "text", [], 7])("is none if the options are %o", (options) => {
    const says = ["must be an object", JSON.stringify(options)];
    expectComplaint(() => make(options), { type: TypeError, code: INVALID_OPTION, says });
  });
});

describe("new Channel()", () => {
  test.each<readonly [value: unknown, shown: string]>([
    [undefined, "undefined"],
    [{}, "{}"],
    ["127.0.0.1", '"127.0.0.1"'],
  ])("refuses %o for a connection", (connection, shown) => {
    const says = ["must be a Connection", shown];
    const work = (): unknown => new Channel(connection as Connection, TEXT);
    expectComplaint(work, { type: TypeError, code: INVALID_ARGUMENT, says });
  });

  test.each<readonly [value: unknown, shown: string]>([
    [undefined, "undefined"],
    [null, "null"],
    [{ encode: () => Buffer.alloc(0) }, "{}"],
    [lines, "lines()"],
  ])("refuses %o for a codec", (codec, shown) => {
    const work = (): unknown => new Channel(inMemory(), codec as typeof TEXT);
    expectComplaint(work, { type: TypeError, code: INVALID_ARGUMENT, says: [shown] });
  });
});

describe("Channel.connect()", () => {
  beforeEach(() => leakCheck());

  const refused: readonly (readonly [what: string, settings: unknown, says: readonly string[]])[] = [
    ["an option of the channel", { inboxSize: 0 }, ["inboxSize", "0"]],
    ["an option of the connection", { connectTimeoutMs: -1 }, ["connectTimeoutMs", "-1"]],
    ["an option that does not exist", { inbox: 1 }, ['"inbox"', "inboxSize", "noDelay"]],
    ["null for options", null, ["must be an object", "null"]],
    ["a number for options", 7, ["must be an object", "7"]],
    ["a string for options", "text", ["must be an object", '"text"']],
  ];

  test.each(refused)("refuses %s before it connects", async (_what, settings, says) => {
    await using server = await ScriptedServer.start(() => {});
    const connecting = Channel.connect(server.address, TEXT, settings as object);
    const type = settings !== null && typeof settings === "object" && !("inbox" in settings) ? RangeError : TypeError;
    expectComplaint(await thrownBy(connecting), { type, code: INVALID_OPTION, says });
    expect(server.guests).toEqual([]);
  });

  test("refuses what is no codec before it connects", async () => {
    await using server = await ScriptedServer.start(() => {});
    const connecting = Channel.connect(server.address, {} as typeof TEXT);
    expectComplaint(await thrownBy(connecting), { type: TypeError, code: INVALID_ARGUMENT, says: ["{}"] });
    expect(server.guests).toEqual([]);
  });
});

describe("A call of a channel", () => {
  const CALLS: readonly (readonly [string, (channel: Channel<string>, patience: unknown) => Promise<unknown>])[] = [
    ["request", (channel, patience) => channel.request("?", patience as object)],
    ["send", (channel, patience) => channel.send("!", patience as object)],
    ["receive", (channel, patience) => channel.receive(patience as object)],
  ];

  const PATIENCE: readonly (readonly [patience: unknown, type: Class, says: string])[] = [
    [{ timeoutMs: -1 }, RangeError, "timeoutMs must be an integer from 0 to 2147483647 or Infinity, received -1"],
    [{ timeoutMs: "1" }, TypeError, 'received "1"'],
    [{ timeoutMs: null }, TypeError, "received null"],
    [{ signal: null }, TypeError, "signal must be an AbortSignal, received null"],
    [
      { signal: new AbortController() },
      TypeError,
      "signal must be an AbortSignal, received an instance of AbortController",
    ],
    [null, TypeError, "null"],
  ];

  const cases = CALLS.flatMap(([name, call]) => PATIENCE.map((each) => [name, ...each, call] as const));

  test.each(cases)("%s() refuses to wait like this, and does nothing: %o", async (name, patience, type, says, call) => {
    const channel = make({});
    const thrown = await thrownBy(call(channel, patience));
    expect(thrown).toThrow(type);
    expect(thrown).toThrow(expect.objectContaining({ code: INVALID_ARGUMENT }));
    expect(thrown).toThrow(says);
    expect(thrown).toThrow(new RegExp(`^Cannot ${name}: `));
    expect(channel.connection.bytesWritten).toBe(0);
    expect(channel.open).toBe(true);
  });
});
