import { once } from "node:events";
import { createServer, connect, type AddressInfo, type Server, type Socket } from "node:net";
import { duplexPair } from "node:stream";

import { afterEach, describe, expect, test, vi } from "vitest";

import { temporaryPath } from "../../test/support/temporary-path.ts";
import { sendQueueOf, showsSendQueue } from "./send-queue.ts";

const cleanUps: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

/** Both ends of a connection to a server that listens there; neither reads. */
async function pairOver(where: object): Promise<{ server: Socket; client: Socket; listener: Server }> {
  const listener = createServer({ pauseOnConnect: true }).listen(where);
  await once(listener, "listening");
  cleanUps.push(() => listener.close());
  const bound = listener.address();
  const target =
    typeof bound === "string" ? { path: bound } : { port: (bound as AddressInfo).port, host: hostOf(where) };
  const client = connect(target as { path: string });
  const [[server]] = (await Promise.all([once(listener, "connection"), once(client, "connect")])) as [
    [Socket],
    unknown,
  ];
  for (const socket of [server, client]) cleanUps.push(() => socket.destroy());
  return { server, client, listener };
}

function hostOf(where: { host?: string }): string {
  return where.host === "::" ? "127.0.0.1" : String(where.host);
}

describe("sendQueueOf()", () => {
  test.each([["127.0.0.1"], ["::1"], ["::"]])("tells what the peer has not taken, over %s", async (host) => {
    const { server, client } = await pairOver({ host, port: 0 });
    // The picture of the table may be older than the socket.
    await vi.waitFor(() => expect(sendQueueOf(server)).toBe(0), 5_000);
    // More than both kernels keep.
    server.write(Buffer.alloc(16_777_216));
    await vi.waitFor(() => expect(sendQueueOf(server)).toBeGreaterThan(10_000), 5_000);
    client.resume();
    await once(server, "drain");
    await vi.waitFor(() => expect(sendQueueOf(server)).toBe(0), 5_000);
  });

  test("does not know a Unix socket, a stream without a socket, and a socket that is closed", async () => {
    const { server } = await pairOver({ path: await temporaryPath() });
    const closed = (await pairOver({ host: "127.0.0.1", port: 0 })).server;
    closed.destroy();
    await once(closed, "close");
    for (const stream of [server, duplexPair()[0], closed]) {
      expect(showsSendQueue(stream)).toBe(false);
      expect(sendQueueOf(stream)).toBeUndefined();
    }
  });

  test("believes a stream whose socket is elsewhere", () => {
    const [relayed] = duplexPair();
    const stream = Object.assign(relayed, { sendQueue: 5 });
    expect([showsSendQueue(stream), sendQueueOf(stream)]).toEqual([true, 5]);
  });
});
