import { DatagramClient } from "@socketserver/client";
import { lines, unframedText } from "@socketserver/framing";
import { leakCheck } from "@socketserver/testing";
import { networkInterfaces } from "node:os";
import { beforeEach, describe, expect, test, type TestContext } from "vitest";

import { failureOf } from "./support/failure-of.ts";
import { NO_RETRY } from "./support/fast-retry.ts";
import { freeDatagramPort } from "./support/free-datagram-port.ts";
import { UdpPeer, type Arrival } from "./support/udp-peer.ts";

beforeEach(() => leakCheck());

const echo = ({ text, port }: Arrival, peer: UdpPeer): void => peer.send(text, port);

/** For tests of IPv6: skips them aloud where there is none. */
function needsIpv6({ skip }: TestContext): void {
  const addresses = Object.values(networkInterfaces()).flatMap((addressesOfOne) => addressesOfOne ?? []);
  if (!addresses.some(({ address }) => address === "::1")) skip("there is no IPv6 here");
}

describe("the address of a DatagramClient", () => {
  test("may be a name, which is looked up for each socket", async () => {
    await using peer = await UdpPeer.bind(echo);
    const address = { host: "localhost", port: peer.address.port };
    // Of the family of our end, whatever the system prefers.
    const options = { retry: NO_RETRY, sourceAddress: { host: "127.0.0.1" } };
    await using client = new DatagramClient(address, unframedText(), options);
    expect(await Promise.all([client.request("one"), client.request("two")])).toEqual(["one", "two"]);
  });

  test("may be one of IPv6", async (context) => {
    needsIpv6(context);
    await using peer = await UdpPeer.bind(echo, { host: "::1" });
    for (const host of ["::1", "0:0::1"]) {
      await using client = new DatagramClient({ host, port: peer.address.port }, unframedText(), { retry: NO_RETRY });
      expect(await client.request("hello")).toBe("hello");
    }
  });

  test("may be an IPv4 address as IPv6 writes it", async (context) => {
    needsIpv6(context);
    await using peer = await UdpPeer.bind(echo);
    const address = { host: "::ffff:127.0.0.1", port: peer.address.port };
    await using client = new DatagramClient(address, unframedText(), { retry: NO_RETRY });
    expect(await client.request("hello")).toBe("hello");
  });

  test("is 127.0.0.1 unless set", async () => {
    await using peer = await UdpPeer.bind(echo);
    await using client = new DatagramClient({ port: peer.address.port }, unframedText(), { retry: NO_RETRY });
    expect(client.address).toEqual(peer.address);
    expect(await client.request("hello")).toBe("hello");
  });

  test.each([
    ["nosuch.invalid", "ENOTFOUND", /^Cannot ask nosuch\.invalid:9: .*\(ENOTFOUND\)$/],
    ["255.255.255.255", "EACCES", /^Cannot ask 255\.255\.255\.255:9: .*\(EACCES\)$/],
  ])("makes a call reject if it is none that can be connected to: %s", async (host, code, message) => {
    for (const correlateBy of [undefined, "id"]) {
      const options = { retry: NO_RETRY, ...(correlateBy !== undefined && { correlateBy }) };
      await using client = new DatagramClient({ host, port: 9 }, lines().json(), options);
      const error = await failureOf(client.request({ id: 1 }));
      expect(error).toMatchObject({ code, sent: false, cause: { code } });
      expect(error.message).toMatch(message);
      // A later call tries again.
      expect(await failureOf(client.send({ id: 2 }))).toMatchObject({ code, sent: false, cause: { code } });
      expect(await failureOf(client.send({ id: 3 }))).toMatchObject({ code, sent: false, cause: { code } });
    }
  });
});

describe("sourceAddress", () => {
  test("is where requests come from", async () => {
    await using peer = await UdpPeer.bind(echo);
    const port = await freeDatagramPort();
    const options = { correlateBy: "id", retry: NO_RETRY, sourceAddress: { host: "127.0.0.1", port } } as const;
    await using client = new DatagramClient(peer.address, lines().json(), options);
    expect(await client.request({ id: 1 })).toEqual({ id: 1 });
    await client.send({ id: 2 });
    await peer.count(2);
    expect(peer.arrivals.map((arrival) => arrival.port)).toEqual([port, port]);
  });

  test("makes a call reject if someone has its port", async () => {
    await using peer = await UdpPeer.bind(echo);
    const options = { correlateBy: "id", retry: NO_RETRY, sourceAddress: peer.address } as const;
    await using client = new DatagramClient({ port: 9 }, lines().json(), options);
    const code = "EADDRINUSE";
    expect(await failureOf(client.request({ id: 1 }))).toMatchObject({ code, sent: false, cause: { code } });
  });
});
