/**
 * What a `ReconnectingChannel` is made with.
 *
 * @module
 */
import { ReconnectingChannel } from "@socketserver/client";
import { lines } from "@socketserver/framing";
import { leakCheck } from "@socketserver/testing";
import { beforeEach, describe, expect, test } from "vitest";

import { expectComplaint } from "../../core/test/support/complaint.ts";
import { settled } from "../../core/test/support/settled.ts";
import { echoScript } from "./support/echo-script.ts";
import { EventLog } from "./support/event-log.ts";
import { HASTY } from "./support/hasty.ts";
import { ScriptedServer } from "./support/scripted-server.ts";

beforeEach(() => leakCheck());

describe("new ReconnectingChannel()", () => {
  test("opens nothing, and is idle", async () => {
    await using server = await ScriptedServer.start(echoScript());
    await using channel = new ReconnectingChannel(server.address, lines().text(), HASTY);
    const log = new EventLog(channel);
    expect(await settled(new Promise((resolve) => channel.on("connecting", resolve)))).toBe(false);
    expect(channel.state).toBe("idle");
    expect(log.names).toEqual([]);
    expect(server.guests).toEqual([]);
  });

  const wrongOptions: readonly (readonly [options: object, says: readonly string[]])[] = [
    [{ stableMs: -1 }, ["stableMs", "received -1"]],
    [{ stableMs: 0.5 }, ["stableMs", "received 0.5"]],
    [{ maxAttempts: 0 }, ["maxAttempts", "received 0"]],
    [{ maxResends: -1 }, ["maxResends", "received -1"]],
    [{ backoff: { factor: 0.5 } }, ["backoff.factor must be a number >= 1", "received 0.5"]],
    [{ backoff: { factor: Infinity } }, ["backoff.factor", "received Infinity"]],
    [{ backoff: { factor: Number.NaN } }, ["backoff.factor", "received NaN"]],
    [{ backoff: { jitter: 1.1 } }, ["backoff.jitter must be a number from 0 to 1", "received 1.1"]],
    [{ backoff: { minDelayMs: -1 } }, ["backoff.minDelayMs", "received -1"]],
    [{ backoff: { maxDelayMs: 2 ** 31 } }, ["backoff.maxDelayMs", "received 2147483648"]],
    [{ inboxSize: 0 }, ["inboxSize", "received 0"]],
    [{ connectTimeoutMs: -1 }, ["connectTimeoutMs", "received -1"]],
  ];

  test.each(wrongOptions)("refuses %o with a RangeError that shows the value", (options, says) => {
    const make = (): unknown => new ReconnectingChannel({ port: 1 }, lines().text(), options);
    expectComplaint(make, { type: RangeError, code: "ERR_SOCKETSERVER_INVALID_OPTION", says });
  });

  const wrongTypes: readonly (readonly [options: object, says: readonly string[]])[] = [
    [{ stableMs: "5" }, ["stableMs", "5"]],
    [{ backoff: 100 }, ["backoff", "100"]],
    [{ backoff: { jitter: "much" } }, ["backoff.jitter", "much"]],
    [{ backoff: { delay: 1 } }, ["backoff.delay"]],
    [{ reconnect: true }, ["reconnect"]],
    [{ signal: AbortSignal.timeout(1) }, ["signal"]],
  ];

  test.each(wrongTypes)("refuses %o with a TypeError that names it", (options, says) => {
    const make = (): unknown => new ReconnectingChannel({ port: 1 }, lines().text(), options);
    expectComplaint(make, { type: TypeError, code: "ERR_SOCKETSERVER_INVALID_OPTION", says });
  });

  test("refuses what is no address, and what is no codec", () => {
    const make =
      (target: object, codec: object = lines().text()) =>
      (): unknown =>
        new ReconnectingChannel(target as never, codec as never);
    const code = "ERR_SOCKETSERVER_INVALID_ADDRESS";
    expect(make([])).toThrow(expect.objectContaining({ name: "TypeError", code }));
    expect(make({ port: 0 })).toThrow(expect.objectContaining({ name: "RangeError", code }));
    const says = ["{}"];
    expectComplaint(make({ port: 1 }, {}), { type: TypeError, code: "ERR_SOCKETSERVER_INVALID_ARGUMENT", says });
  });
});
