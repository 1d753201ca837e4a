import {
  AsyncTCPServer,
  BaseRequestHandler,
  TCPServer,
  type Accepted,
  type Connection,
  type DrainReport,
} from "@socketserver/core";
import { dial, leakCheck, serve, talk, type RunningServer } from "@socketserver/testing";
import { setImmediate as nextTurn } from "node:timers/promises";
import { beforeEach, describe, expect, test } from "vitest";

import { CallingForkingServer, CallingThreadingServer } from "./fixtures/calling-servers.ts";
import { EchoLineHandler } from "./fixtures/echo-handlers.ts";
import { soon } from "./support/soon.ts";

beforeEach(() => leakCheck());

type Hook = "getRequest" | "closeRequest" | "serverActivate" | "serviceActions";
type Method = "close" | "shutdown";

function codeOf(error: unknown): unknown {
  return (error as { readonly code?: unknown }).code;
}

interface CallingServer extends TCPServer {
  /** Resolves when the call that the hook makes has. */
  readonly answered: Promise<void>;
}

/** A server one of whose hooks awaits `close()` or `shutdown()` of it, the first time that it is called. */
function calling(Base: typeof TCPServer, hook: Hook, method: Method): CallingServer {
  const { promise, resolve } = Promise.withResolvers<void>();
  let called = false;

  class HookServer extends Base {
    readonly answered = promise;

    async #called(by: Hook): Promise<void> {
      if (by !== hook || called) return;
      called = true;
      await this[method]();
      resolve();
    }

    override async getRequest(): Promise<Accepted<Connection>> {
      await this.#called("getRequest");
      return super.getRequest();
    }

    override async closeRequest(request: Connection): Promise<void> {
      await this.#called("closeRequest");
      await super.closeRequest(request);
    }

    override async serverActivate(): Promise<void> {
      await super.serverActivate();
      await this.#called("serverActivate");
    }

    override async serviceActions(): Promise<void> {
      await this.#called("serviceActions");
    }
  }
  return new HookServer({ port: 0 }, EchoLineHandler, { lingerMs: 20 });
}

const BASES = [
  ["TCPServer", TCPServer],
  ["AsyncTCPServer", AsyncTCPServer as unknown as typeof TCPServer],
] as const;

describe.each(BASES)("%s", (_name, Base) => {
  describe.each(["getRequest", "closeRequest", "serverActivate", "serviceActions"] as const)("%s()", (hook) => {
    test.each(["close", "shutdown"] as const)("may await %s()", async (method) => {
      const server = calling(Base, hook, method);
      const errors: unknown[] = [];
      server.on("requestError", (error) => errors.push(error));
      server.on("acceptError", (error) => errors.push(error));
      const serving = server.serveForever();
      if (hook === "closeRequest" || hook === "serviceActions") {
        await new Promise((resolve) => server.once("listening", resolve));
        expect(String(await talk(server.serverAddress, "hello\n"))).toBe("hello\n");
      }
      await soon(server.answered);
      await soon(serving);
      await soon(server.close());
      expect(server.state).toBe("closed");
      expect(server.activeRequests).toBe(0);
      expect(errors).toEqual([]);
    });
  });
});

describe.each([
  ["threading", CallingThreadingServer, { threading: { threads: 1 } }],
  ["forking", CallingForkingServer, { forking: { processes: 1 } }],
] as const)("a %s server", (_name, Server, workers) => {
  describe.each(["getRequest", "closeRequest", "serverActivate", "serviceActions"] as const)("%s()", (hook) => {
    test.each(["close", "shutdown"] as const)("may await %s()", async (method) => {
      const server = new Server({ port: 0 }, EchoLineHandler, {
        ...workers,
        lingerMs: 20,
        calling: { hook, method },
      });
      const errors: unknown[] = [];
      server.on("requestError", (error) => errors.push(error));
      server.on("acceptError", (error) => errors.push(error));
      const serving = server.serveForever();
      if (hook === "closeRequest" || hook === "serviceActions") {
        await new Promise((resolve) => server.once("listening", resolve));
        expect(String(await talk(server.serverAddress, "hello\n"))).toBe("hello\n");
      }
      // Nothing but the call of the hook ends this.
      await soon(serving);
      expect(await soon(server.close())).toMatchObject({ cut: [] });
      expect(server.state).toBe("closed");
      expect(server.activeRequests).toBe(0);
      expect(errors).toEqual([]);
    });
  });
});

/** Wait until so many requests were taken. */
async function taken({ requests, server }: RunningServer, count: number): Promise<void> {
  while (requests.length < count) await new Promise((resolve) => server.once("request", resolve));
}

