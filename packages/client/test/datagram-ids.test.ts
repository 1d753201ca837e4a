import { DatagramClient } from "@socketserver/client";
import { AsyncUDPServer, DatagramRequestHandler, ErrorCode } from "@socketserver/core";
import { lines } from "@socketserver/framing";
import { leakCheck, serve } from "@socketserver/testing";
import { beforeEach, describe, expect, test } from "vitest";

import { failureOf } from "./support/failure-of.ts";
import { FAST, NO_RETRY, ONE_TRY } from "./support/fast-retry.ts";
import { UdpPeer } from "./support/udp-peer.ts";

beforeEach(() => leakCheck());

const JSON_LINES = lines().json();

/** Drops the first datagram of each id, and answers the others in an order of chance. */
class ScatterHandler extends DatagramRequestHandler {
  static readonly seen = new Set<number>();

  override async handle(): Promise<void> {
    const { id } = JSON.parse(this.packet.toString()) as { readonly id: number };
    if (id % 3 === 0 && !ScatterHandler.seen.has(id)) {
      ScatterHandler.seen.add(id);
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 20));
    await this.wfile.write(JSON.stringify({ id, square: id * id }));
  }
}

describe("DatagramClient with ids", () => {
  test("gives each of many requests its own reply, in whatever order they come", async () => {
    await using running = await serve(ScatterHandler, { server: AsyncUDPServer });
    const options = { correlateBy: "id", retry: { minDelayMs: 200, jitter: 0 } } as const;
    await using client = new DatagramClient({ port: running.port }, JSON_LINES, options);
    const ids = Array.from({ length: 500 }, (_, id) => id);
    const replies = await Promise.all(ids.map((id) => client.request({ id })));
    expect(replies).toEqual(ids.map((id) => ({ id, square: id * id })));
  });

  test("sends everything through one port, opened once", async () => {
    await using peer = await UdpPeer.bind(({ text, port }) => peer.send(text, port));
    await using client = new DatagramClient(peer.address, JSON_LINES, { correlateBy: "id", retry: NO_RETRY });
    await Promise.all([client.request({ id: 1 }), client.request({ id: 2 }), client.send({ id: 3 })]);
    await client.request({ id: 4 });
    expect(new Set(peer.arrivals.map(({ port }) => port)).size).toBe(1);
  });

  test("finds the id in fields of different names, of any type that an id has", async () => {
    await using peer = await UdpPeer.bind(({ text, port }) => peer.send(text.replace('"asks"', '"answers"'), port));
    const correlateBy = { request: "asks", reply: "answers" };
    await using client = new DatagramClient(peer.address, JSON_LINES, { correlateBy, retry: NO_RETRY });
    for (const id of ["", "one", 0, -1.5]) expect(await client.request({ asks: id })).toEqual({ answers: id });
  });

  test("tells an id from one that only looks like it", async () => {
    await using peer = await UdpPeer.bind(({ port }) => {
      peer.send('{"id":"1"}', port);
      peer.send('{"id":1.5}', port);
      peer.send('{"id":1,"this":true}', port);
    });
    await using client = new DatagramClient(peer.address, JSON_LINES, { correlateBy: "id", retry: NO_RETRY });
    expect(await client.request({ id: 1 })).toEqual({ id: 1, this: true });
  });

  test.each(['{"id":2}', '{"id":null}', '{"id":{"id":1}}', "{}", "null", "1", "[1]", '"id"', "garbage", ""])(
    "ignores %s, and takes the reply that comes behind it",
    async (lie) => {
      await using peer = await UdpPeer.bind(({ port }) => {
        peer.send(lie, port);
        peer.send('{"id":1}', port);
      });
      await using client = new DatagramClient(peer.address, JSON_LINES, { correlateBy: "id", retry: NO_RETRY });
      expect(await client.request({ id: 1 })).toEqual({ id: 1 });
    },
  );

  test("tells every request that waits what came and was no message", async () => {
    await using peer = await UdpPeer.bind(({ port }) => peer.send("garbage", port));
    const options = { correlateBy: "id", retry: ONE_TRY };
    await using client = new DatagramClient(peer.address, JSON_LINES, options);
    const errors = await Promise.all([1, 2].map((id) => failureOf(client.request({ id }))));
    for (const { cause } of errors) expect(cause).toMatchObject({ name: "ProtocolError" });
  });

  test("ignores a reply to what has not been sent yet", async () => {
    await using peer = await UdpPeer.bind(({ text, port }) => {
      if (text.includes("1")) peer.send('{"id":2,"early":true}', port);
      peer.send(text, port);
    });
    const options = { correlateBy: "id", maxConcurrentRequests: 1, retry: NO_RETRY };
    await using client = new DatagramClient(peer.address, JSON_LINES, options);
    const replies = await Promise.all([client.request({ id: 1 }), client.request({ id: 2 })]);
    expect(replies).toEqual([{ id: 1 }, { id: 2 }]);
  });

  test("rejects at once a request without an id, and sends nothing", async () => {
    await using peer = await UdpPeer.bind();
    await using client = new DatagramClient<unknown>(peer.address, JSON_LINES, { correlateBy: "id" });
    for (const message of [{}, { id: null }, { id: true }, "id", null]) {
      await expect(client.request(message)).rejects.toMatchObject({
        name: "TypeError",
        code: ErrorCode.invalidMessage,
        message: expect.stringMatching(/^Cannot request: correlateBy names the field "id"/) as string,
      });
    }
    await client.send({ without: "an id" });
    await peer.count(1);
    expect(peer.texts).toEqual(['{"without":"an id"}']);
  });

  test("rejects at once a request whose id is in use, also by one that waits for its turn", async () => {
    await using peer = await UdpPeer.bind(({ text, port }) => {
      if (peer.arrivals.length > 1) peer.send(text, port);
    });
    const options = { correlateBy: "id", maxConcurrentRequests: 1, retry: FAST };
    await using client = new DatagramClient(peer.address, JSON_LINES, options);
    const replies = [client.request({ id: 1 }), client.request({ id: 2 })];
    for (const id of [1, 2]) {
      await expect(client.request({ id })).rejects.toMatchObject({
        name: "RangeError",
        code: ErrorCode.invalidMessage,
        message: `Cannot request: the id ${id} is that of a request which waits`,
      });
    }
    expect(await Promise.all(replies)).toEqual([{ id: 1 }, { id: 2 }]);
    expect(await client.request({ id: 1 })).toEqual({ id: 1 });
  });
});
