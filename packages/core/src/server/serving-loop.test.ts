import { describe, expect, test } from "vitest";

import { FakeRequest } from "../../test/support/fake-request.ts";
import type { Address } from "../address.ts";
import { AcceptQueue } from "../transport/accept-queue.ts";
import type { Accepted, RequestSource } from "../transport/request-source.ts";
import type { ServerRequest } from "../transport/server-request.ts";
import { BaseServer } from "./base-server.ts";
import { RequestRegistry } from "./registry.ts";
import { RequestRunner } from "./request-runner.ts";
import { ServingLoop } from "./serving-loop.ts";

const clientAddress = { host: "192.0.2.1", port: 1 };

class IdleHandler {
  declare readonly request: ServerRequest;
  setup(): void {}
  handle(): void {}
  finish(): void {}
}

/** A server whose words the test writes, and which remembers the calls. */
class ScriptedServer extends BaseServer {
  readonly queue = new AcceptQueue<Accepted<ServerRequest>>(10);
  readonly calls: string[] = [];
  verify: (request: ServerRequest) => boolean | Promise<boolean> = () => true;
  process: (request: ServerRequest) => void | Promise<void> = () => {};

  constructor(options: object = {}) {
    super({ host: "192.0.2.9", port: 9 }, IdleHandler, options);
  }

  override getRequest(): Accepted<ServerRequest> | Promise<Accepted<ServerRequest>> {
    return this.queue.take();
  }

  override verifyRequest(request: ServerRequest): boolean | Promise<boolean> {
    this.calls.push("verifyRequest");
    return this.verify(request);
  }

  override processRequest(request: ServerRequest, _clientAddress: Address): void | Promise<void> {
    this.calls.push("processRequest");
    return this.process(request);
  }

  override serviceActions(): void {
    this.calls.push("serviceActions");
  }

  protected override createSource(): RequestSource<ServerRequest> {
    throw new Error("never listens");
  }
}

interface Parts {
  readonly server: ScriptedServer;
  readonly loop: ServingLoop<ServerRequest>;
  readonly registry: RequestRegistry;
  readonly failures: unknown[];
}

