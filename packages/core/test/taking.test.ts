import {
  AsyncTCPServer,
  BaseRequestHandler,
  Connection,
  ForkingTCPServer,
  TCPServer,
  ThreadingTCPServer,
  type Accepted,
  type BaseServer,
  type WorkerMembers,
} from "@socketserver/core";
import { dial, leakCheck, serve, talk, type AnyServerClass } from "@socketserver/testing";
import { Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { beforeEach, describe, expect, test } from "vitest";

import { EndlessHandler } from "./fixtures/closing-handlers.ts";
import { EchoLineHandler } from "./fixtures/echo-handlers.ts";
import { thrown } from "./fixtures/thrown.ts";
import { eventually } from "./support/eventually.ts";
import { soon } from "./support/soon.ts";

beforeEach(() => leakCheck());

const CLIENT = { host: "192.0.2.1", port: 1 };

const BASES = [
  ["TCPServer", TCPServer],
  ["AsyncTCPServer", AsyncTCPServer as unknown as typeof TCPServer],
] as const;

describe.each(BASES)("getRequest() of %s", (_name, Base) => {
  test.each([
    ["answers undefined", (): unknown => undefined],
    ["answers null", (): unknown => null],
    ["answers a promise of undefined", (): unknown => Promise.resolve(undefined)],
    ["answers null for the request", (): unknown => [null, CLIENT]],
    ["answers null for the address", (): unknown => [new Connection(new Socket()), null]],
    ["answers a socket that is no request", (): unknown => [new Socket(), CLIENT]],
    [
      "throws what cannot become text",
      (): never => {
        throw thrown("textless");
      },
    ],
    ["rejects with what is no error", (): Promise<never> => Promise.reject(thrown("proxy"))],
  ])("that %s is an acceptError and a pause, and serving goes on", async (_what, get) => {
    class EmptyServer extends Base {
      calls = 0;
      empty = true;

      override getRequest(): Accepted<Connection> | Promise<Accepted<Connection>> {
        if (!this.empty) return super.getRequest();
        // A loop without a pause would never let the test fail.
        if (++this.calls > 1_000) throw new Error("getRequest() is asked for ever");
        return get() as Accepted<Connection>;
      }
    }
    await using running = await serve(EchoLineHandler, { server: EmptyServer });
    const acceptErrors: Error[] = [];
    running.server.on("acceptError", (error) => acceptErrors.push(error));
    await delay(100);
    // 5, 10, 20, 40 and 80 ms apart.
    expect(running.server.calls).toBeGreaterThan(0);
    expect(running.server.calls).toBeLessThan(10);
    running.server.empty = false;
    expect(String(await talk(running.address, "two\n"))).toBe("two\n");
    expect(acceptErrors.length).toBeGreaterThan(0);
    expect(acceptErrors[0]).toBeInstanceOf(Error);
    expect(running.errors).toEqual([]);
  });

  test("that answers no request after the server has closed does no harm", async () => {
    const asked = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<unknown>();
    class LateServer extends Base {
      override getRequest(): Promise<Accepted<Connection>> {
        asked.resolve();
        return answer.promise as Promise<Accepted<Connection>>;
      }
    }
    const running = await serve(EchoLineHandler, { server: LateServer });
    await asked.promise;
    await soon(running.close({ graceMs: 0 }));
    answer.resolve([{}, CLIENT]);
    // A failure nobody waits for would end the process, a turn later.
    await delay(1);
    expect(running.errors).toEqual([]);
  });
});

describe("handleRequest()", () => {
  test.each([
    [
      "throws",
      (): never => {
        throw new Error("getRequest fails");
      },
    ],
    ["answers nothing", (): undefined => undefined],
  ])("without a time-out does not call handleTimeout() when getRequest() %s", async (_name, getRequest) => {
    class FailingServer extends TCPServer {
      timeouts = 0;

      override getRequest(): Accepted<Connection> {
        return getRequest() as unknown as Accepted<Connection>;
      }

      override handleTimeout(): void {
        this.timeouts++;
      }
    }
    await using server = new FailingServer({ port: 0 }, EchoLineHandler, { timeoutMs: Infinity });
    const acceptErrors: unknown[] = [];
    server.on("acceptError", (error) => acceptErrors.push(error));
    await soon(server.handleRequest());
    expect(acceptErrors).toHaveLength(1);
    expect(server.timeouts).toBe(0);
  });

  test("waits for handleTimeout() no longer than verifyTimeoutMs", async () => {
    class HangingServer extends TCPServer {
      override handleTimeout(): Promise<void> {
        return new Promise(() => {});
      }
    }
    await using server = new HangingServer({ port: 0 }, EchoLineHandler, { timeoutMs: 0, verifyTimeoutMs: 20 });
    await expect(soon(server.handleRequest())).rejects.toMatchObject({ code: "ERR_SOCKETSERVER_HOOK_TIMEOUT" });
  });
});

describe("maxConcurrentRequests with deadlineMs", () => {
  const OPTIONS = { deadlineMs: 50, async: { maxConcurrentRequests: 1 } };

  /** A handler that goes on for as long as the test wants, and how many do. */
  function counting(): { readonly Handler: typeof BaseRequestHandler; readonly running: (() => void)[]; most: number } {
    const counts = { running: [] as (() => void)[], most: 0 };
    class Handler extends BaseRequestHandler {
      override async handle(): Promise<void> {
        const { promise, resolve } = Promise.withResolvers<void>();
        counts.running.push(resolve);
        counts.most = Math.max(counts.most, counts.running.length);
        await promise;
        counts.running.splice(counts.running.indexOf(resolve), 1);
      }
    }
    return Object.assign(counts, { Handler: Handler as typeof BaseRequestHandler });
  }

  test("bounds handlers that never settle, although their requests are over", async () => {
    const counts = counting();
    const running = await serve(counts.Handler, { server: AsyncTCPServer, options: OPTIONS });
    const clients = [await dial(running.address), await dial(running.address), await dial(running.address)];
    expect(await soon(running.closedCount(1))).toMatchObject([{ reason: "deadline" }]);
    // As long as two further ones would take.
    await delay(150);
    expect(counts.running).toHaveLength(1);
    expect(running.requests).toHaveLength(1);
    await soon(running.close({ graceMs: 20 }));
    expect(counts.most).toBe(1);
    for (const client of clients) client.abort();
  });

  test("lets the next one run when such a handler ends after all", async () => {
    const counts = counting();
    await using running = await serve(counts.Handler, { server: AsyncTCPServer, options: OPTIONS });
    const first = await dial(running.address);
    await soon(running.closedCount(1));
    const next = await dial(running.address);
    const taken = new Promise((resolve) => running.server.once("request", resolve));
    counts.running[0]?.();
    expect(await soon(taken)).toMatchObject({ id: 2 });
    await soon(running.closedCount(2));
    counts.running[0]?.();
    expect(counts.most).toBe(1);
    first.abort();
    next.abort();
  });
});

type BoundedServer = AnyServerClass<BaseServer & WorkerMembers>;

describe("requestsPerWorker with deadlineMs", () => {
  test.each([
    { server: ThreadingTCPServer as BoundedServer, workers: { threading: { threads: 1, requestsPerWorker: 1 } } },
    { server: ForkingTCPServer as BoundedServer, workers: { forking: { processes: 1, requestsPerWorker: 1 } } },
  ])(
    "lets go of handlers of $server.name that never settle, when their deadline has passed",
    async ({ server, workers }) => {
      const options = { ...workers, deadlineMs: 50 };
      const running = await serve(EndlessHandler, { server, options });
      const clients = [await dial(running.address), await dial(running.address)];
      expect(await soon(running.closedCount(2))).toMatchObject([{ reason: "deadline" }, { reason: "deadline" }]);
      await eventually(() => expect(running.server.workers).toMatchObject([{ active: 0, served: 2 }]));
      expect(await soon(running.close({ graceMs: 20 }))).toMatchObject({ finished: 0, neverSettled: 2 });
      for (const client of clients) client.abort();
    },
  );
});