describe("shutdown() in a handler", () => {
  test("resolves when a request whose verifyRequest() was under way has started", async () => {
    const verifying = Promise.withResolvers<void>();
    const verdict = Promise.withResolvers<boolean>();
    const called = Promise.withResolvers<void>();
    const events: string[] = [];

    class SlowVerifyServer extends AsyncTCPServer {
      #verified = 0;

      override verifyRequest(): boolean | Promise<boolean> {
        if (this.#verified++ === 0) return true;
        verifying.resolve();
        return verdict.promise;
      }
    }

    class StoppingHandler extends BaseRequestHandler {
      override async handle(): Promise<void> {
        events.push("starts");
        if (events.length > 1) return;
        await verifying.promise;
        const stopping = this.server.shutdown();
        called.resolve();
        await stopping;
        events.push("is shut down");
      }
    }

    await using running = await serve(StoppingHandler, { server: SlowVerifyServer });
    const first = await dial(running.address);
    await taken(running, 1);
    const second = await dial(running.address);
    await soon(called.promise);
    for (let turn = 0; turn < 5; turn++) await nextTurn();
    expect(events).toEqual(["starts"]);
    verdict.resolve(true);
    await soon(running.served);
    await soon(running.closedCount(2));
    expect(events).toEqual(["starts", "starts", "is shut down"]);
    await Promise.all([first.close(), second.close()]);
  });
});

/** Calls `close()` with a grace when it is asked to, and goes on for ever after that; else it never does anything. */
function closingHandler(graceMs: number): {
  readonly Handler: typeof BaseRequestHandler;
  readonly report: Promise<DrainReport>;
} {
  const report = Promise.withResolvers<DrainReport>();
  class Handler extends BaseRequestHandler {
    override async handle(): Promise<void> {
      if (String(await this.request.recv()) === "close") {
        report.resolve(await this.server.close({ graceMs }));
      }
      await new Promise(() => {});
    }
  }
  return { Handler: Handler as typeof BaseRequestHandler, report: report.promise };
}

describe("close() in a handler", () => {
  test("answers whom it cut at its deadline", async () => {
    const { Handler, report } = closingHandler(50);
    const running = await serve(Handler, { server: AsyncTCPServer });
    const closer = await dial(running.address);
    await taken(running, 1);
    const other = await dial(running.address);
    await other.sendAll("go on");
    await taken(running, 2);
    await closer.sendAll("close");
    const { open, finished, cut, callers } = await soon(report);
    expect(cut).toMatchObject([{ id: 2, clientAddress: running.requests[1]?.clientAddress }]);
    expect({ open, finished, callers }).toEqual({ open: 2, finished: 0, callers: 1 });
    await soon(running.close());
    closer.abort();
    other.abort();
  });

  test.each([4_000, Infinity])("with a grace of %d is ended by a later close() with none", async (graceMs) => {
    const { Handler, report: answered } = closingHandler(graceMs);
    const running = await serve(Handler, { server: AsyncTCPServer });
    const closer = await dial(running.address);
    await closer.sendAll("close");
    expect(await soon(answered)).toMatchObject({ open: 1, callers: 1 });
    const report = await soon(running.close({ graceMs: 0 }), 1_500);
    expect(report).toMatchObject({ open: 1, finished: 0 });
    expect(running.closedRequests).toMatchObject([{ id: 1, reason: "drain" }]);
    closer.abort();
  });
});

describe.each(BASES)("close() of %s", (_name, Base) => {
  const OPTIONS = { verifyTimeoutMs: Infinity };
  const never = (): Promise<never> => new Promise(() => {});

  test("does not wait for a serviceActions() that never settles", async () => {
    class HangingServer extends Base {
      override serviceActions(): Promise<void> {
        return never();
      }
    }
    const running = await serve(EchoLineHandler, { server: HangingServer, options: OPTIONS });
    expect(String(await talk(running.address, "hello\n"))).toBe("hello\n");
    await running.closedCount(1);
    expect(await soon(running.close())).toMatchObject({ cut: [] });
  });

  test("does not wait for a getRequest() that never settles, whatever serviceActions() does meanwhile", async () => {
    const serviced = Promise.withResolvers<void>();
    class WaitingServer extends Base {
      #actions = 0;

      override getRequest(): Promise<Accepted<Connection>> {
        return never();
      }

      override async serviceActions(): Promise<void> {
        await nextTurn();
        if (++this.#actions === 2) serviced.resolve();
      }
    }
    const options = { ...OPTIONS, pollIntervalMs: 5 };
    const running = await serve(EchoLineHandler, { server: WaitingServer, options });
    await soon(serviced.promise);
    await soon(running.server.close({ graceMs: 20 }));
    await soon(running.served);
  });

  test("gives a serverActivate() that never settles up at its deadline, and so do listen() and serveForever()", async () => {
    for (const method of ["listen", "serveForever"] as const) {
      class HangingServer extends Base {
        override serverActivate(): Promise<void> {
          return never();
        }
      }
      const server = new HangingServer({ port: 0 }, EchoLineHandler, OPTIONS);
      const starting = server[method]().then(
        () => "resolves",
        (error: unknown) => codeOf(error),
      );
      await nextTurn();
      expect(await soon(server.close({ graceMs: 20 }))).toMatchObject({ open: 0 });
      expect(server.state).toBe("closed");
      expect(await soon(starting)).toBe(method === "listen" ? "ERR_SOCKETSERVER_SERVER_CLOSED" : "resolves");
    }
  });

  test.each([
    ["verifyRequest", (word: string): boolean => word === "verifyRequest"],
    ["shutdownRequest", (word: string): boolean => word === "shutdownRequest"],
    ["verifyRequest and shutdownRequest", (): boolean => true],
  ])("does not wait beyond its deadline for %s() that never settles", async (_words, hangs) => {
    class HangingServer extends Base {
      override verifyRequest(): boolean | Promise<boolean> {
        return hangs("verifyRequest") ? never() : true;
      }

      override shutdownRequest(request: Connection): void | Promise<void> {
        return hangs("shutdownRequest") ? never() : super.shutdownRequest(request);
      }
    }
    const running = await serve(EchoLineHandler, { server: HangingServer, options: OPTIONS });
    const client = await dial(running.address);
    await client.sendAll("hello\n");
    await taken(running, 1);
    await soon(running.close({ graceMs: 50 }));
    expect(running.closedRequests).toMatchObject([{ id: 1 }]);
    client.abort();
  });
});
