import { duplexPair, type Duplex } from "node:stream";
import { setImmediate as nextTurn } from "node:timers/promises";

import { leakCheck } from "@socketserver/testing";
import { beforeEach, describe, expect, test } from "vitest";

import { socketPair } from "../../test/support/socket-pair.ts";
import { temporaryPath } from "../../test/support/temporary-path.ts";
import { afterArrivals } from "./after-arrivals.ts";

beforeEach(() => leakCheck());

describe("afterArrivals()", () => {
  test.each<[string, Duplex | undefined]>([
    ["a stream", duplexPair()[0]],
    ["no stream", undefined],
  ])("calls back once, two turns later, for %s", async (_what, stream) => {
    let calls = 0;
    afterArrivals(stream, () => calls++);
    expect(calls).toBe(0);
    await nextTurn();
    expect(calls).toBe(0);
    await nextTurn();
    expect(calls).toBe(1);
    await nextTurn();
    expect(calls).toBe(1);
  });

  test("calls back after what waited in the kernel for a socket that has just been resumed", async () => {
    // What was written to a Unix socket is there for its peer at once.
    await using pair = await socketPair(await temporaryPath());
    await new Promise((resolve) => pair.client.write("waited", resolve));
    const { promise: called, resolve: call } = Promise.withResolvers<string>();
    let text = "";
    pair.server.on("data", (chunk: Buffer) => (text += chunk.toString()));
    pair.server.resume();
    afterArrivals(pair.server, () => call(text));
    expect(await called).toBe("waited");
  });

  test("leaves it to a stream that knows itself when its bytes have come", async () => {
    const asked: (() => void)[] = [];
    const distant = Object.assign(duplexPair()[0], { afterArrivals: (callback: () => void) => asked.push(callback) });
    let calls = 0;
    afterArrivals(distant, () => calls++);
    for (let turn = 0; turn < 5; turn++) await nextTurn();
    expect([asked.length, calls]).toEqual([1, 0]);
    asked[0]?.();
    expect(calls).toBe(1);
  });
});
