import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";

import { afterEach, describe, expect, test } from "vitest";

import { RecordingOwner } from "../../test/support/recording-owner.ts";
import { someTurns } from "../../test/support/some-turns.ts";
import type { InternetAddress } from "../address.ts";
import { DatagramPort } from "./datagram-port.ts";
import type { Datagram } from "./datagram.ts";

const cleanUps: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp();
});

function port(
  address: InternetAddress = { host: "127.0.0.1", port: 0 },
  options: { requestQueueSize?: number; maxPacketSize?: number } = {},
): { source: DatagramPort; owner: RecordingOwner<Datagram> } {
  const owner = new RecordingOwner<Datagram>();
  const source = new DatagramPort(address, { requestQueueSize: 10, maxPacketSize: 65_535, ...options }, owner);
  cleanUps.push(() => source.close());
  return { source, owner };
}

/** A client that is bound to the loopback interface. */
async function client(type: "udp4" | "udp6" = "udp4"): Promise<Socket> {
  const socket = createSocket(type);
  socket.bind(0, type === "udp4" ? "127.0.0.1" : "::1");
  await once(socket, "listening");
  cleanUps.push(async () => socket.close());
  return socket;
}

describe("DatagramPort", () => {
  test("receives datagrams with their sender, empty ones too", async () => {
    const { source } = port();
    const bound = (await source.open()) as InternetAddress;
    const socket = await client();
    socket.send("hello", bound.port, bound.host);
    const [datagram, clientAddress] = await source.queue.take();
    expect(datagram.packet.toString()).toBe("hello");
    expect(clientAddress).toEqual({ host: "127.0.0.1", port: socket.address().port });
    socket.send("", bound.port, bound.host);
    const [empty] = await source.queue.take();
    expect(empty.packet.length).toBe(0);
  });

  test("answers the sender", async () => {
    const { source } = port();
    const bound = (await source.open()) as InternetAddress;
    const socket = await client();
    socket.send("ping", bound.port, bound.host);
    const [datagram] = await source.queue.take();
    const answer = once(socket, "message");
    await datagram.reply("pong");
    expect(String((await answer)[0])).toBe("pong");
    expect(datagram.bytesWritten).toBe(4);
  });

  test("serves IPv4 clients on a dual-stack port, and shows and answers them as IPv4", async () => {
    const { source } = port({ host: "::", port: 0 });
    const bound = (await source.open()) as InternetAddress;
    const socket = await client();
    socket.send("ping", bound.port, "127.0.0.1");
    const [datagram, clientAddress] = await source.queue.take();
    expect(clientAddress).toEqual({ host: "127.0.0.1", port: socket.address().port });
    const answer = once(socket, "message");
    await datagram.reply("pong");
    expect(String((await answer)[0])).toBe("pong");
  });

  test("serves IPv6 clients", async () => {
    const { source } = port({ host: "::1", port: 0 });
    const bound = (await source.open()) as InternetAddress;
    const socket = await client("udp6");
    socket.send("ping", bound.port, "::1");
    const [datagram, clientAddress] = await source.queue.take();
    expect(clientAddress).toMatchObject({ host: "::1" });
    const answer = once(socket, "message");
    await datagram.reply("pong");
    expect(String((await answer)[0])).toBe("pong");
  });

  test("takes a datagram of exactly maxPacketSize, and drops one more byte whole", async () => {
    const { source, owner } = port(undefined, { maxPacketSize: 4 });
    const bound = (await source.open()) as InternetAddress;
    const socket = await client();
    socket.send("four", bound.port, bound.host);
    socket.send("five!", bound.port, bound.host);
    await owner.toldOf(2);
    expect(owner.acceptedRequests.map(({ packet }) => packet.toString())).toEqual(["four"]);
    expect(owner.drops).toEqual(["packet-too-big"]);
  });

  test("drops what the owner does not admit, and what finds no room", async () => {
    const { source, owner } = port(undefined, { requestQueueSize: 1 });
    const bound = (await source.open()) as InternetAddress;
    const socket = await client();
    socket.send("one", bound.port, bound.host);
    socket.send("two", bound.port, bound.host);
    await owner.toldOf(2);
    owner.refusal = "max-connections-per-address";
    socket.send("three", bound.port, bound.host);
    await owner.toldOf(3);
    expect(owner.drops).toEqual(["queue-full", "max-connections-per-address"]);
  });

  test("rejects with EADDRINUSE, also twice in this process", async () => {
    const { source: first } = port();
    const bound = (await first.open()) as InternetAddress;
    const { source: second } = port(bound);
    await expect(second.open()).rejects.toMatchObject({ name: "SocketServerError", code: "EADDRINUSE" });
  });

  test("ignores what comes after stop(), and can still send", async () => {
    const { source, owner } = port();
    const bound = (await source.open()) as InternetAddress;
    await source.stop();
    const socket = await client();
    socket.send("late", bound.port, bound.host);
    const answer = once(socket, "message");
    await source.sendTo("last word", { host: "127.0.0.1", port: socket.address().port });
    expect(String((await answer)[0])).toBe("last word");
    expect([owner.acceptedRequests, owner.drops]).toEqual([[], []]);
  });

  test("closes twice, and before it was opened", async () => {
    const { source } = port();
    await source.close();
    await source.open();
    await source.close();
    await source.close();
  });
});

describe("DatagramPort.sendTo()", () => {
  test("rejects with EMSGSIZE for what fits no datagram", async () => {
    const { source } = port();
    const bound = await source.open();
    await expect(source.sendTo(Buffer.alloc(70_000), bound)).rejects.toMatchObject({ code: "EMSGSIZE" });
  });

  test("rejects after close()", async () => {
    const { source } = port();
    const bound = await source.open();
    await source.close();
    await expect(source.sendTo("x", bound)).rejects.toMatchObject({ code: "ERR_SOCKETSERVER_SERVER_CLOSED" });
  });

  test("settles when the port is closed before the kernel has it", async () => {
    const { source } = port();
    const bound = await source.open();
    const sent = source.sendTo("x", bound).then(
      () => "sent",
      () => "rejected",
    );
    await source.close();
    const turns = (async () => {
      await someTurns();
      return "waiting";
    })();
    expect(await Promise.race([sent, turns])).not.toBe("waiting");
  });

  test("rejects for an address without host and port, and for data of the wrong type", async () => {
    const { source } = port();
    const bound = await source.open();
    const invalid = { name: "TypeError", code: "ERR_SOCKETSERVER_INVALID_ARGUMENT" };
    await expect(source.sendTo("x", { path: "/run/x" })).rejects.toMatchObject(invalid);
    await expect(source.sendTo(5 as never, bound)).rejects.toMatchObject(invalid);
  });

  test("rejects, and does not throw, for a port that nobody can have", async () => {
    const { source } = port();
    await source.open();
    let sent: Promise<void> | undefined;
    expect(() => (sent = source.sendTo("x", { host: "127.0.0.1", port: 0 }))).not.toThrow();
    await expect(sent).rejects.toMatchObject({ name: "RangeError" });
  });
});
