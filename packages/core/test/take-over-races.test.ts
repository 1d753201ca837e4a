import { AsyncTCPServer, AsyncUnixStreamServer, TCPServer, type BaseServer, type Connection } from "@socketserver/core";
import { leakCheck, serve, talk, type RunningServer } from "@socketserver/testing";
import { existsSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { AskingHandler } from "./fixtures/asking-handlers.ts";
import { askServer } from "./support/ask-server.ts";
import { eventually } from "./support/eventually.ts";
import { soon } from "./support/soon.ts";
import { temporaryPath } from "./support/temporary-path.ts";
import { Visitor } from "./support/visitor.ts";

let expectNothingLeft: () => Promise<void>;

beforeEach(() => {
  expectNothingLeft = leakCheck();
});

afterEach(() => expectNothingLeft());

const CLOSED = { code: "ERR_SOCKETSERVER_SERVER_CLOSED" };

const STREAM = { stream: true };

function newServer(options: object = {}): AsyncTCPServer {
  return new AsyncTCPServer({ port: 0 }, AskingHandler, options);
}

async function expectServing({ address, server }: RunningServer): Promise<void> {
  await eventually(() => expect(server.ready).toBe(true));
  expect(await askServer(STREAM, address, "echo hello")).toBe("hello");
}

/** A server whose `serverActivate()` waits until it is told to go on. */
class GatedServer extends AsyncTCPServer {
  readonly gate = Promise.withResolvers<void>();
  stops = 0;

  override serverActivate(): Promise<void> {
    return this.gate.promise;
  }

  override serverStop(): void {
    this.stops++;
  }
}

describe("takeOver() while its serverActivate() runs", () => {
  const gated = (): GatedServer => new GatedServer({ port: 0 }, AskingHandler);

  test("leaves the other one serving until that has ended", async () => {
    await using old = await serve(AskingHandler, { server: AsyncTCPServer });
    await using next = gated();
    const taking = next.takeOver(old.server);
    await expectServing(old);
    next.gate.resolve();
    expect(await taking).toEqual(old.address);
    expect(old.server.ready).toBe(false);
  });

  test("rejects when the other one closes, and can then listen by itself", async () => {
    const old = await serve(AskingHandler, { server: AsyncTCPServer });
    await using next = gated();
    const taking = next.takeOver(old.server);
    await old.close();
    next.gate.resolve();
    await expect(taking).rejects.toMatchObject(CLOSED);
    expect([next.state, next.stops]).toEqual(["new", 1]);
    await next.listen();
  });

  test("rejects when it is closed itself, and the other one goes on serving", async () => {
    await using old = await serve(AskingHandler, { server: AsyncTCPServer });
    const next = gated();
    const taking = next.takeOver(old.server);
    const closing = next.close({ graceMs: 100 });
    next.gate.resolve();
    await expect(taking).rejects.toMatchObject(CLOSED);
    await soon(closing);
    expect([next.state, next.stops]).toEqual(["closed", 1]);
    await expectServing(old);
  });

  test("by two servers lets one of them have it, and the other one do something else", async () => {
    await using old = await serve(AskingHandler, { server: AsyncTCPServer });
    await using first = gated();
    await using second = gated();
    const taking = [first.takeOver(old.server), second.takeOver(old.server)];
    const served = [first.serveForever(), second.serveForever()];
    served[0]?.catch(() => {});
    second.gate.resolve();
    expect(await taking[1]).toEqual(old.address);
    first.gate.resolve();
    await expect(taking[0]).rejects.toMatchObject(CLOSED);
    await expect(served[0]).rejects.toMatchObject(CLOSED);
    expect(await askServer(STREAM, old.address, "echo hello")).toBe("hello");
    expect(first.state).toBe("new");
    await first.listen();
    await second.close();
    await served[1];
  });
});

describe("takeOver() and close() at the same moment", () => {
  test("refuse who waits with draining, tell how many, and leave no file", async () => {
    const address = { path: await temporaryPath() };
    await using old = await serve(AskingHandler, {
      server: AsyncUnixStreamServer,
      address,
      options: { maxConnections: 0, admissionWaitMs: 60_000 },
    });
    const visitors = [await Visitor.come(address), await Visitor.come(address)];
    await eventually(() => expect(old.server.statistics.waiting).toBe(2));
    const next = new AsyncUnixStreamServer(address, AskingHandler);
    const closing = Promise.withResolvers<unknown>();
    old.server.once("draining", () => closing.resolve(next.close()));
    await expect(next.takeOver(old.server)).rejects.toMatchObject(CLOSED);
    const report = await soon(closing.promise);
    for (const visitor of visitors) expect(await visitor.inside).toBe(false);
    expect(next.statistics).toMatchObject({ taken: 0, waiting: 0, dropped: { draining: 2 } });
    expect(report).toMatchObject({ open: 0, refused: 2 });
    expect(existsSync(address.path)).toBe(false);
    for (const visitor of visitors) visitor.vanish();
  });

  test("end both, whoever closes first, and the file is gone with the newer one", async () => {
    const address = { path: await temporaryPath() };
    const old = await serve(AskingHandler, { server: AsyncUnixStreamServer, address });
    const visitor = await Visitor.enter(address);
    await visitor.begin("echo unfin");
    await eventually(() => expect(old.server.activeRequests).toBe(1));
    const next = new AsyncUnixStreamServer(address, AskingHandler);
    await next.takeOver(old.server);
    expect(existsSync(address.path)).toBe(true);
    await soon(next.close());
    expect([existsSync(address.path), old.server.state]).toEqual([false, "draining"]);
    expect(await visitor.ask("ished")).toBe("unfinished");
    await visitor.leave();
    expect(await soon(old.close())).toMatchObject({ open: 1, finished: 1 });
  });
});

describe("a server that was taken over", () => {
  test("ends its handleRequest(), which was not called in vain for long enough", async () => {
    let timeouts = 0;
    class Waiting extends TCPServer {
      override handleTimeout(): void {
        timeouts++;
      }
    }
    const old = new Waiting({ port: 0 }, AskingHandler, { timeoutMs: 60_000 });
    await old.listen();
    const handling = old.handleRequest();
    await using next = newServer();
    await next.takeOver(old);
    await soon(handling);
    await soon(old.close());
    expect(timeouts).toBe(0);
  });

  test("may have been shut down before, and may never have served", async () => {
    await using shut = await serve(AskingHandler, { server: AsyncTCPServer });
    await shut.server.shutdown();
    await shut.served;
    await using next = newServer();
    const visitor = await Visitor.come(shut.address);
    await eventually(() => expect(shut.server.statistics.waiting).toBe(1));
    expect(await next.takeOver(shut.server)).toEqual(shut.address);
    const served = next.serveForever();
    expect(await visitor.inside).toBe(true);
    await visitor.leave();
    await next.close();
    await served;
  });

  test("may call for it in its own handler, and waits for it there", async () => {
    const next = newServer();
    class Handing extends AskingHandler {
      override async handle(): Promise<void> {
        await next.takeOver(this.server as BaseServer<Connection>);
        const { callers } = await this.server.close();
        await this.wfile.write(`"${callers}"\n`);
      }
    }
    const old = await serve(Handing, { server: AsyncTCPServer });
    expect(String(await soon(talk(old.address, "echo hello\n")))).toBe('"1"\n');
    await soon(old.served);
    const served = next.serveForever();
    expect(await askServer(STREAM, old.address, "echo hello")).toBe("hello");
    await next.close();
    await served;
  });

  test("many times over lets who waits all the while wait, and leaves nothing behind on the socket", async () => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error): void => void warnings.push(warning);
    process.on("warning", onWarning);
    let last = newServer();
    const address = await last.listen();
    const visitor = await Visitor.come(address);
    await eventually(() => expect(last.statistics.waiting).toBe(1));
    for (let count = 0; count < 12; count++) {
      const next = newServer();
      await next.takeOver(last);
      await last.close();
      last = next;
    }
    const served = last.serveForever();
    expect(await visitor.inside).toBe(true);
    await visitor.leave();
    await last.close();
    await served;
    process.off("warning", onWarning);
    expect(warnings).toEqual([]);
  });
});
