import { ClientErrorCode, DatagramClient } from "@socketserver/client";
import { AsyncUDPServer, DatagramRequestHandler, UDPServer } from "@socketserver/core";
import { lines, MessageRequestHandler, unframedBytes, unframedText, type Codec } from "@socketserver/framing";
import { leakCheck, serve } from "@socketserver/testing";
import { beforeEach, describe, expect, test } from "vitest";

import { failureOf } from "./support/failure-of.ts";
import { FAST, NO_RETRY, ONE_TRY } from "./support/fast-retry.ts";
import { freeDatagramPort } from "./support/free-datagram-port.ts";
import { UdpPeer, type Script } from "./support/udp-peer.ts";

beforeEach(() => leakCheck());

class UpperHandler extends DatagramRequestHandler {
  override async handle(): Promise<void> {
    await this.wfile.write(this.packet.toString().toUpperCase());
  }
}

/** Answers what it is told, from the n-th datagram on. */
const answerFrom =
  (count: number, answer = "answer"): Script =>
  ({ port }, peer) => {
    if (peer.arrivals.length >= count) peer.send(answer, port);
  };

describe("DatagramClient.request()", () => {
  test.each([UDPServer, AsyncUDPServer])("is answered by $name", async (server) => {
    await using running = await serve(UpperHandler, { server });
    await using client = new DatagramClient({ port: running.port }, unframedText(), { retry: NO_RETRY });
    expect(await client.request("hello")).toBe("HELLO");
    const words = ["one", "two", "three"];
    expect(await Promise.all(words.map((word) => client.request(word)))).toEqual(["ONE", "TWO", "THREE"]);
  });

  test.each<[string, Codec<unknown>, unknown]>([
    ["text", unframedText(), ""],
    ["bytes", unframedBytes(), Buffer.alloc(0)],
  ])("asks with an empty datagram, and is answered with one: %s", async (_what, codec, nothing) => {
    class EchoHandler extends MessageRequestHandler(codec) {
      override handleMessage(message: unknown): unknown {
        return message;
      }
    }
    await using running = await serve(EchoHandler, { server: AsyncUDPServer });
    await using client = new DatagramClient({ port: running.port }, codec, { retry: NO_RETRY });
    expect(await client.request(nothing)).toEqual(nothing);
  });

  test("gives each request a port of its own, and each of its tries the same one", async () => {
    await using peer = await UdpPeer.bind(answerFrom(3));
    await using client = new DatagramClient(peer.address, unframedText(), { retry: FAST });
    expect(await client.request("first")).toBe("answer");
    expect(await client.request("second")).toBe("answer");
    const ports = ["first", "second"].map((each) => {
      return new Set(peer.arrivals.filter(({ text }) => text === each).map(({ port }) => port));
    });
    expect(ports.map(({ size }) => size)).toEqual([1, 1]);
    expect(ports[0]).not.toEqual(ports[1]);
    expect(peer.arrivals.length).toBeGreaterThan(3);
  });

  test("sends the same bytes each time, with pauses that grow", async () => {
    await using peer = await UdpPeer.bind();
    const retry = { minDelayMs: 60, factor: 2, jitter: 0 };
    await using client = new DatagramClient(peer.address, lines().json(), { retry });
    const message = { question: "before" };
    const reply = client.request(message);
    message.question = "after";
    await failureOf(reply);
    expect(peer.texts).toEqual(Array.from({ length: 4 }, () => '{"question":"before"}'));
    const [first = 0, second = 0, third = 0, fourth = 0] = peer.arrivals.map(({ at }) => at);
    // Half of it, for machines that are held up between a datagram and its arrival.
    expect(second - first).toBeGreaterThan(30);
    expect(third - second).toBeGreaterThan(60);
    expect(fourth - third).toBeGreaterThan(120);
  });

  test("takes an answer to the last try, as long as a further pause would take", async () => {
    await using peer = await UdpPeer.bind(({ port }) => {
      if (peer.arrivals.length === 2) setTimeout(() => peer.send("late", port), 20);
    });
    const retry = { minDelayMs: 20, factor: 100, maxAttempts: 2 };
    await using client = new DatagramClient(peer.address, unframedText(), { retry });
    expect(await client.request("hello")).toBe("late");
  });

  test("rejects when its tries are over, and says how many there were", async () => {
    await using peer = await UdpPeer.bind();
    for (const maxAttempts of [1, 3]) {
      peer.arrivals.length = 0;
      await using client = new DatagramClient(peer.address, unframedText(), { retry: { ...FAST, maxAttempts } });
      const error = await failureOf(client.request("hello"));
      expect(error).toMatchObject({ code: ClientErrorCode.requestTimeout, sent: true });
      expect(error.cause).toBeUndefined();
      const many = maxAttempts === 1 ? "1 datagram was" : "3 datagrams were";
      const { port } = peer.address;
      expect(error.message).toMatch(`Cannot ask 127.0.0.1:${port}: ${many} not answered within `);
      expect(peer.texts).toEqual(Array.from({ length: maxAttempts }, () => "hello"));
    }
  });

  test("rejects when its time is over, before its tries are", async () => {
    await using peer = await UdpPeer.bind();
    const retry = { ...NO_RETRY, maxAttempts: Infinity };
    await using client = new DatagramClient(peer.address, unframedText(), { retry, requestTimeoutMs: 40 });
    expect(await failureOf(client.request("hello"))).toMatchObject({
      code: ClientErrorCode.requestTimeout,
      message: expect.stringMatching(/: 1 datagram was not answered within \d+ ms$/) as string,
      sent: true,
    });
  });

  test("may have a time of its own, longer or shorter", async () => {
    await using peer = await UdpPeer.bind(({ text, port }) => {
      if (text === "slow") setTimeout(() => peer.send("answer", port), 100);
    });
    await using client = new DatagramClient(peer.address, unframedText(), { retry: NO_RETRY, requestTimeoutMs: 50 });
    expect(await client.request("slow", { timeoutMs: Infinity })).toBe("answer");
    await using patient = new DatagramClient(peer.address, unframedText(), { retry: NO_RETRY });
    expect(await failureOf(patient.request("mute", { timeoutMs: 1 }))).toMatchObject({
      code: ClientErrorCode.requestTimeout,
    });
  });

  test("takes a reply that came in time, even if this process was too busy to look", async () => {
    const asked = 100;
    await using peer = await UdpPeer.bind(() => {
      if (peer.arrivals.length < asked) return;
      const busyUntil = performance.now() + 450;
      while (performance.now() < busyUntil);
      for (const { text, port } of peer.arrivals) peer.send(`{"id":${text.replace(/\D/g, "")}}`, port);
    });
    const options = { correlateBy: "id", requestTimeoutMs: 400, retry: NO_RETRY };
    await using client = new DatagramClient(peer.address, lines().json(), options);
    const replies = await Promise.all(Array.from({ length: asked }, (_, id) => client.request({ id })));
    expect(replies).toEqual(Array.from({ length: asked }, (_, id) => ({ id })));
  });
});