function newLoop(server = new ScriptedServer()): Parts {
  const failures: unknown[] = [];
  const registry = new RequestRegistry({
    taken: () => {},
    control: (_record, request) => ({ drain: () => request.drain(), cut: (reason) => request.cut(reason) }),
    closed: () => {},
  });
  const nowhere = async (): Promise<void> => {};
  const loop = new ServingLoop<ServerRequest>({
    server,
    source: { queue: server.queue, open: async () => clientAddress, stop: nowhere, close: nowhere },
    registry,
    runner: new RequestRunner<ServerRequest>(server, registry, (error) => failures.push(error)),
    getsOwnRequests: true,
    servicesWhileIdle: true,
    onTaken: () => server.calls.push("taken"),
    onGetRequestFailed: (error) => failures.push(error),
    onHookFailed: (error) => failures.push(error),
  });
  return { server, loop, registry, failures };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("ServingLoop", () => {
  test("goes through the words in order, one request at a time", async () => {
    const { server, loop } = newLoop();
    const first = Promise.withResolvers<void>();
    server.process = () => first.promise;
    server.queue.offer([new FakeRequest(), clientAddress]);
    server.queue.offer([new FakeRequest(), clientAddress]);
    const serving = loop.serve();
    await turn();
    expect(server.calls).toEqual(["taken", "verifyRequest", "processRequest"]);
    first.resolve();
    await turn();
    expect(server.calls.slice(3)).toEqual([
      "serviceActions",
      "taken",
      "verifyRequest",
      "processRequest",
      "serviceActions",
    ]);
    await loop.stop();
    await serving;
  });

  test("takes nothing more once it is stopped, and leaves what waits", async () => {
    const { server, loop } = newLoop();
    const serving = loop.serve();
    await turn();
    await loop.stop();
    await serving;
    server.queue.offer([new FakeRequest(), clientAddress]);
    await turn();
    expect([server.calls, server.queue.length]).toEqual([[], 1]);
  });

  test("resolves stop() while a request runs", async () => {
    const { server, loop } = newLoop();
    const work = Promise.withResolvers<void>();
    server.process = () => work.promise;
    server.queue.offer([new FakeRequest(), clientAddress]);
    const serving = loop.serve();
    await turn();
    await loop.stop();
    work.resolve();
    await serving;
  });

  test("waits in stop() for a request that was taken and has not started", async () => {
    const { server, loop } = newLoop();
    const verdict = Promise.withResolvers<boolean>();
    server.verify = () => verdict.promise;
    server.queue.offer([new FakeRequest(), clientAddress]);
    const serving = loop.serve();
    await turn();
    let stopped = false;
    const stopping = loop.stop().then(() => (stopped = true));
    await turn();
    expect(stopped).toBe(false);
    verdict.resolve(true);
    await stopping;
    await serving;
    expect(server.calls).toContain("processRequest");
  });

  test.each<[string, (server: ScriptedServer) => void]>([
    ["says no", (server) => (server.verify = () => false)],
    ["says no later", (server) => (server.verify = async () => false)],
    ["says neither yes nor no", (server) => (server.verify = () => undefined as never)],
    [
      "throws",
      (server) =>
        (server.verify = () => {
          throw new Error("verify");
        }),
    ],
    ["never settles", (server) => (server.verify = () => new Promise(() => {}))],
  ])("closes a request as refused when verifyRequest %s, and goes on", async (_name, prepare) => {
    const { server, loop } = newLoop(new ScriptedServer({ verifyTimeoutMs: 20 }));
    server.on("requestError", () => {});
    prepare(server);
    const request = new FakeRequest();
    const closed = new Promise((resolve) => request.onClosed(resolve));
    server.queue.offer([request, clientAddress]);
    const serving = loop.serve();
    expect(await closed).toBe("refused");
    server.verify = () => true;
    const next = Promise.withResolvers<void>();
    server.process = () => next.resolve();
    server.queue.offer([new FakeRequest(), clientAddress]);
    await next.promise;
    await loop.stop();
    await serving;
  });

  test("closes a request whose processRequest throws, and goes on", async () => {
    const { server, loop } = newLoop();
    const errors: unknown[] = [];
    server.on("requestError", (error) => errors.push(error));
    const error = new Error("process");
    server.process = () => Promise.reject(error);
    const request = new FakeRequest();
    const closed = new Promise((resolve) => request.onClosed(resolve));
    server.queue.offer([request, clientAddress]);
    const serving = loop.serve();
    expect(await closed).toBe("handler-error");
    await loop.stop();
    await serving;
    expect(errors).toEqual([error]);
  });

  test("passes over a request that was reset while it waited", async () => {
    const { server, loop } = newLoop();
    const request = new FakeRequest();
    request.cut("peer-reset");
    server.queue.offer([request, clientAddress]);
    const serving = loop.serve();
    await turn();
    expect(server.calls).not.toContain("verifyRequest");
    await loop.stop();
    await serving;
  });

  test("reports a getRequest() that throws, and tries again after a pause", async () => {
    const { server, loop, failures } = newLoop();
    const error = new Error("getRequest");
    let tries = 0;
    server.getRequest = () => {
      if (++tries < 3) throw error;
      return server.queue.take();
    };
    const done = Promise.withResolvers<void>();
    server.process = () => done.resolve();
    server.queue.offer([new FakeRequest(), clientAddress]);
    const serving = loop.serve();
    await turn();
    expect(tries).toBe(1);
    await done.promise;
    expect(failures).toEqual([error, error]);
    await loop.stop();
    await serving;
  });

  test("waits for nothing any more once it is abandoned", async () => {
    const { server, loop } = newLoop();
    server.process = () => new Promise(() => {});
    server.queue.offer([new FakeRequest(), clientAddress]);
    const serving = loop.serve();
    await turn();
    loop.abandon();
    await serving;
  });
});

describe("ServingLoop.serveOneWithin()", () => {
  test("serves one request", async () => {
    const { server, loop } = newLoop();
    server.queue.offer([new FakeRequest(), clientAddress]);
    server.queue.offer([new FakeRequest(), clientAddress]);
    expect(await loop.serveOneWithin(Infinity)).toBe(false);
    expect(server.calls).toEqual(["taken", "verifyRequest", "processRequest", "serviceActions"]);
    expect(server.queue.length).toBe(1);
  });

  test("says when none came in time", async () => {
    const { server, loop } = newLoop();
    expect(await loop.serveOneWithin(10)).toBe(true);
    expect(server.calls).toEqual([]);
  });

  test("takes with a time of 0 only what already waits", async () => {
    const { server, loop } = newLoop();
    server.queue.offer([new FakeRequest(), clientAddress]);
    expect(await loop.serveOneWithin(0)).toBe(false);
    expect(await newLoop().loop.serveOneWithin(0)).toBe(true);
  });
});
