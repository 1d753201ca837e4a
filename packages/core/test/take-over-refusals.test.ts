import {
  AsyncTCPServer,
  AsyncUDPServer,
  AsyncUnixStreamServer,
  ThreadingTCPServer,
  UDPServer,
} from "@socketserver/core";
import { leakCheck, serve, type RunningServer } from "@socketserver/testing";
import { createServer } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { AskingHandler, AskingPacketHandler } from "./fixtures/asking-handlers.ts";
import { askServer } from "./support/ask-server.ts";
import { eventually } from "./support/eventually.ts";
import { temporaryPath } from "./support/temporary-path.ts";
import { Visitor } from "./support/visitor.ts";

let expectNothingLeft: () => Promise<void>;

beforeEach(() => {
  expectNothingLeft = leakCheck();
});

afterEach(() => expectNothingLeft());

const CLOSED = { code: "ERR_SOCKETSERVER_SERVER_CLOSED" };
const ALREADY = { code: "ERR_SOCKETSERVER_ALREADY_SERVING" };
const INVALID = { name: "TypeError", code: "ERR_SOCKETSERVER_INVALID_ARGUMENT" };

const STREAM = { stream: true };

function newServer(options: object = {}): AsyncTCPServer {
  return new AsyncTCPServer({ port: 0 }, AskingHandler, options);
}

async function expectServing({ address, server }: RunningServer): Promise<void> {
  await eventually(() => expect(server.ready).toBe(true));
  expect(await askServer(STREAM, address, "echo hello")).toBe("hello");
}

describe("takeOver() of what cannot be taken over", () => {
  test.each([undefined, null, 7, "server", {}, AsyncTCPServer, createServer()])(
    "rejects %o, which is no server, and can be used otherwise",
    async (predecessor) => {
      await using next = newServer();
      await expect(next.takeOver(predecessor as never)).rejects.toMatchObject(INVALID);
      expect(next.state).toBe("new");
      await next.listen();
    },
  );

  test("rejects a server of datagrams for one of connections, and the other way around", async () => {
    await using packets = await serve(AskingPacketHandler, { server: AsyncUDPServer });
    await using stream = await serve(AskingHandler, { server: AsyncTCPServer });
    await using nextStream = newServer();
    await using nextPackets = new UDPServer({ port: 0 }, AskingPacketHandler);
    await expect(nextStream.takeOver(packets.server as never)).rejects.toMatchObject(INVALID);
    await expect(nextPackets.takeOver(stream.server as never)).rejects.toMatchObject(INVALID);
    await expectServing(stream);
    expect(await askServer({ stream: false }, packets.address, "ready")).toBe(true);
  });

  test.each([
    ["AsyncTCPServer", AsyncTCPServer, {}],
    ["ThreadingTCPServer", ThreadingTCPServer, { threading: { threads: 1 } }],
  ])("rejects a Unix server for an %s, or serves its clients", async (_name, Server, options) => {
    const address = { path: await temporaryPath() };
    await using old = await serve(AskingHandler, { server: AsyncUnixStreamServer, address });
    await using next = new Server({ port: 0 }, AskingHandler, options);
    const outcome = await next.takeOver(old.server).then(
      () => "resolves",
      (error: unknown) => error,
    );
    if (outcome === "resolves") {
      const served = next.serveForever();
      expect(await askServer(STREAM, next.serverAddress, "echo hello")).toBe("hello");
      await next.close();
      await served;
    } else {
      expect(outcome).toMatchObject(INVALID);
      await expectServing(old);
    }
  });

  test("rejects one that does not listen: new, opening, about to close, draining, closed", async () => {
    await using next = newServer();
    const old = newServer({ lameDuckMs: 60_000 });
    const states: string[] = [];
    const expectRefusal = async (): Promise<void> => {
      states.push(old.state);
      await expect(next.takeOver(old)).rejects.toMatchObject(CLOSED);
      expect(next.state).toBe("new");
    };
    await expectRefusal();
    const opening = old.listen();
    await expectRefusal();
    const address = await opening;
    const served = old.serveForever();
    const visitor = await Visitor.enter(address);
    const closing = old.close();
    await expectRefusal();
    void old.close({ lameDuckMs: 0 });
    await eventually(() => expect(old.state).toBe("draining"));
    await expectRefusal();
    await visitor.leave();
    await closing;
    await served;
    await expectRefusal();
    expect(states).toEqual(["new", "new", "serving", "draining", "closed"]);
  });
});

describe("takeOver() by a server that cannot", () => {
  test("rejects when it listens, or begins to", async () => {
    await using old = await serve(AskingHandler, { server: AsyncTCPServer });
    await using next = newServer();
    const opening = next.listen();
    await expect(next.takeOver(old.server)).rejects.toMatchObject(ALREADY);
    await opening;
    await expect(next.takeOver(old.server)).rejects.toMatchObject(ALREADY);
    await expect(old.server.takeOver(old.server)).rejects.toMatchObject(ALREADY);
    await expectServing(old);
  });

  test("rejects when it is closed", async () => {
    await using old = await serve(AskingHandler, { server: AsyncTCPServer });
    const next = newServer();
    await next.close();
    await expect(next.takeOver(old.server)).rejects.toMatchObject(CLOSED);
    await expectServing(old);
  });

  test("rejects the second time, and goes on with the first", async () => {
    await using old = await serve(AskingHandler, { server: AsyncTCPServer });
    await using other = await serve(AskingHandler, { server: AsyncTCPServer });
    await using next = newServer();
    const first = next.takeOver(old.server);
    await expect(next.takeOver(other.server)).rejects.toMatchObject(ALREADY);
    expect(await first).toEqual(old.address);
    expect(await next.listen()).toEqual(old.address);
    await expectServing(other);
  });
});
