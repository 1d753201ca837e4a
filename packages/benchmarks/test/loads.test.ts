import { leakCheck } from "@socketserver/testing";
import { once } from "node:events";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { connects } from "../src/load/connects.ts";
import { openConnections } from "../src/load/open-connections.ts";
import { roundTrips } from "../src/load/round-trips.ts";

/** A server of this process; `port` is where it is. */
async function serving(onConnection: (socket: Socket) => void): Promise<AsyncDisposable & { readonly port: number }> {
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => {}).on("end", () => socket.end());
    onConnection(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => void (await once(server.close(), "close")),
  };
}

const echo = (socket: Socket): void => void socket.on("data", (data) => socket.write(data));
const shout = (socket: Socket): void => {
  socket.on("data", (data) => socket.write(data.toString().toUpperCase()));
};
const hangUp = (socket: Socket): void => void socket.once("data", () => socket.end());

const message = (index: number): Buffer => Buffer.from(`message of ${index}\n`);

let expectNothingLeft: () => Promise<void>;
beforeEach(() => {
  expectNothingLeft = leakCheck();
});
afterEach(() => expectNothingLeft());

describe("roundTrips()", () => {
  test("sends as often as it is told to, on all connections, and takes answers in pieces", async () => {
    let received = 0;
    await using server = await serving((socket) => {
      socket.on("data", (data: Buffer) => {
        received += data.length;
        socket.write(data.subarray(0, 3));
        setImmediate(() => socket.write(data.subarray(3)));
      });
    });
    await using connections = await openConnections(server.port, 3);
    expect(await roundTrips(connections, { times: 10, message })).toBeGreaterThan(0);
    expect(received).toBe(10 * message(0).length);
  });

  test.each([
    ["answers something else", shout, "the answer differs"],
    ["ends the connection", hangUp, "the server ended the connection"],
    ["answers too much", (socket: Socket) => void socket.on("data", () => socket.write("x".repeat(99))), "differs"],
  ])("rejects a server that %s", async (_, behave, error) => {
    await using server = await serving(behave);
    await using connections = await openConnections(server.port, 1);
    await expect(roundTrips(connections, { times: 2, message })).rejects.toThrow(error);
  });
});

describe("connects()", () => {
  test("connects as often as it is told to, with no more at once", async () => {
    let [count, now, most] = [0, 0, 0];
    await using server = await serving((socket) => {
      count += 1;
      most = Math.max(most, ++now);
      socket.on("close", () => now--);
      echo(socket);
    });
    await connects(server.port, { connections: 20, atOnce: 4 });
    expect(count).toBe(20);
    expect(most).toBeGreaterThan(1);
    // One that is closing may still be there.
    expect(most).toBeLessThanOrEqual(8);
  });

  test.each([
    ["answers something else", shout],
    ["ends the connection", hangUp],
  ])("rejects a server that %s", async (_, behave) => {
    await using server = await serving(behave);
    await expect(connects(server.port, { connections: 1, atOnce: 1 })).rejects.toThrow("the answer differs");
  });
});

describe("openConnections()", () => {
  test("rejects if nobody listens", async () => {
    let port: number;
    {
      await using server = await serving(echo);
      port = server.port;
    }
    await expect(openConnections(port, 3)).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });
});
