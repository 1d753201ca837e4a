import { ClientErrorCode, DatagramClient } from "@socketserver/client";
import { lines } from "@socketserver/framing";
import { leakCheck } from "@socketserver/testing";
import { beforeEach, describe, expect, test } from "vitest";

import { failing } from "./support/failing-send.ts";
import { failureOf } from "./support/failure-of.ts";
import { FAST, NO_RETRY, ONE_TRY } from "./support/fast-retry.ts";
import { MadeSockets } from "./support/made-sockets.ts";
import { UdpPeer } from "./support/udp-peer.ts";

beforeEach(() => leakCheck());

describe.each([
  ["a port for each request", {}],
  ["one port for all", { correlateBy: "id" }],
] as const)("a socket that fails: %s", (_kind, options) => {
  test("is replaced: what waits goes on with its next try", async () => {
    await using peer = await UdpPeer.bind(({ text, port }) => {
      if (peer.arrivals.length > 1) peer.send(text, port);
    });
    using made = new MadeSockets();
    await using client = new DatagramClient(peer.address, lines().json(), { ...options, retry: FAST });
    const reply = client.request({ id: 1 });
    await peer.count(1);
    made.breakLast();
    expect(await reply).toEqual({ id: 1 });
    expect(peer.arrivals[1]?.port).not.toBe(peer.arrivals[0]?.port);
    expect(await client.request({ id: 2 })).toEqual({ id: 2 });
  });

  test("is replaced, too, if it fails while it sends", async () => {
    await using peer = await UdpPeer.bind(({ text, port }) => peer.send(text, port));
    using made = new MadeSockets((socket) => {
      if (made.sockets.length === 1) socket.send = () => made.breakLast();
    });
    await using client = new DatagramClient(peer.address, lines().json(), { ...options, retry: FAST });
    expect(await client.request({ id: 1 })).toEqual({ id: 1 });
    expect(made.sockets).toHaveLength(2);
  });

  test("is the cause of the error, if no reply comes", async () => {
    await using peer = await UdpPeer.bind();
    using made = new MadeSockets();
    await using client = new DatagramClient(peer.address, lines().json(), { ...options, retry: NO_RETRY });
    const failure = failureOf(client.request({ id: 1 }, { timeoutMs: 50 }));
    await peer.count(1);
    const error = made.breakLast();
    expect((await failure).cause).toBe(error);
  });

  test("may have sent what it was sending", async () => {
    using made = new MadeSockets((socket) => (socket.send = () => made.breakLast()));
    await using client = new DatagramClient({ port: 9 }, lines().json(), { ...options, retry: ONE_TRY });
    expect(await failureOf(client.request({ id: 1 }))).toMatchObject({ sent: true, cause: { code: "ENETDOWN" } });
  });

  test("is replaced for what is sent without an answer", async () => {
    await using peer = await UdpPeer.bind();
    using made = new MadeSockets();
    await using client = new DatagramClient(peer.address, lines().json(), options);
    await client.send({ id: 1 });
    made.breakLast();
    await client.send({ id: 2 });
    await peer.count(2);
    expect(peer.texts).toEqual(['{"id":1}', '{"id":2}']);
  });

  test("is what a message rejects with that was being sent", async () => {
    using made = new MadeSockets((socket) => (socket.send = () => made.breakLast()));
    await using client = new DatagramClient({ port: 9 }, lines().json(), options);
    expect(await failureOf(client.send({ id: 1 }))).toMatchObject({
      code: "ENETDOWN",
      sent: true,
      cause: { code: "ENETDOWN" },
    });
  });
});

describe.each([
  ["a port for each request", {}],
  ["one port for all", { correlateBy: "id" }],
] as const)("a system that will not send: %s", (_kind, options) => {
  test("makes a request reject at once, and was not sent", async () => {
    using _ = new MadeSockets((socket) => (socket.send = failing("ENETUNREACH")));
    await using client = new DatagramClient({ port: 9 }, lines().json(), { ...options, retry: NO_RETRY });
    const code = "ENETUNREACH";
    expect(await failureOf(client.request({ id: 1 }))).toMatchObject({ code, sent: false, cause: { code } });
  });

  test("makes a request reject that was sent before", async () => {
    await using peer = await UdpPeer.bind();
    using made = new MadeSockets();
    await using client = new DatagramClient(peer.address, lines().json(), { ...options, retry: FAST });
    const failure = failureOf(client.request({ id: 1 }));
    await peer.count(1);
    const [socket] = made.sockets.slice(-1);
    if (socket !== undefined) socket.send = failing("ENETUNREACH");
    expect(await failure).toMatchObject({ code: "ENETUNREACH", sent: true });
  });

  test("is asked again if all that it says is that nobody is there", async () => {
    using _ = new MadeSockets((socket) => (socket.send = failing("ECONNREFUSED")));
    const retry = { ...FAST, maxAttempts: 2 };
    await using client = new DatagramClient({ port: 9 }, lines().json(), { ...options, retry });
    const error = await failureOf(client.request({ id: 1 }));
    expect(error).toMatchObject({ code: ClientErrorCode.requestTimeout, sent: false, cause: { code: "ECONNREFUSED" } });
    expect(error.message).toMatch(/: no datagram could be sent within \d+ ms; the last trouble: .*\(ECONNREFUSED\)$/);
  });
});
