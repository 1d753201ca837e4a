import { leakCheck } from "@socketserver/testing";
import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { once } from "node:events";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { datagrams } from "../src/load/datagrams.ts";

const LOAD = { count: 200, size: 64, inFlight: 16 };

/** What a server does with a datagram: `index` counts those that came. */
type Behaviour = (socket: Socket, data: Buffer, from: RemoteInfo, index: number) => void;

/** A server of this process that does this with each datagram. */
async function serving(behave: Behaviour): Promise<AsyncDisposable & { readonly port: number; received(): number }> {
  let received = 0;
  const socket = createSocket("udp4");
  socket.on("message", (data, from) => behave(socket, data, from, received++));
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  return {
    port: socket.address().port,
    received: () => received,
    [Symbol.asyncDispose]: async () => void (await once(socket.close(), "close")),
  };
}

const echo: Behaviour = (socket, data, { port, address }) => socket.send(data, port, address);

let expectNothingLeft: () => Promise<void>;
beforeEach(() => {
  expectNothingLeft = leakCheck();
});
afterEach(() => expectNothingLeft());

describe("datagrams()", () => {
  test("sends as many as it is told to, so many at once", async () => {
    let [waiting, most] = [0, 0];
    await using server = await serving((...args) => {
      most = Math.max(most, ++waiting);
      setImmediate(() => {
        waiting--;
        echo(...args);
      });
    });
    expect(await datagrams(server.port, LOAD)).toBeGreaterThan(0);
    expect(server.received()).toBe(LOAD.count);
    expect(most).toBeGreaterThan(1);
    expect(most).toBeLessThanOrEqual(LOAD.inFlight);
  });

  test("sends again what was lost, and counts it once", async () => {
    const seen = new Set<number>();
    await using server = await serving((socket, data, from, index) => {
      // The first time, one in fifty is dropped; an answer that comes twice counts once.
      const number = data.readUInt32BE();
      const again = seen.has(number);
      seen.add(number);
      if (!again && number % 50 === 0) return;
      echo(socket, data, from, index);
      if (number % 50 === 1) echo(socket, data, from, index);
    });
    await datagrams(server.port, LOAD);
    expect(seen.size).toBe(LOAD.count);
    expect(server.received()).toBe(LOAD.count + LOAD.count / 50);
  });

  test.each<[string, Behaviour, string]>([
    ["answers nothing", () => {}, "were lost"],
    ["cuts them", (socket, data, from, index) => echo(socket, data.subarray(1), from, index), "is not what was sent"],
    [
      "changes them",
      (socket, data, from, index) => echo(socket, data.fill("y", 4), from, index),
      "is not what was sent",
    ],
  ])("rejects a server that %s", async (_, behave, message) => {
    await using server = await serving(behave);
    await expect(datagrams(server.port, LOAD)).rejects.toThrow(message);
  });
});
