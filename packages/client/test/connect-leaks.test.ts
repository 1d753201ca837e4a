/**
 * A thousand attempts that come to nothing, and what is left of them.
 *
 * @module
 */
import { connect, type ConnectSettings, type Target } from "@socketserver/client";
import { AsyncTCPServer, type Connection } from "@socketserver/core";
import { leakCheck, serve } from "@socketserver/testing";
import { getEventListeners } from "node:events";
import { beforeEach, describe, expect, test } from "vitest";

import { EchoAllHandler } from "../../core/test/fixtures/closing-handlers.ts";
import { needs } from "../../core/test/support/peers.ts";
import { temporaryPath } from "../../core/test/support/temporary-path.ts";
import { freePort } from "./support/free-port.ts";
import { SilentListener } from "./support/silent-listener.ts";

const MANY = 1_000;

/** As many attempts run beside each other. */
const AT_ONCE = 125;

/** Try many times, and count the ends: the code of the error, or why the connection was closed, which is at once. */
async function endsOf(attempt: () => Promise<Connection>): Promise<Readonly<Record<string, number>>> {
  const ends: Record<string, number> = {};
  for (let done = 0; done < MANY; done += AT_ONCE) {
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        const end = await endOf(attempt());
        ends[end] = (ends[end] ?? 0) + 1;
      }),
    );
  }
  return ends;
}

async function endOf(connecting: Promise<Connection>): Promise<string> {
  try {
    const connection = await connecting;
    // A reset leaves no port behind that is not free for a minute.
    connection.abort();
    return await connection.closed;
  } catch (error) {
    return (error as { readonly code?: string }).code ?? String(error);
  }
}

/** Nobody else listens to it. */
const { signal } = new AbortController();

/** What is left of these times is not over when the test is. */
const LONG: ConnectSettings = { signal, connectTimeoutMs: 60_000, attemptDelayMs: 60_000 };

function expectNoListener(): void {
  expect(getEventListeners(signal, "abort")).toEqual([]);
}

beforeEach(() => leakCheck());

describe("a thousand attempts to connect", () => {
  test("that are refused leave nothing", async () => {
    const targets: Target[] = [{ port: await freePort() }, { path: await temporaryPath() }, { host: "::1", port: 1 }];
    expect(await endsOf(() => connect(targets, LONG))).toEqual({ ECONNREFUSED: MANY });
    expectNoListener();
  });

  test("from an address that is not here leave nothing", async () => {
    const settings: ConnectSettings = { signal, sourceAddress: { host: "192.0.2.1" } };
    expect(await endsOf(() => connect({ port: 1 }, settings))).toEqual({ EADDRNOTAVAIL: MANY });
    expectNoListener();
  });

  test("that succeed leave nothing when the connection is closed", async () => {
    await using running = await serve(EchoAllHandler, { server: AsyncTCPServer });
    expect(await endsOf(() => connect(running.address, LONG))).toEqual({ aborted: MANY });
    expectNoListener();
  });
});

describe.runIf(process.platform === "linux")("a thousand attempts to connect to who does not answer", () => {
  beforeEach(needs("python3"));

  test("leave nothing after their time", async () => {
    await using silent = await SilentListener.start();
    const settings: ConnectSettings = { signal, connectTimeoutMs: 10, attemptDelayMs: 1 };
    const target = { port: silent.port };
    const ends = await endsOf(() => connect([target, target], settings));
    expect(ends).toEqual({ ERR_SOCKETSERVER_CONNECT_TIMEOUT: MANY });
    expect(await silent.knocking()).toBe(0);
    expectNoListener();
  });

  test("leave nothing when they are aborted, together or one by one", async () => {
    await using silent = await SilentListener.start();
    const target = { port: silent.port };
    const together = new AbortController();
    const waiting = Array.from({ length: AT_ONCE }, () => endOf(connect(target, { signal: together.signal })));
    await silent.knocked(AT_ONCE);
    together.abort("together");
    expect(await Promise.all(waiting)).toEqual(Array(AT_ONCE).fill("together"));
    expect(getEventListeners(together.signal, "abort")).toEqual([]);
    const ends = await endsOf(() => {
      const controller = new AbortController();
      setImmediate(() => controller.abort("alone"));
      return connect([target, target], { signal: controller.signal, attemptDelayMs: 0 });
    });
    expect(ends).toEqual({ alone: MANY });
    expect(await silent.knocking()).toBe(0);
  });

  test("leave nothing when another address wins", async () => {
    await using silent = await SilentListener.start();
    await using running = await serve(EchoAllHandler, { server: AsyncTCPServer });
    const targets = [{ port: silent.port }, { port: silent.port }, running.address];
    expect(await endsOf(() => connect(targets, { signal, attemptDelayMs: 1 }))).toEqual({ aborted: MANY });
    expect(await silent.knocking()).toBe(0);
    expectNoListener();
  });
});
