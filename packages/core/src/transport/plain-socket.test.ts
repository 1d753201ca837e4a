import { Socket } from "node:net";
import { Duplex, duplexPair } from "node:stream";
import { TLSSocket } from "node:tls";

import { describe, expect, test } from "vitest";

import { OwnSocket } from "../../test/support/stream-kinds.ts";
import { socketPair } from "../../test/support/socket-pair.ts";
import { temporaryPath } from "../../test/support/temporary-path.ts";
import { isPlainSocket } from "./plain-socket.ts";

describe("isPlainSocket()", () => {
  test("is true of a socket that was not connected yet", () => {
    expect(isPlainSocket(new Socket())).toBe(true);
  });

  test("is true of both ends of a TCP connection, and of a Unix socket, open or destroyed", async () => {
    for (const path of [undefined, await temporaryPath()]) {
      await using pair = await socketPair(path);
      expect([pair.server, pair.client].map(isPlainSocket)).toEqual([true, true]);
      pair.server.destroy();
      expect(isPlainSocket(pair.server)).toBe(true);
    }
  });

  test("is false of a subclass, such as that of TLS", () => {
    expect(isPlainSocket(new OwnSocket())).toBe(false);
    const secure = new TLSSocket(new Socket());
    expect(isPlainSocket(secure)).toBe(false);
    secure.destroy();
  });

  test("is false of every other Duplex", () => {
    for (const stream of [...duplexPair(), new Duplex()]) expect(isPlainSocket(stream)).toBe(false);
  });

  test("is false of what only looks like a socket", () => {
    const looksLikeIt = Object.create(Socket.prototype, { own: { value: true } }) as Socket;
    expect(isPlainSocket(Object.setPrototypeOf(new Socket(), looksLikeIt) as Socket)).toBe(false);
  });
});
