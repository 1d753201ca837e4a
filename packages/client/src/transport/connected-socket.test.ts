import { leakCheck } from "@socketserver/testing";
import { beforeEach, describe, expect, test } from "vitest";

import { failing } from "../../test/support/failing-send.ts";
import { freePort } from "../../test/support/free-port.ts";
import { MadeSockets } from "../../test/support/made-sockets.ts";
import { UdpPeer } from "../../test/support/udp-peer.ts";
import { ConnectedSocket } from "./connected-socket.ts";

beforeEach(() => leakCheck());

const HELLO = Buffer.from("hello");
const CLOSED = { code: "ERR_SOCKETSERVER_CONNECTION_CLOSED" };

/** What is heard of a socket. */
class Notes {
  readonly packets: string[] = [];
  readonly refusals: unknown[] = [];
  readonly failures: unknown[] = [];
  readonly #refused = Promise.withResolvers<void>();
  readonly #heard = Promise.withResolvers<void>();

  /** Resolves at the first datagram. */
  get heard(): Promise<void> {
    return this.#heard.promise;
  }

  /** Resolves at the first refusal. */
  get wasRefused(): Promise<void> {
    return this.#refused.promise;
  }

  received(packet: Buffer): void {
    this.packets.push(packet.toString());
    this.#heard.resolve();
  }

  refused(error: Error): void {
    this.refusals.push(error);
    this.#refused.resolve();
  }

  failed(error: Error): void {
    this.failures.push(error);
  }
}

function socketTo(port: number, from?: { readonly host: string; readonly port?: number }): [ConnectedSocket, Notes] {
  const notes = new Notes();
  return [new ConnectedSocket({ host: "127.0.0.1", port }, from, notes), notes];
}

describe("ConnectedSocket", () => {
  test("sends and receives, and hears nothing more once it is closed", async () => {
    await using peer = await UdpPeer.bind(({ text, port }) => peer.send(text.toUpperCase(), port));
    const [socket, notes] = socketTo(peer.address.port);
    await socket.open();
    await socket.send(HELLO);
    await notes.heard;
    await socket.send(HELLO);
    await socket.close();
    await peer.count(2);
    expect(notes).toMatchObject({ packets: ["HELLO"], refusals: [], failures: [] });
  });

  test("tells of refusals, and goes on: every datagram is given to the system", async () => {
    const port = await freePort();
    const [socket, notes] = socketTo(port);
    await socket.open();
    await Promise.all(Array.from({ length: 100 }, () => socket.send(HELLO)));
    await notes.wasRefused;
    expect(notes.refusals[0]).toMatchObject({ code: "ECONNREFUSED" });
    expect([socket.closed, notes.failures]).toEqual([false, []]);
    await using peer = await UdpPeer.bind(undefined, { port });
    await socket.send(HELLO);
    await peer.count(1);
    await socket.close();
  });

  test("is closed when it fails, and tells so once", async () => {
    using made = new MadeSockets();
    await using peer = await UdpPeer.bind();
    const [socket, notes] = socketTo(peer.address.port);
    await socket.open();
    const error = made.breakLast();
    made.breakLast("ENETUNREACH");
    expect([socket.closed, notes.failures]).toEqual([true, [error]]);
    await expect(socket.send(HELLO)).rejects.toBe(error);
  });

  test("rejects what is being sent with its failure", async () => {
    using made = new MadeSockets((socket) => (socket.send = () => {}));
    const [socket] = socketTo(9);
    await socket.open();
    const sending = socket.send(HELLO);
    const error = made.breakLast();
    await expect(sending).rejects.toBe(error);
  });

  test("rejects with ECONNREFUSED if the system says nothing else", async () => {
    let asked = 0;
    using _ = new MadeSockets((socket) => (socket.send = failing("ECONNREFUSED", () => asked++)));
    const [socket, notes] = socketTo(9);
    await socket.open();
    await expect(socket.send(HELLO)).rejects.toMatchObject({ code: "ECONNREFUSED" });
    expect(asked).toBe(16);
    expect(notes.refusals).toHaveLength(15);
    await socket.close();
  });

  test("is closed when it cannot be opened", async () => {
    await using peer = await UdpPeer.bind();
    const [socket, notes] = socketTo(9, peer.address);
    await expect(socket.open()).rejects.toMatchObject({ code: "EADDRINUSE" });
    expect([socket.closed, notes.failures]).toEqual([true, []]);
    const [unknown] = [new ConnectedSocket({ host: "nosuch.invalid", port: 9 }, undefined, notes)];
    await expect(unknown.open()).rejects.toMatchObject({ code: "ENOTFOUND" });
    expect(unknown.closed).toBe(true);
  });

  test("rejects with EMSGSIZE for what fits no datagram, and goes on", async () => {
    await using peer = await UdpPeer.bind();
    const [socket] = socketTo(peer.address.port);
    await socket.open();
    await expect(socket.send(Buffer.alloc(65_508))).rejects.toMatchObject({ code: "EMSGSIZE" });
    await socket.send(HELLO);
    await peer.count(1);
    await socket.close();
  });
});

describe("ConnectedSocket.close()", () => {
  test("is the same promise each time, and needs no socket", async () => {
    const [socket] = socketTo(9);
    const closing = socket.close();
    expect(socket.close()).toBe(closing);
    await closing;
    await expect(socket.open()).rejects.toMatchObject(CLOSED);
    await expect(socket.send(HELLO)).rejects.toMatchObject(CLOSED);
  });

  test.each(["127.0.0.1", "localhost"])("ends an open() that is under way, at whatever step: %s", async (host) => {
    let cut = 0;
    for (let step = 0; step < 12; step++) {
      const socket = new ConnectedSocket({ host, port: 9 }, undefined, new Notes());
      const opening = socket.open().catch((error: unknown) => error);
      for (let tick = 0; tick < step; tick++) await new Promise<void>((resolve) => process.nextTick(resolve));
      await socket.close();
      const error = await opening;
      if (error === undefined) continue;
      expect(error).toMatchObject(CLOSED);
      cut++;
    }
    expect(cut).toBeGreaterThan(0);
  });

  test("settles what is being sent", async () => {
    await using peer = await UdpPeer.bind();
    const [socket] = socketTo(peer.address.port);
    await socket.open();
    const sending = Promise.allSettled(Array.from({ length: 10 }, () => socket.send(HELLO)));
    await socket.close();
    expect(await sending).toHaveLength(10);
  });
});
