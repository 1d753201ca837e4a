import { leakCheck } from "@socketserver/testing";
import { beforeEach, describe, expect, test } from "vitest";

import { freePort } from "../../test/support/free-port.ts";
import { MadeSockets } from "../../test/support/made-sockets.ts";
import { UdpPeer } from "../../test/support/udp-peer.ts";
import { DatagramLink } from "./datagram-link.ts";

beforeEach(() => leakCheck());

const HELLO = Buffer.from("hello");

function linkTo(port: number, received: (packet: Buffer) => void = () => {}): DatagramLink {
  return new DatagramLink({ address: { host: "127.0.0.1", port }, sourceAddress: undefined }, received);
}

describe("DatagramLink.open()", () => {
  test("opens one socket for all", async () => {
    using made = new MadeSockets();
    const link = linkTo(9);
    const [one, two] = await Promise.all([link.open(), link.open()]);
    expect([two, await link.open()]).toEqual([one, one]);
    expect(made.sockets).toHaveLength(1);
    await link.close();
  });

  test("opens another one when that one has failed", async () => {
    using made = new MadeSockets();
    const link = linkTo(9);
    const first = await link.open();
    const error = made.breakLast();
    expect(link.troubleSince(0)).toBe(error);
    const second = await link.open();
    expect([first.closed, second.closed]).toEqual([true, false]);
    await link.close();
    expect(second.closed).toBe(true);
  });

  test("tries again when it could not", async () => {
    const address = { host: "nosuch.invalid", port: 9 };
    const link = new DatagramLink({ address, sourceAddress: undefined }, () => {});
    using made = new MadeSockets();
    for (let time = 0; time < 2; time++) await expect(link.open()).rejects.toMatchObject({ code: "ENOTFOUND" });
    expect(made.sockets).toEqual([]);
    await link.close();
  });

  test("opens nothing once it is closed", async () => {
    const closed = { code: "ERR_SOCKETSERVER_CONNECTION_CLOSED" };
    const link = linkTo(9);
    const opening = link.open().catch((error: unknown) => error);
    const closing = link.close();
    expect(link.close()).toBe(closing);
    await closing;
    expect(await opening).toMatchObject(closed);
    await expect(link.open()).rejects.toMatchObject(closed);
  });
});

describe("DatagramLink.troubleSince()", () => {
  test("is the last trouble, unless it is older", async () => {
    const bug = new Error("has a bug");
    const received = Promise.withResolvers<void>();
    await using peer = await UdpPeer.bind(({ port }) => peer.send("x", port));
    const link = linkTo(peer.address.port, () => {
      received.resolve();
      throw bug;
    });
    const before = performance.now();
    expect(link.troubleSince(before)).toBeUndefined();
    await (await link.open()).send(HELLO);
    await received.promise;
    expect(link.troubleSince(before)).toBe(bug);
    expect(link.troubleSince(performance.now() + 1)).toBeUndefined();
    await link.close();
  });

  test("is a refusal, too", async () => {
    const link = linkTo(await freePort());
    const socket = await link.open();
    // The second one meets the refusal of the first.
    await Promise.all([socket.send(HELLO), socket.send(HELLO)]);
    expect(link.troubleSince(0)).toMatchObject({ code: "ECONNREFUSED" });
    await link.close();
  });
});

describe("DatagramLink.afterArrivals()", () => {
  test("lets all that has come be looked at, more than the runtime takes in one turn", async () => {
    let received = 0;
    await using peer = await UdpPeer.bind(({ port }) => {
      for (let count = 0; count < 150; count++) peer.send("x", port);
      link.afterArrivals(() => looked.resolve(received));
    });
    const looked = Promise.withResolvers<number>();
    const link = linkTo(peer.address.port, () => received++);
    await (await link.open()).send(HELLO);
    expect(await looked.promise).toBe(150);
    await link.close();
  });

  test("calls back while more and more comes", async () => {
    await using peer = await UdpPeer.bind();
    const link = linkTo(peer.address.port, () => answer());
    const answer = (): void => peer.send("more", peer.arrivals[0]?.port ?? 0);
    await (await link.open()).send(HELLO);
    await peer.count(1);
    answer();
    await new Promise<void>((resolve) => link.afterArrivals(resolve));
    await link.close();
  });

  test("calls back where there is no socket", async () => {
    const link = linkTo(9);
    await new Promise<void>((resolve) => link.afterArrivals(resolve));
    await link.close();
  });
});
