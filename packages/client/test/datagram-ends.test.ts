/**
 * Whenever a request is given up, and whenever the client is closed, nothing is left: the check after each test counts sockets and timers.
 *
 * @module
 */
import { ClientErrorCode, DatagramClient, type DatagramClientOptions } from "@socketserver/client";
import { ErrorCode } from "@socketserver/core";
import { lines, type JsonValue } from "@socketserver/framing";
import { leakCheck } from "@socketserver/testing";
import { beforeEach, describe, expect, test } from "vitest";

import { collectGarbage } from "../../core/test/support/collect-garbage.ts";
import { eventually } from "../../core/test/support/eventually.ts";
import { blockThreadPool } from "./support/block-thread-pool.ts";
import { failureOf } from "./support/failure-of.ts";
import { NO_RETRY, ONE_TRY } from "./support/fast-retry.ts";
import { UdpPeer } from "./support/udp-peer.ts";

beforeEach(() => leakCheck());

type Options = DatagramClientOptions<JsonValue, unknown>;

const KINDS: readonly [name: string, options: Options][] = [
  ["a port for each request", { retry: NO_RETRY }],
  ["one port for all", { retry: NO_RETRY, correlateBy: "id" }],
];

/** Turns of the tick queue, in which a socket is made, bound, connected and used. */
const STEPS = 12;

/** Let so many callbacks of the runtime run. */
async function ticks(count: number): Promise<void> {
  for (let tick = 0; tick < count; tick++) await new Promise<void>((resolve) => process.nextTick(resolve));
}

function clientOf(peer: UdpPeer, options: Options): DatagramClient<JsonValue, unknown> {
  return new DatagramClient(peer.address, lines().json(), options);
}

const closed = { name: "RequestError", code: ErrorCode.connectionClosed };

