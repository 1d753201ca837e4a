import { Socket } from "node:net";
import { PassThrough, duplexPair } from "node:stream";
import { TLSSocket } from "node:tls";

import { leakCheck } from "@socketserver/testing";
import { beforeEach, describe, expect, test } from "vitest";

import { socketPair } from "../../test/support/socket-pair.ts";
import { movableSocket } from "./movable-socket.ts";

beforeEach(() => leakCheck());

describe("movableSocket()", () => {
  test("is the stream itself if that is a plain socket", async () => {
    await using pair = await socketPair();
    expect(movableSocket(pair.server)).toBe(pair.server);
    expect(movableSocket(pair.client)).toBe(pair.client);
  });

  test("is nothing for TLS, which would leave its keys behind", async () => {
    await using pair = await socketPair();
    const secure = new TLSSocket(pair.server, { isServer: true });
    expect(secure).toBeInstanceOf(Socket);
    expect(movableSocket(secure)).toBe(undefined);
    secure.destroy();
  });

  test("is nothing for other streams, and for a socket of a class of its own", () => {
    class CountingSocket extends Socket {}
    expect(movableSocket(duplexPair()[0])).toBe(undefined);
    expect(movableSocket(new PassThrough())).toBe(undefined);
    expect(movableSocket(new CountingSocket())).toBe(undefined);
  });
});
