import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { leakCheck } from "@socketserver/testing";
import { beforeEach, describe, expect, test } from "vitest";

import { socketPair } from "../../test/support/socket-pair.ts";
import { resetStream } from "./reset-stream.ts";

beforeEach(() => leakCheck());

describe("resetStream()", () => {
  test("resets a TCP connection, and its peer sees that", async () => {
    await using pair = await socketPair();
    const failed = once(pair.client, "error");
    resetStream(pair.server);
    expect(pair.server.destroyed).toBe(true);
    expect(await failed).toMatchObject([{ code: "ECONNRESET" }]);
  });

  test("closes a Unix connection, which knows no reset", async () => {
    const directory = await mkdtemp(join(tmpdir(), "socketserver-"));
    await using pair = await socketPair(join(directory, "pair.sock"));
    const ended = once(pair.client.resume(), "end");
    resetStream(pair.server);
    expect(pair.server.destroyed).toBe(true);
    await ended;
    await rm(directory, { recursive: true });
  });

  test("closes a TCP connection whose end is just being sent, which cannot be reset", async () => {
    await using pair = await socketPair();
    const closed = once(pair.server, "close");
    pair.server.end();
    resetStream(pair.server);
    await closed;
  });

  test("does no harm to a socket that is closed", async () => {
    await using pair = await socketPair();
    pair.server.destroy();
    resetStream(pair.server);
    expect(pair.server.destroyed).toBe(true);
  });
});