describe("a server that is not there", () => {
  test("is asked again, and answers when it has come up", async () => {
    const port = await freeDatagramPort();
    const retry = { ...FAST, factor: 1 };
    await using client = new DatagramClient({ port }, unframedText(), { retry });
    const reply = client.request("hello");
    const { cause } = await failureOf(client.request("too soon", { timeoutMs: 50 }));
    expect(cause).toMatchObject({ code: "ECONNREFUSED" });
    await using peer = await UdpPeer.bind(answerFrom(1), { port });
    expect(await reply).toBe("answer");
    expect(peer.texts[0]).toBe("hello");
  });

  test("is the cause of the error, if nobody comes up", async () => {
    const port = await freeDatagramPort();
    await using client = new DatagramClient({ port }, unframedText(), { retry: { ...FAST, maxAttempts: 4 } });
    expect(await failureOf(client.request("hello"))).toMatchObject({
      code: ClientErrorCode.requestTimeout,
      message: expect.stringMatching(/ 4 datagrams were .*: connection refused \(ECONNREFUSED\)$/) as string,
      cause: { code: "ECONNREFUSED" },
      sent: true,
    });
  });
});

describe("a datagram that is no message", () => {
  const garbage = Buffer.from([0xff]);

  test("is ignored when the reply comes behind it", async () => {
    await using peer = await UdpPeer.bind(({ port }) => {
      peer.send(garbage, port);
      peer.send("answer", port);
    });
    await using client = new DatagramClient(peer.address, lines().text(), { retry: NO_RETRY });
    expect(await client.request("hello")).toBe("answer");
  });

  test("is the cause of the error, if nothing better comes", async () => {
    await using peer = await UdpPeer.bind(({ port }) => peer.send(garbage, port));
    await using client = new DatagramClient(peer.address, lines().text(), { retry: { ...ONE_TRY, maxAttempts: 2 } });
    expect(await failureOf(client.request("hello"))).toMatchObject({
      code: ClientErrorCode.requestTimeout,
      message: expect.stringMatching(/\(ERR_SOCKETSERVER_PROTOCOL\)$/) as string,
      cause: { name: "ProtocolError" },
    });
    expect(peer.arrivals).toHaveLength(2);
  });

  test("is no more than that, even if the codec has a bug", async () => {
    await using peer = await UdpPeer.bind(({ port }) => peer.send("x", port));
    const bug = new RangeError("has a bug");
    const codec = {
      ...unframedText(),
      decodeDatagram(): string {
        throw bug;
      },
    };
    await using client = new DatagramClient(peer.address, codec, { retry: ONE_TRY });
    const error = await failureOf(client.request("hello"));
    expect(error.cause).toBe(bug);
    expect(error.message).toMatch(/the last trouble: has a bug$/);
  });
});
