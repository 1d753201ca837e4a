import { ClientErrorCode, DatagramClient } from "@socketserver/client";
import { unframedText } from "@socketserver/framing";
import { leakCheck } from "@socketserver/testing";
import { beforeEach, describe, expect, test } from "vitest";

import { failureOf } from "./support/failure-of.ts";
import { NO_RETRY } from "./support/fast-retry.ts";
import { UdpPeer, type Arrival } from "./support/udp-peer.ts";

beforeEach(() => leakCheck());

const echo = ({ text, port }: Arrival, peer: UdpPeer): void => peer.send(text, port);

describe("maxConcurrentRequests", () => {
  test("is how many are under way at a time; the others are sent in the order of their calls", async () => {
    await using peer = await UdpPeer.bind();
    const options = { maxConcurrentRequests: 2, retry: NO_RETRY };
    await using client = new DatagramClient(peer.address, unframedText(), options);
    const texts = ["a", "b", "c", "d", "e"];
    const replies = texts.map((text) => client.request(text));
    for (let answered = 0; answered < texts.length; answered++) {
      const arrivals = await peer.count(Math.min(answered + 2, texts.length));
      expect(peer.texts).toHaveLength(Math.min(answered + 2, texts.length));
      const { text, port } = arrivals[answered] as Arrival;
      peer.send(text.toUpperCase(), port);
      await replies[answered];
    }
    expect(await Promise.all(replies)).toEqual(["A", "B", "C", "D", "E"]);
    expect(new Set(peer.texts.slice(0, 2))).toEqual(new Set(["a", "b"]));
    expect(peer.texts.slice(2)).toEqual(["c", "d", "e"]);
  });

  test("counts no request that is over, however it ended", async () => {
    await using peer = await UdpPeer.bind((arrival) => {
      if (arrival.text === "answer me") echo(arrival, peer);
    });
    const options = { maxConcurrentRequests: 1, retry: NO_RETRY };
    await using client = new DatagramClient(peer.address, unframedText(), options);
    const abort = new AbortController();
    const aborted = client.request("mute", { signal: abort.signal });
    const ends = [
      expect(aborted).rejects.toMatchObject({ name: "AbortError" }),
      failureOf(client.request("mute", { timeoutMs: 30 })),
      failureOf(client.request("x".repeat(70_000))),
    ];
    const reply = client.request("answer me");
    await peer.count(1);
    abort.abort();
    expect(await reply).toBe("answer me");
    await Promise.all(ends);
  });

  test("may be Infinity", async () => {
    await using peer = await UdpPeer.bind();
    const options = { maxConcurrentRequests: Infinity, retry: NO_RETRY };
    await using client = new DatagramClient(peer.address, unframedText(), options);
    const replies = Array.from({ length: 200 }, (_, index) => client.request(String(index)));
    for (const arrival of await peer.count(200)) echo(arrival, peer);
    expect(await Promise.all(replies)).toEqual(Array.from({ length: 200 }, (_, index) => String(index)));
  });
});

describe("requestQueueSize", () => {
  test("is how many may wait: one more rejects at once, and takes nobody's place", async () => {
    await using peer = await UdpPeer.bind(echo);
    const options = { maxConcurrentRequests: 1, requestQueueSize: 2, retry: NO_RETRY };
    await using client = new DatagramClient(peer.address, unframedText(), options);
    const replies = ["a", "b", "c"].map((text) => client.request(text));
    const { port } = peer.address;
    expect(await failureOf(client.request("one too many"))).toMatchObject({
      code: ClientErrorCode.queueFull,
      message: `Cannot ask 127.0.0.1:${port}: as many requests wait as requestQueueSize allows, 2`,
      sent: false,
    });
    expect(await Promise.all(replies)).toEqual(["a", "b", "c"]);
    expect(peer.texts).toEqual(["a", "b", "c"]);
  });

  test("may be 0: what cannot be sent at once rejects", async () => {
    await using peer = await UdpPeer.bind(echo);
    const options = { maxConcurrentRequests: 1, requestQueueSize: 0, retry: NO_RETRY };
    await using client = new DatagramClient(peer.address, unframedText(), options);
    const reply = client.request("a");
    expect((await failureOf(client.request("b"))).code).toBe(ClientErrorCode.queueFull);
    expect(await reply).toBe("a");
    expect(await client.request("c")).toBe("c");
  });

  test("has room again when a request that waited gives up, which is never sent", async () => {
    await using peer = await UdpPeer.bind();
    const options = { maxConcurrentRequests: 1, requestQueueSize: 1, retry: NO_RETRY };
    await using client = new DatagramClient(peer.address, unframedText(), options);
    const first = client.request("first");
    const impatient = await failureOf(client.request("impatient", { timeoutMs: 20 }));
    expect(impatient).toMatchObject({ code: ClientErrorCode.requestTimeout, sent: false });
    expect(impatient.message).toMatch(/: other requests came first for \d+ ms$/);
    const abort = new AbortController();
    const aborted = client.request("aborted", { signal: abort.signal });
    abort.abort(new Error("changed my mind"));
    await expect(aborted).rejects.toThrow("changed my mind");
    const second = client.request("second");
    const [asked] = await peer.count(1);
    peer.send("1", asked?.port ?? 0);
    expect(await first).toBe("1");
    const [, askedAgain] = await peer.count(2);
    peer.send("2", askedAgain?.port ?? 0);
    expect(await second).toBe("2");
    expect(peer.texts).toEqual(["first", "second"]);
  });
});
