import { pbkdf2 } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { afterEach, describe, expect, test } from "vitest";

import { RecordingOwner } from "../../test/support/recording-owner.ts";
import type { Address, InternetAddress } from "../address.ts";
import type { Connection } from "./connection.ts";
import { StreamListener } from "./stream-listener.ts";

const clients: Socket[] = [];
const cleanUps: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

function listener(
  address: Address = { host: "127.0.0.1", port: 0 },
  requestQueueSize = 10,
): { source: StreamListener; owner: RecordingOwner<Connection> } {
  const owner = new RecordingOwner<Connection>();
  const source = new StreamListener(address, { backlog: 511, requestQueueSize, reservedDescriptors: 32 }, owner);
  cleanUps.push(async () => {
    await source.stop();
    await source.close();
    for (const connection of owner.acceptedRequests) connection.destroy();
  });
  return { source, owner };
}

async function temporaryPath(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "listener-"));
  cleanUps.push(() => rm(folder, { recursive: true }));
  return join(folder, "s");
}

function dial(address: Address): Socket {
  const client = connect("path" in address ? { path: address.path } : { ...address });
  client.on("error", () => {});
  client.resume();
  clients.push(client);
  return client;
}

/** Resolves when a client is closed, with an error or without. */
function closeOf(client: Socket): Promise<void> {
  return new Promise((resolve) => client.on("close", () => resolve()));
}

describe("StreamListener over TCP", () => {
  test("answers its real address", async () => {
    const { source } = listener();
    const address = (await source.open()) as InternetAddress;
    expect(address.host).toBe("127.0.0.1");
    expect(address.port).toBeGreaterThan(0);
  });

  test("accepts unread connections, in order, with the client's address", async () => {
    const { source, owner } = listener();
    const client = dial(await source.open());
    client.write("hello");
    await owner.toldOf(1);
    const [connection, clientAddress] = await source.queue.take();
    expect(connection).toBe(owner.acceptedRequests[0]);
    expect(clientAddress).toEqual({ host: "127.0.0.1", port: client.localPort });
    expect(connection.remoteAddress).toEqual(clientAddress);
    expect(connection.bytesRead).toBe(0);
    expect((await connection.recv()).toString()).toBe("hello");
  });

  test("shows an IPv4 client of a dual-stack listener as IPv4", async () => {
    const { source, owner } = listener({ host: "::", port: 0 });
    const { port } = (await source.open()) as InternetAddress;
    dial({ host: "127.0.0.1", port });
    await owner.toldOf(1);
    const [, clientAddress] = await source.queue.take();
    expect(clientAddress).toMatchObject({ host: "127.0.0.1" });
  });

  test("resets what the owner does not admit, and says why", async () => {
    const { source, owner } = listener();
    owner.refusal = "max-connections";
    const client = dial(await source.open());
    const [error] = (await once(client, "error")) as [Error];
    expect(error).toMatchObject({ code: "ECONNRESET" });
    expect([owner.drops, owner.acceptedRequests]).toEqual([["max-connections"], []]);
  });

  test("resets one more than the queue holds", async () => {
    const { source, owner } = listener(undefined, 1);
    const address = await source.open();
    dial(address);
    await owner.toldOf(1);
    dial(address);
    await owner.toldOf(2);
    expect([owner.acceptedRequests.length, owner.drops]).toEqual([1, ["queue-full"]]);
  });

  test("rejects with EADDRINUSE, and can be given up", async () => {
    const { source: first } = listener();
    const address = await first.open();
    const { source: second } = listener(address);
    await expect(second.open()).rejects.toMatchObject({ name: "SocketServerError", code: "EADDRINUSE" });
    await second.stop();
    await second.close();
  });

  test("refuses new clients once it has stopped, and leaves those it has accepted open", async () => {
    const { source, owner } = listener();
    const address = await source.open();
    const early = dial(address);
    await owner.toldOf(1);
    await source.stop();
    await source.stop();
    const [error] = (await once(dial(address), "error")) as [Error];
    expect(error).toMatchObject({ code: "ECONNREFUSED" });
    const [connection] = await source.queue.take();
    connection.send("still here");
    expect(String((await once(early, "data"))[0])).toBe("still here");
  });

  test("stops and closes before it was opened", async () => {
    const { source } = listener();
    await source.stop();
    await source.close();
  });
});

describe("StreamListener over a Unix socket", () => {
  test("accepts clients without a name, at its own path", async () => {
    const path = await temporaryPath();
    const { source, owner } = listener({ path });
    expect(await source.open()).toEqual({ path });
    dial({ path });
    await owner.toldOf(1);
    const [connection, clientAddress] = await source.queue.take();
    expect(clientAddress).toEqual({ path: "" });
    expect(connection.localAddress).toEqual({ path });
  });

  test("removes its file when it stops", async () => {
    const path = await temporaryPath();
    const { source } = listener({ path });
    await source.open();
    await source.stop();
    await expect(stat(path)).rejects.toMatchObject({ code: "ENOENT" });
  });

  test("rejects with EADDRINUSE while another one listens there", async () => {
    const path = await temporaryPath();
    const { source: first } = listener({ path });
    await first.open();
    const { source: second } = listener({ path });
    await expect(second.open()).rejects.toMatchObject({ code: "EADDRINUSE" });
    await second.stop();
    expect((await stat(path)).isSocket()).toBe(true);
  });

  test("closes what the owner does not admit, and says why", async () => {
    const path = await temporaryPath();
    const { source, owner } = listener({ path });
    owner.refusal = "max-connections";
    await source.open();
    const closed = closeOf(dial({ path }));
    await owner.toldOf(1);
    expect(owner.drops).toEqual(["max-connections"]);
    await closed;
  });

  test("accepts nobody after stop() was called, although the kernel has more", async () => {
    const path = await temporaryPath();
    const { source, owner } = listener({ path }, 100);
    await source.open();
    const closed = Array.from({ length: 20 }, () => closeOf(dial({ path })));
    // Every thread of libuv's pool is busy, so that looking at the path takes a while: the kernel's queue must not be served meanwhile.
    const busy = Array.from({ length: 8 }, () => promisify(pbkdf2)("", "", 50_000, 32, "sha512"));
    await owner.toldOf(1).then(() => source.stop());
    await Promise.all(busy);
    expect([owner.acceptedRequests.length, source.queue.length]).toEqual([1, 1]);
    owner.acceptedRequests[0]?.destroy();
    await Promise.all(closed);
  });

  test("listens on an abstract name", async () => {
    const path = `\0socketserver-${process.pid}`;
    const { source, owner } = listener({ path });
    expect(await source.open()).toEqual({ path });
    dial({ path });
    await owner.toldOf(1);
    expect(owner.acceptedRequests.length).toBe(1);
  });
});
