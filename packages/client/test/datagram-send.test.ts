import { DatagramClient } from "@socketserver/client";
import { AsyncUDPServer, BaseRequestHandler, type Datagram } from "@socketserver/core";
import { lines, unframedText } from "@socketserver/framing";
import { leakCheck, serve } from "@socketserver/testing";
import { beforeEach, describe, expect, test } from "vitest";

import { failureOf } from "./support/failure-of.ts";
import { NO_RETRY } from "./support/fast-retry.ts";
import { freeDatagramPort } from "./support/free-datagram-port.ts";
import { UdpPeer } from "./support/udp-peer.ts";

beforeEach(() => leakCheck());

class NotingHandler extends BaseRequestHandler<never, Datagram> {
  static readonly notes: string[] = [];

  override handle(): void {
    NotingHandler.notes.push(this.request.packet.toString());
  }
}

describe("DatagramClient.send()", () => {
  test("sends a message once, to a server that does not answer", async () => {
    await using running = await serve(NotingHandler, { server: AsyncUDPServer });
    await using client = new DatagramClient({ port: running.port }, unframedText());
    await client.send("one");
    await client.send("two");
    await running.closedCount(2);
    expect(NotingHandler.notes).toEqual(["one", "two"]);
  });

  test("encodes the message at the call", async () => {
    await using peer = await UdpPeer.bind();
    await using client = new DatagramClient(peer.address, lines().json());
    const message = { said: "before" };
    const sending = client.send(message);
    message.said = "after";
    await sending;
    await peer.count(1);
    expect(peer.texts).toEqual(['{"said":"before"}']);
  });

  test("ignores what answers it, and uses one port for all", async () => {
    await using peer = await UdpPeer.bind(({ port }) => peer.send("who asked?", port));
    await using client = new DatagramClient(peer.address, unframedText());
    for (const text of ["a", "b", "c"]) await client.send(text);
    await peer.count(3);
    expect(new Set(peer.arrivals.map(({ port }) => port)).size).toBe(1);
  });

  test("resolves for every message where nobody listens: the system had them all", async () => {
    await using client = new DatagramClient({ port: await freeDatagramPort() }, unframedText());
    await Promise.all(Array.from({ length: 300 }, () => client.send("hello")));
    await client.send("hello again");
  });

  test("reaches a server that comes up later", async () => {
    const port = await freeDatagramPort();
    await using client = new DatagramClient({ port }, unframedText());
    await Promise.all(["too", "early"].map((text) => client.send(text)));
    await using peer = await UdpPeer.bind(undefined, { port });
    await client.send("in time");
    await peer.count(1);
    expect(peer.texts).toEqual(["in time"]);
  });

  test("rejects with EMSGSIZE for what fits no datagram, and goes on", async () => {
    await using peer = await UdpPeer.bind(({ text, port }) => peer.send(text, port));
    await using client = new DatagramClient(peer.address, unframedText(), { retry: NO_RETRY });
    const tooLong = "x".repeat(65_508);
    const [sent, requested] = [await failureOf(client.send(tooLong)), await failureOf(client.request(tooLong))];
    const failure = { code: "EMSGSIZE", sent: false, cause: { code: "EMSGSIZE" } };
    expect(sent).toMatchObject(failure);
    expect(requested).toMatchObject(failure);
    const where = `127.0.0.1:${peer.address.port}`;
    expect(sent.message).toBe(`Cannot send to ${where}: message too long (EMSGSIZE)`);
    expect(requested.message).toBe(`Cannot ask ${where}: message too long (EMSGSIZE)`);
    const longest = tooLong.slice(1);
    await client.send(longest);
    expect(await client.request(longest)).toBe(longest);
  });
});
