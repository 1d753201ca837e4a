import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { duplexPair, PassThrough } from "node:stream";
import { describe, expect, test } from "vitest";

import { socketPair } from "../../test/support/socket-pair.ts";
import { temporaryPath } from "../../test/support/temporary-path.ts";
import { localAddressOf, remoteAddressOf } from "./stream-addresses.ts";

describe("remoteAddressOf() and localAddressOf()", () => {
  test("tell both ends of a TCP connection, each the other's", async () => {
    await using pair = await socketPair();
    const clientAddress = { host: "127.0.0.1", port: pair.client.localPort };
    expect(remoteAddressOf(pair.server)).toEqual(clientAddress);
    expect(localAddressOf(pair.client)).toEqual(clientAddress);
    expect(remoteAddressOf(pair.client)).toEqual(localAddressOf(pair.server));
    expect(localAddressOf(pair.server)).toEqual({ host: "127.0.0.1", port: pair.client.remotePort });
  });

  test("know nobody on a Unix socket", async () => {
    await using pair = await socketPair(await temporaryPath());
    for (const end of [pair.server, pair.client]) {
      expect([remoteAddressOf(end), localAddressOf(end)]).toEqual([undefined, undefined]);
    }
  });

  test("know nobody on a stream that is no socket", () => {
    const [one, other] = duplexPair();
    for (const stream of [one, other, new PassThrough()]) {
      expect([remoteAddressOf(stream), localAddressOf(stream)]).toEqual([undefined, undefined]);
    }
  });

  test("know nobody on a socket that is destroyed", async () => {
    await using pair = await socketPair();
    const closed = once(pair.server, "close");
    pair.server.destroy();
    await closed;
    expect([remoteAddressOf(pair.server), localAddressOf(pair.server)]).toEqual([undefined, undefined]);
  });

  test("show an IPv4 client of a dual-stack server as IPv4", async () => {
    const listener = createServer();
    listener.listen(0, "::");
    await once(listener, "listening");
    const client = connect((listener.address() as AddressInfo).port, "127.0.0.1");
    const [server] = (await once(listener, "connection")) as [Socket];
    expect(server.remoteAddress).toBe("::ffff:127.0.0.1");
    expect(remoteAddressOf(server)).toEqual({ host: "127.0.0.1", port: server.remotePort });
    expect(localAddressOf(server)).toEqual({ host: "127.0.0.1", port: server.localPort });
    client.destroy();
    server.destroy();
    listener.close();
    await once(listener, "close");
  });
});
