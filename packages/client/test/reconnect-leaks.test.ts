/**
 * Very many connections of one `ReconnectingChannel`, none of which leaves anything behind.
 *
 * @module
 */
import { ReconnectingChannel } from "@socketserver/client";
import { lines } from "@socketserver/framing";
import { leakCheck } from "@socketserver/testing";
import { once } from "node:events";
import { createServer, type AddressInfo, type Server } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { collectGarbage } from "../../core/test/support/collect-garbage.ts";
import { processResources } from "../../core/test/support/process-resources.ts";

/** Enough for whatever is made once, and compiled. */
const WARM_UP = 1_000;
/** By how much the heap may grow, in bytes: a channel that is kept of each connection is far more. */
const MAX_GROWTH = 1_500_000;
const TEST_MS = 120_000;

const HASTE = { backoff: { minDelayMs: 0 }, stableMs: 0, lingerMs: 100 } as const;

type Mood = "hangs up" | "resets" | "answers and hangs up";

/** A server that keeps nothing of its clients: the memory of this process is the channel's. */
async function moodyServer(mood: Mood): Promise<Server> {
  const server = createServer((socket) => {
    socket.on("error", () => socket.destroy());
    if (mood === "hangs up") socket.resume().end();
    else if (mood === "resets") socket.once("data", () => socket.resetAndDestroy());
    else socket.once("data", (chunk) => socket.end(chunk));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

/** Resolves when as many more events have come. */
function events(channel: ReconnectingChannel<string>, name: "disconnected" | "waiting", count: number): Promise<void> {
  let left = count;
  return new Promise((resolve) => {
    const listener = (): void => {
      if (--left > 0) return;
      channel.off(name, listener);
      resolve();
    };
    channel.on(name, listener);
  });
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

async function closed(server: Server): Promise<void> {
  server.close();
  await once(server, "close");
}

/** The heap without garbage; what waits for a turn of the event loop is over by then. */
async function heapUsed(): Promise<number> {
  for (let round = 0; round < 3; round++) {
    await nextTurn();
    collectGarbage();
  }
  return process.memoryUsage().heapUsed;
}

/** Lose so many connections; answers how much the heap has grown. */
async function lose(channel: ReconnectingChannel<string>, count: number): Promise<number> {
  await events(channel, "disconnected", WARM_UP);
  const heapBefore = await heapUsed();
  const { descriptors } = processResources();
  await events(channel, "disconnected", count);
  const open = processResources().descriptors - descriptors;
  // One may be open now that was not then, and those that were lost last may still be closing.
  expect(open).toBeLessThan(20);
  return (await heapUsed()) - heapBefore;
}

const warnings: string[] = [];
const onWarning = (warning: Error): void => void warnings.push(warning.message);

beforeEach(() => {
  warnings.length = 0;
  process.on("warning", onWarning);
  return leakCheck();
});
afterEach(() => void process.off("warning", onWarning));

type Call = (channel: ReconnectingChannel<string>) => Promise<unknown>;

const CASES: readonly (readonly [count: number, mood: Mood, how: string, call: Call])[] = [
  [10_000, "answers and hangs up", "asks", (channel) => channel.request("hello", { idempotent: true })],
  [3_000, "hangs up", "waits for messages", (channel) => channel.receive()],
  [3_000, "resets", "sends", (channel) => channel.send("hello")],
];

describe("a ReconnectingChannel that reconnects", () => {
  test.each(CASES)(
    "%i times, because its server %s, and %s all the time, leaves nothing behind",
    async (count, mood, _how, call) => {
      const server = await moodyServer(mood);
      const channel = new ReconnectingChannel({ port: portOf(server) }, lines().text(), HASTE);
      const use = async (): Promise<void> => {
        while (channel.state !== "closed") {
          await call(channel).catch(() => undefined);
          // A call that need not wait must not keep the others from their turn.
          await nextTurn();
        }
      };
      const using = use();
      expect(await lose(channel, count)).toBeLessThan(MAX_GROWTH);
      await channel.close();
      await using;
      await closed(server);
      expect(warnings).toEqual([]);
    },
    TEST_MS,
  );

  test(
    "in vain leaves nothing behind",
    async () => {
      const server = await moodyServer("hangs up");
      const port = portOf(server);
      await closed(server);
      const channel = new ReconnectingChannel({ port }, lines().text(), HASTE);
      const waiting = Promise.allSettled([channel.request("hello", { timeoutMs: Infinity })]);
      await events(channel, "waiting", WARM_UP);
      const heapBefore = await heapUsed();
      await events(channel, "waiting", 3_000);
      expect((await heapUsed()) - heapBefore).toBeLessThan(MAX_GROWTH);
      await channel.close();
      expect(await waiting).toMatchObject([{ reason: { code: "ERR_SOCKETSERVER_CONNECTION_CLOSED" } }]);
      expect(warnings).toEqual([]);
    },
    TEST_MS,
  );
});