describe.each(KINDS)("DatagramClient with %s", (_name, options) => {
  test("leaves nothing of a request that is aborted, at whatever step", async () => {
    await using peer = await UdpPeer.bind();
    await using client = clientOf(peer, options);
    const expectNothingLeft = leakCheck();
    for (let step = 0; step < STEPS; step++) {
      const abort = new AbortController();
      const reply = client.request({ id: 1 }, { signal: abort.signal });
      reply.catch(() => undefined);
      await ticks(step);
      abort.abort();
      await expect(reply).rejects.toMatchObject({ name: "AbortError" });
    }
    if (options.correlateBy === undefined) await expectNothingLeft();
  });

  test("does not send a request that was aborted before its socket was there", async () => {
    await using peer = await UdpPeer.bind();
    await using client = clientOf(peer, options);
    const abort = new AbortController();
    const aborted = client.request({ id: 1 }, { signal: abort.signal });
    abort.abort();
    await expect(aborted).rejects.toMatchObject({ name: "AbortError" });
    await client.send({ id: 2 });
    await peer.count(1);
    expect(peer.texts).toEqual(['{"id":2}']);
  });

  test("rejects what waits when it is closed, at whatever step", async () => {
    await using peer = await UdpPeer.bind();
    const seen = new Set<boolean>();
    for (let step = 0; step < STEPS; step++) {
      await using client = clientOf(peer, { ...options, maxConcurrentRequests: 1 });
      const running = failureOf(client.request({ id: 1 }));
      const waiting = failureOf(client.request({ id: 2 }));
      await ticks(step);
      await client.close();
      const { sent } = await running;
      seen.add(sent);
      expect(await running).toMatchObject(closed);
      expect(await waiting).toMatchObject({ ...closed, sent: false });
    }
    // The first steps come before the first datagram, the last ones behind it.
    expect(seen).toEqual(new Set([false, true]));
    await peer.count(1);
    expect(peer.texts).not.toContain('{"id":2}');
  });

  test("rejects what is being sent when it is closed, or has sent it", async () => {
    await using peer = await UdpPeer.bind();
    for (let step = 0; step < STEPS; step++) {
      await using client = clientOf(peer, options);
      const sending = client.send({ id: step }).catch((error: unknown) => error);
      await ticks(step);
      await client.close();
      const outcome = await sending;
      if (outcome !== undefined) expect(outcome).toMatchObject(closed);
    }
  });

  test("leaves nothing of a request that is given up between two tries", async () => {
    await using peer = await UdpPeer.bind();
    await using client = clientOf(peer, options);
    const abort = new AbortController();
    const aborted = client.request({ id: 1 }, { signal: abort.signal });
    const expired = failureOf(client.request({ id: 2 }, { timeoutMs: 30 }));
    await peer.count(2);
    abort.abort();
    await expect(aborted).rejects.toMatchObject({ name: "AbortError" });
    expect(await expired).toMatchObject({ code: ClientErrorCode.requestTimeout, sent: true });
  });

  test("gives up while a name is looked up, by its time, its signal and its end", async () => {
    const { promise: poolIsFree, resolve } = Promise.withResolvers<void>();
    void blockThreadPool().then(resolve);
    await using client = new DatagramClient({ host: "localhost", port: 9 }, lines().json(), options);
    const abort = new AbortController();
    const aborted = client.request({ id: 1 }, { signal: abort.signal });
    const expired = failureOf(client.request({ id: 2 }, { timeoutMs: 20 }));
    const cut = failureOf(client.request({ id: 3 }));
    const sending = failureOf(client.send({ id: 4 }));
    abort.abort();
    await expect(aborted).rejects.toMatchObject({ name: "AbortError" });
    expect(await expired).toMatchObject({
      code: ClientErrorCode.requestTimeout,
      message: expect.stringMatching(/^Cannot ask localhost:9: no datagram could be sent within /) as string,
      sent: false,
    });
    await client.close();
    for (const error of [await cut, await sending]) expect(error).toMatchObject({ ...closed, sent: false });
    await poolIsFree;
  });

  test("rejects a signal that is aborted already, and sends nothing", async () => {
    await using peer = await UdpPeer.bind();
    await using client = clientOf(peer, options);
    const reason = new Error("too late");
    await expect(client.request({ id: 1 }, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    await client.send({ id: 2 });
    await peer.count(1);
    expect(peer.texts).toEqual(['{"id":2}']);
  });

  test("leaves nothing of a thousand requests, answered and not, and of their signal", async () => {
    await using peer = await UdpPeer.bind(({ text, port }) => {
      if (!text.endsWith("7}")) peer.send(text, port);
    });
    const { signal } = new AbortController();
    await using client = clientOf(peer, { ...options, retry: ONE_TRY });
    const replies = Array.from({ length: 1_000 }, (_, id) => client.request({ id }, { signal }));
    const outcomes = await Promise.allSettled(replies);
    const unanswered = outcomes.flatMap(({ status }, id) => (status === "rejected" ? [id] : []));
    expect(unanswered).toEqual(Array.from({ length: 100 }, (_, index) => index * 10 + 7));
  });
});

describe.each(KINDS)("a DatagramClient that lives on, with %s", (_name, options) => {
  test("keeps neither requests that are over nor their replies", async () => {
    await using peer = await UdpPeer.bind(({ text, port }) => peer.send(text, port));
    await using client = clientOf(peer, { ...options, maxConcurrentRequests: 2 });
    const replies = await Promise.all(
      Array.from({ length: 10 }, async (_, id) => new WeakRef((await client.request({ id })) as object)),
    );
    await eventually(() => {
      collectGarbage();
      expect(replies.filter((reply) => reply.deref() !== undefined)).toEqual([]);
    });
  });
});

describe("DatagramClient.close()", () => {
  test("is the same promise each time, before the first use, too", async () => {
    const client = new DatagramClient({ port: 9 }, lines().text());
    const closing = client.close();
    expect(client.close()).toBe(closing);
    await closing;
    await client[Symbol.asyncDispose]();
    expect(client.close()).toBe(closing);
  });

  test.each(KINDS)("lets no later call open anything: %s", async (_name, options) => {
    await using peer = await UdpPeer.bind();
    const client = clientOf(peer, options);
    await client.send({ id: 1 });
    await client.close();
    const [request, send] = [await failureOf(client.request({ id: 2 })), await failureOf(client.send({ id: 3 }))];
    const where = `127.0.0.1:${peer.address.port}`;
    const message = (verb: string): string => `Cannot ${verb} ${where}: the client is closed`;
    expect(request).toMatchObject({ ...closed, message: message("ask"), sent: false });
    expect(send).toMatchObject({ ...closed, message: message("send to"), sent: false });
  });
});
