/**
 * Connections that do not come about, or not at the first address.
 *
 * @module
 */
import { connect } from "@socketserver/client";
import { AsyncTCPServer, SocketServerError, type Address } from "@socketserver/core";
import { leakCheck, serve, type RunningServer } from "@socketserver/testing";
import { getEventListeners, once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import { beforeEach, describe, expect, test } from "vitest";

import { EchoAllHandler } from "../../core/test/fixtures/closing-handlers.ts";
import { eventually } from "../../core/test/support/eventually.ts";
import { needs } from "../../core/test/support/peers.ts";
import { Program } from "../../core/test/support/program.ts";
import { soon } from "../../core/test/support/soon.ts";
import { temporaryPath } from "../../core/test/support/temporary-path.ts";
import { connectErrorOf } from "./support/connect-error-of.ts";
import { freePort } from "./support/free-port.ts";
import { NameService } from "./support/name-service.ts";
import { SilentListener } from "./support/silent-listener.ts";

const isLinux = process.platform === "linux";
const TIMEOUT = "ERR_SOCKETSERVER_CONNECT_TIMEOUT";

const serveEcho = (): Promise<RunningServer> => serve(EchoAllHandler, { server: AsyncTCPServer });
const local = (port: number): Address => ({ host: "127.0.0.1", port });

/** Each address that was tried, with the code of its error. */
async function attemptsOf(connecting: ReturnType<typeof connect>): Promise<(readonly [Address, string])[]> {
  const { attempts } = await connectErrorOf(connecting);
  return attempts.map(({ address, error }) => [address, error.code]);
}

/** Whoever had come before this one would have been seen before. */
async function expectNoVisitorOf(running: RunningServer): Promise<void> {
  await using connection = await connect(running.address);
  await connection.sendAll("here");
  await connection.recv();
  expect(running.requests.map(({ clientAddress }) => clientAddress)).toEqual([connection.localAddress]);
}

beforeEach(() => leakCheck());

describe("connect() to nobody", () => {
  test("rejects with the system's code and words, the address and the cause", async () => {
    const port = await freePort();
    const error = await connectErrorOf(connect({ port }));
    expect(error).toBeInstanceOf(SocketServerError);
    expect(error).toMatchObject({ name: "ConnectError", code: "ECONNREFUSED" });
    expect(error.message).toBe(`Cannot connect to 127.0.0.1:${port}: connection refused (ECONNREFUSED)`);
    expect(error.attempts).toEqual([{ address: local(port), error: expect.objectContaining({ syscall: "connect" }) }]);
    expect(error.cause).toBe(error.attempts[0]?.error);
  });

  test("tells a path where nothing is from one where nobody listens", async () => {
    const path = await temporaryPath();
    expect(await attemptsOf(connect({ path }))).toEqual([[{ path }, "ENOENT"]]);
    await writeFile(path, "");
    const error = await connectErrorOf(connect({ path }));
    expect(error.message).toBe(`Cannot connect to ${path}: connection refused (ECONNREFUSED)`);
  });

  test("tells a name that stands for nothing, by itself", async () => {
    const error = await connectErrorOf(connect({ host: "nobody.invalid", port: 80 }));
    // The second where no name server can be reached.
    expect(["ENOTFOUND", "EAI_AGAIN"]).toContain(error.code);
    expect(error.attempts).toMatchObject([{ address: { host: "nobody.invalid", port: 80 }, error: error.cause }]);
    expect(error.message).toMatch(/^Cannot connect to nobody\.invalid:80: [^;]+ \((ENOTFOUND|EAI_AGAIN)\)$/);
  });

  test("tells every address with its reason, in the order in which they were tried", async () => {
    using names = new NameService({ "two.test": ["::1", "127.0.0.1"] });
    const port = await freePort("::1");
    const path = await temporaryPath();
    const targets = [{ host: "none.test", port: 1 }, { path }, { host: "two.test", port }];
    const error = await connectErrorOf(connect(targets));
    expect(names.asked).toEqual(["none.test", "two.test"]);
    expect(error.code).toBe("ECONNREFUSED");
    expect(error.attempts.map(({ address, error: { code } }) => [address, code])).toEqual([
      [{ host: "none.test", port: 1 }, "ENOTFOUND"],
      [{ path }, "ENOENT"],
      [{ host: "::1", port }, "ECONNREFUSED"],
      [{ host: "127.0.0.1", port }, "ECONNREFUSED"],
    ]);
    const reasons = [
      "unknown node or service (ENOTFOUND) at none.test:1",
      `no such file or directory (ENOENT) at ${path}`,
      `connection refused (ECONNREFUSED) at [::1]:${port}`,
      `connection refused (ECONNREFUSED) at 127.0.0.1:${port}`,
    ];
    expect(error.message).toBe(`Cannot connect to none.test:1, ${path}, two.test:${port}: ${reasons.join("; ")}`);
  });

  test("tells the same address as often as it was tried", async () => {
    const target = local(await freePort());
    expect(await attemptsOf(connect([target, target]))).toEqual([
      [target, "ECONNREFUSED"],
      [target, "ECONNREFUSED"],
    ]);
  });

  test("has the code of the last address", async () => {
    const [port, path] = [await freePort(), await temporaryPath()];
    expect(await connectErrorOf(connect([{ port }, { path }]))).toMatchObject({ code: "ENOENT" });
    expect(await connectErrorOf(connect([{ path }, { port }]))).toMatchObject({ code: "ECONNREFUSED" });
  });

  test.each([
    ["EINVAL", "::1", "127.0.0.1"],
    ["EINVAL", "127.0.0.1", "::1"],
    ["EADDRNOTAVAIL", "127.0.0.1", "192.0.2.1"],
  ])("rejects with %s to %s from the sourceAddress %s", async (code, host, source) => {
    const error = await connectErrorOf(connect({ host, port: 1 }, { sourceAddress: { host: source } }));
    expect(error.code).toBe(code);
  });

  test("rejects when the socket was connected to itself", async () => {
    const port = await freePort();
    const sourceAddress = { host: "127.0.0.1", port };
    const error = await connectErrorOf(connect({ port }, { sourceAddress }));
    expect(error.code).toBe("ECONNREFUSED");
    expect(error.message).toContain("the socket was connected to itself");
  });

  test("reaches a server until it is gone, and again when it is back", async () => {
    const port = await freePort();
    for (let round = 0; round < 3; round++) {
      const running = await serve(EchoAllHandler, { address: local(port) });
      const connection = await connect({ port });
      await connection.close();
      await running.close();
      expect(await attemptsOf(connect({ port }))).toEqual([[local(port), "ECONNREFUSED"]]);
    }
  });

  test("leaves no error unheard when the server resets at once", async () => {
    const listener = createServer((socket) => socket.resetAndDestroy()).listen(0, "127.0.0.1");
    await once(listener, "listening");
    const { port } = listener.address() as AddressInfo;
    const ends = Array.from({ length: 200 }, async () => {
      const connection = await connect({ port });
      await connection.recv().catch(() => undefined);
      connection.abort();
      return connection.closed;
    });
    const reasons = await Promise.all(
      ends.map((end) => end.catch((error: unknown) => (error as { readonly code: string }).code)),
    );
    listener.close();
    // Some hear of it before they are connected.
    expect(reasons.filter((reason) => reason !== "peer-reset" && reason !== "ECONNRESET")).toEqual([]);
  });
});

describe.runIf(isLinux)("connect() to a place that does not answer", () => {
  beforeEach(needs("python3"));

  test("rejects after connectTimeoutMs, and says so", async () => {
    await using silent = await SilentListener.start();
    const began = performance.now();
    const error = await connectErrorOf(connect({ port: silent.port }, { connectTimeoutMs: 50 }));
    expect(performance.now() - began).toBeGreaterThan(48);
    expect(error.code).toBe(TIMEOUT);
    const there = `127.0.0.1:${silent.port}`;
    expect(error.message).toBe(`Cannot connect to ${there}: there was no connection after 50 ms; no answer`);
    expect(error.attempts).toMatchObject([{ address: local(silent.port), error: { code: TIMEOUT } }]);
    expect(await silent.knocking()).toBe(0);
  });

  test("tells what did not answer from what failed before", async () => {
    await using silent = await SilentListener.start();
    const refused = await freePort();
    const options = { connectTimeoutMs: 50, attemptDelayMs: 5 };
    const error = await connectErrorOf(
      connect([{ port: silent.port }, { port: refused }, { port: silent.port }], options),
    );
    expect(error.code).toBe(TIMEOUT);
    expect(error.attempts.map((attempt) => attempt.error.code)).toEqual([TIMEOUT, "ECONNREFUSED", TIMEOUT]);
    const [there, elsewhere] = [`127.0.0.1:${silent.port}`, `127.0.0.1:${refused}`];
    expect(error.message.split("; ").slice(1)).toEqual([
      `no answer at ${there}`,
      `connection refused (ECONNREFUSED) at ${elsewhere}`,
      `no answer at ${there}`,
    ]);
  });

  test("never comes to the next address with attemptDelayMs: Infinity", async () => {
    await using silent = await SilentListener.start();
    await using running = await serveEcho();
    const options = { attemptDelayMs: Infinity, connectTimeoutMs: 50 };
    const connecting = connect([{ port: silent.port }, running.address], options);
    expect(await attemptsOf(connecting)).toEqual([[local(silent.port), TIMEOUT]]);
    expect(running.requests).toEqual([]);
  });

  test("tries all at once with attemptDelayMs: 0", async () => {
    await using silent = await SilentListener.start();
    const { port } = silent;
    const controller = new AbortController();
    const connecting = connect([{ port }, { port }, { port }], { attemptDelayMs: 0, signal: controller.signal });
    await silent.knocked(3);
    controller.abort();
    await expect(connecting).rejects.toBe(controller.signal.reason);
    await silent.knocked(0);
  });

  test("rejects with EAGAIN at a Unix socket whose queue is full", async () => {
    const path = await temporaryPath();
    const listener = `
import socket, sys
listener, filler = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen(0)
filler.connect(sys.argv[1])
print("full", flush=True)
sys.stdin.read()
`;
    await using program = new Program("python3", ["-c", listener, path]);
    await program.line(/^full$/);
    expect(await attemptsOf(connect({ path }))).toEqual([[{ path }, "EAGAIN"]]);
  });
});

describe("connectTimeoutMs", () => {
  test("bounds the look-up of a name, which is not tried any more when it is found", async () => {
    await using running = await serveEcho();
    const { promise, resolve } = Promise.withResolvers<string[]>();
    using names = new NameService({ "slow.test": promise });
    const connecting = connect({ host: "slow.test", port: running.port }, { connectTimeoutMs: 20 });
    const error = await connectErrorOf(connecting);
    expect(error).toMatchObject({ code: TIMEOUT, attempts: [] });
    expect(error.message).toBe(`Cannot connect to slow.test:${running.port}: there was no connection after 20 ms`);
    expect(names.asked).toEqual(["slow.test"]);
    resolve(["127.0.0.1"]);
    await expectNoVisitorOf(running);
  });

  test("does not lose a connection that came about while this process was held up", async () => {
    await using running = await serveEcho();
    const connecting = connect(running.address, { connectTimeoutMs: 20 });
    await Promise.resolve();
    const until = performance.now() + 100;
    while (performance.now() < until);
    await using connection = await connecting;
    expect(connection.closeReason).toBeUndefined();
  });
});

describe.runIf(isLinux)("the head start of an address", () => {
  beforeEach(needs("python3"));

  test("is over after attemptDelayMs: the next one wins, and the slow one is given up", async () => {
    await using silent = await SilentListener.start();
    await using running = await serveEcho();
    const began = performance.now();
    await using connection = await connect([{ port: silent.port }, running.address], { attemptDelayMs: 100 });
    expect(performance.now() - began).toBeGreaterThan(98);
    expect(connection.remoteAddress).toEqual(running.address);
    expect(await silent.knocking()).toBe(0);
  });

  test.each([60_000, Infinity])("of %d ms is over as soon as the address fails", async (attemptDelayMs) => {
    await using running = await serveEcho();
    const targets = [{ port: await freePort() }, { port: await freePort() }, running.address];
    await using connection = await soon(connect(targets, { attemptDelayMs }));
    expect(connection.remoteAddress).toEqual(running.address);
  });

  test("spares the next one if it answers in time", async () => {
    await using running = await serveEcho();
    await using other = await serveEcho();
    await using connection = await connect([running.address, other.address], { attemptDelayMs: 5_000 });
    expect(connection.remoteAddress).toEqual(running.address);
    await expectNoVisitorOf(other);
  });

  test("does not take the slow one out of the race: it wins after the others have failed", async () => {
    await using slow = await SilentListener.start();
    const connecting = connect([{ port: slow.port }, { port: await freePort() }], { attemptDelayMs: 5, lingerMs: 0 });
    await slow.knocked(1);
    slow.accept();
    await using connection = await connecting;
    expect(connection.remoteAddress).toEqual(local(slow.port));
  });

  test("does not take the slow one out of the race: it wins while the others still wait", async () => {
    await using slow = await SilentListener.start();
    await using slower = await SilentListener.start();
    const connecting = connect([{ port: slow.port }, { port: slower.port }], { attemptDelayMs: 5, lingerMs: 0 });
    await slower.knocked(1);
    slow.accept();
    await using connection = await connecting;
    expect(connection.remoteAddress).toEqual(local(slow.port));
    expect(await slower.knocking()).toBe(0);
  });

  test("is not cut short by the late failure of one before", async () => {
    await using failing = await SilentListener.start();
    await using silent = await SilentListener.start();
    await using running = await serveEcho();
    const began = performance.now();
    // The system tries the first one again a second after the first time: while the second one has its head start.
    const targets = [{ port: failing.port }, { port: silent.port }, running.address];
    const connecting = connect(targets, { attemptDelayMs: 750 });
    await failing.refuse();
    await using connection = await connecting;
    expect(connection.remoteAddress).toEqual(running.address);
    expect(performance.now() - began).toBeGreaterThan(1_490);
  });
});

describe("the signal of connect()", () => {
  const reason = new Error("Nobody waits any more");

  test("that is aborted before lets nothing begin", async () => {
    await using running = await serveEcho();
    using names = new NameService({});
    const targets = [{ host: "none.test", port: 1 }, running.address];
    await expect(connect(targets, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(names.asked).toEqual([]);
    expect(running.requests).toEqual([]);
  });

  test("ends the look-up of a name, which is not tried any more when it is found", async () => {
    await using running = await serveEcho();
    const { promise, resolve } = Promise.withResolvers<string[]>();
    using names = new NameService({ "slow.test": promise });
    const controller = new AbortController();
    const connecting = connect({ host: "slow.test", port: running.port }, { signal: controller.signal });
    await eventually(() => expect(names.asked).toEqual(["slow.test"]));
    controller.abort(reason);
    await expect(connecting).rejects.toBe(reason);
    resolve(["127.0.0.1"]);
    await expectNoVisitorOf(running);
  });

  test("that is aborted later does nothing, and nobody listens to it any more", async () => {
    await using running = await serveEcho();
    const controller = new AbortController();
    await using connection = await connect(running.address, { signal: controller.signal });
    expect(getEventListeners(controller.signal, "abort")).toEqual([]);
    controller.abort(reason);
    await connection.sendAll("still here");
    expect(String(await connection.recv())).toBe("still here");
  });

  describe.runIf(isLinux)("at a place that does not answer", () => {
    beforeEach(needs("python3"));

    test("ends all attempts that are under way", async () => {
      await using silent = await SilentListener.start();
      const { port } = silent;
      const controller = new AbortController();
      const connecting = connect([{ port }, { port }], { signal: controller.signal, attemptDelayMs: 5 });
      await silent.knocked(2);
      controller.abort(reason);
      await expect(connecting).rejects.toBe(reason);
      expect(await silent.knocking()).toBe(0);
      expect(getEventListeners(controller.signal, "abort")).toEqual([]);
    });

    test("lets no other name be asked for", async () => {
      await using silent = await SilentListener.start();
      using names = new NameService({});
      const controller = new AbortController();
      const targets = [{ port: silent.port }, { host: "later.test", port: 1 }];
      const connecting = connect(targets, { signal: controller.signal, attemptDelayMs: Infinity });
      await silent.knocked(1);
      controller.abort(reason);
      await expect(connecting).rejects.toBe(reason);
      await nextTurn();
      expect(names.asked).toEqual([]);
    });

    test("may be a time, in whose words it rejects", async () => {
      await using silent = await SilentListener.start();
      const connecting = connect({ port: silent.port }, { signal: AbortSignal.timeout(20) });
      await expect(connecting).rejects.toMatchObject({ name: "TimeoutError" });
    });
  });
});
