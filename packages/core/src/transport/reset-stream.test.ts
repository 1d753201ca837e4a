import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { duplexPair } from "node:stream";

import { leakCheck } from "@socketserver/testing";
import { beforeEach, describe, expect, test } from "vitest";

import { socketPair } from "../../test/support/socket-pair.ts";
import { StalledDuplex } from "../../test/support/stalled-duplex.ts";
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

  test("resets a stream that is no socket, but knows a reset", () => {
    const stream = Object.assign(duplexPair()[0], {
      resets: 0,
      resetAndDestroy() {
        stream.resets++;
        stream.destroy();
      },
    });
    resetStream(stream);
    expect([stream.resets, stream.destroyed]).toEqual([1, true]);
  });

  test("closes a stream that knows no reset, with what is pending lost", async () => {
    const stream = new StalledDuplex();
    stream.write("pending");
    const closed = once(stream, "close");
    resetStream(stream);
    await closed;
    expect([stream.destroyed, stream.taken, stream.errored]).toEqual([true, [], null]);
  });

  test("closes a stream whose end is just being sent, and resets one whose bytes still are", async () => {
    const resets: string[] = [];
    const stalled = (name: string): StalledDuplex => {
      const stream = new StalledDuplex();
      return Object.assign(stream, {
        resetAndDestroy() {
          resets.push(name);
          stream.destroy();
        },
      });
    };
    const ending = stalled("ending");
    ending.end();
    resetStream(ending);
    const sending = stalled("sending");
    sending.end("pending");
    resetStream(sending);
    expect([resets, ending.destroyed, sending.destroyed]).toEqual([["sending"], true, true]);
  });

  test("throws what else a reset throws", () => {
    const stream = Object.assign(duplexPair()[0], {
      resetAndDestroy() {
        throw new Error("broken");
      },
    });
    expect(() => resetStream(stream)).toThrow("broken");
    stream.destroy();
  });

  test("does no harm to a socket that is closed", async () => {
    await using pair = await socketPair();
    pair.server.destroy();
    resetStream(pair.server);
    expect(pair.server.destroyed).toBe(true);
  });
});
