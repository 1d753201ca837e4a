import { leakCheck } from "@socketserver/testing";
import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { describe, expect, test } from "vitest";

import { IdleConnections, mostConnections } from "../src/load/idle-connections.ts";

/** A server of this process that does this with each connection. */
async function serving(behave: (socket: Socket) => void): Promise<AsyncDisposable & { readonly port: number }> {
  const server = createServer((socket) => behave(socket.on("error", () => {})));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const close = async (): Promise<void> => void (await once(server.close(), "close"));
  return { port: (server.address() as AddressInfo).port, [Symbol.asyncDispose]: close };
}

const echo = (socket: Socket): void => void socket.on("data", (data) => socket.write(data));

describe("IdleConnections", () => {
  test("are all open when each was answered, and all closed in the end", async () => {
    const expectNothingLeft = leakCheck();
    {
      const sockets: Socket[] = [];
      await using server = await serving((socket) => {
        sockets.push(socket);
        echo(socket);
      });
      await using connections = await IdleConnections.open(server.port, 120);
      expect(connections.size).toBe(120);
      expect(sockets.map(({ bytesRead, bytesWritten }) => bytesRead + bytesWritten)).toEqual(Array(120).fill(128));
    }
    await expectNothingLeft();
  });

  test("counts those that are still open", async () => {
    const sockets: Socket[] = [];
    await using server = await serving((socket) => {
      sockets.push(socket);
      echo(socket);
    });
    await using connections = await IdleConnections.open(server.port, 3);
    const [first] = sockets as [Socket];
    first.end();
    await once(first, "close");
    expect(connections.size).toBe(2);
  });

  test.each([
    ["answers something else", (socket: Socket) => void socket.resume().write("y".repeat(64)), "differs"],
    ["answers too much", (socket: Socket) => void socket.resume().write("x".repeat(65)), "differs"],
    ["ends", (socket: Socket) => void socket.resume().end("x"), "the server ended it"],
    ["resets", (socket: Socket) => void socket.once("data", () => socket.resetAndDestroy()), "ECONNRESET"],
  ])("rejects a server that %s, and leaves nothing open", async (_, behave, message) => {
    const expectNothingLeft = leakCheck();
    {
      await using server = await serving(behave);
      await expect(IdleConnections.open(server.port, 60)).rejects.toThrow(message);
    }
    await expectNothingLeft();
  });

  test("rejects with the system's reason if nobody listens", async () => {
    let port: number;
    {
      await using server = await serving(echo);
      port = server.port;
    }
    await expect(IdleConnections.open(port, 2)).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });
});

describe("mostConnections()", () => {
  test("is a number that leaves room for what else is open", () => {
    expect(mostConnections()).toBeGreaterThan(0);
    expect(mostConnections()).not.toBeNaN();
  });
});
