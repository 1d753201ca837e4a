/**
 * What comes and is no reply to the request that waits: from others, too late, twice.
 *
 * @module
 */
import { DatagramClient } from "@socketserver/client";
import { lines, unframedText } from "@socketserver/framing";
import { leakCheck } from "@socketserver/testing";
import { beforeEach, describe, expect, test } from "vitest";

import { failureOf } from "./support/failure-of.ts";
import { NO_RETRY, ONE_TRY } from "./support/fast-retry.ts";
import { freeDatagramPort } from "./support/free-datagram-port.ts";
import { UdpPeer } from "./support/udp-peer.ts";

beforeEach(() => leakCheck());

describe("a datagram of someone else", () => {
  test.each([
    ["another port of the server", "127.0.0.1"],
    ["another address", "127.0.0.2"],
  ])("is ignored: %s", async (_what, host) => {
    await using peer = await UdpPeer.bind();
    const { port } = peer.address;
    await using stranger = await UdpPeer.bind(undefined, host === "127.0.0.1" ? { host } : { host, port });
    await using client = new DatagramClient(peer.address, unframedText(), { retry: NO_RETRY });
    const reply = client.request("hello");
    const [asked] = await peer.count(1);
    // Aimed at the right port of the loopback interface, and there before the reply is.
    stranger.send("forged", asked?.port ?? 0, "127.0.0.1");
    peer.send("real", asked?.port ?? 0);
    expect(await reply).toBe("real");
  });

  test("is ignored when it comes before the socket is connected", async () => {
    const port = await freeDatagramPort();
    await using peer = await UdpPeer.bind(() => peer.send('{"id":1,"from":"server"}', port));
    await using stranger = await UdpPeer.bind();
    const sourceAddress = { host: "127.0.0.1", port };
    const options = { correlateBy: "id", retry: NO_RETRY, sourceAddress } as const;
    await using client = new DatagramClient(peer.address, lines().json(), options);
    const reply = client.request({ id: 1 });
    let left = 200;
    const flood = (): void => {
      stranger.send('{"id":1,"from":"stranger"}', port);
      if (--left > 0) process.nextTick(flood);
    };
    // Between the steps in which a socket is bound and connected.
    flood();
    expect(await reply).toEqual({ id: 1, from: "server" });
  });

  test("is nobody's when nothing is asked", async () => {
    await using peer = await UdpPeer.bind();
    await using client = new DatagramClient(peer.address, unframedText(), { retry: NO_RETRY });
    await client.send("hello");
    const [told] = await peer.count(1);
    peer.send("unasked", told?.port ?? 0);
    const reply = client.request("question");
    const [, asked] = await peer.count(2);
    peer.send("answer", asked?.port ?? 0);
    expect(await reply).toBe("answer");
  });
});

describe("a late reply", () => {
  test("comes to nobody: not to the next request either", async () => {
    await using peer = await UdpPeer.bind(({ text, port }) => {
      const late = peer.arrivals.find((arrival) => arrival.text === "first");
      if (text !== "second" || late === undefined) return;
      peer.send("to the first", late.port);
      peer.send("to the second", port);
    });
    await using client = new DatagramClient(peer.address, unframedText(), { retry: ONE_TRY });
    await failureOf(client.request("first", { timeoutMs: 30 }));
    expect(await client.request("second")).toBe("to the second");
  });

  test("is known by its id where all requests have one port", async () => {
    await using peer = await UdpPeer.bind(({ text, port }) => {
      if (!text.includes("2")) return;
      peer.send('{"id":1}', port);
      peer.send('{"id":2}', port);
    });
    const options = { correlateBy: "id", retry: ONE_TRY };
    await using client = new DatagramClient(peer.address, lines().json(), options);
    await failureOf(client.request({ id: 1 }, { timeoutMs: 30 }));
    expect(await client.request({ id: 2 })).toEqual({ id: 2 });
    expect(new Set(peer.arrivals.map(({ port }) => port)).size).toBe(1);
  });
});

describe("a reply that comes twice", () => {
  test("counts once", async () => {
    await using peer = await UdpPeer.bind(({ text, port }) => {
      for (let time = 0; time < 3; time++) peer.send(`${text} ${time}`, port);
    });
    await using client = new DatagramClient(peer.address, unframedText(), { retry: NO_RETRY });
    for (const text of ["a", "b", "c"]) expect(await client.request(text)).toBe(`${text} 0`);
  });

  test("counts once where all requests have one port", async () => {
    await using peer = await UdpPeer.bind(({ text, port }) => {
      for (let time = 0; time < 3; time++) peer.send(text, port);
    });
    await using client = new DatagramClient(peer.address, lines().json(), { correlateBy: "id", retry: NO_RETRY });
    for (const id of [1, 2, 1, 2]) expect(await client.request({ id })).toEqual({ id });
  });
});
