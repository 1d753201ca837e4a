import {
  AsyncTCPServer,
  ThreadingTCPServer,
  type Accepted,
  type Connection,
  type DrainReport,
} from "@socketserver/core";
import { dial, leakCheck, serve, talk, type AnyServerClass } from "@socketserver/testing";
import { AsyncResource } from "node:async_hooks";
import { beforeEach, describe, expect, test } from "vitest";

import { LineLoopHandler } from "./fixtures/conversation-handlers.ts";
import { EchoLineHandler } from "./fixtures/echo-handlers.ts";
import { soon } from "./support/soon.ts";

beforeEach(() => leakCheck());

type Hook = "getRequest" | "serverActivate" | "serviceActions";

/** A server one of whose hooks leaves something behind that can close it, as a timer or a socket that it opens could. */
function leaving(hook: Hook, events: string[]): { Server: typeof AsyncTCPServer; close: () => Promise<DrainReport> } {
  let close: (() => Promise<DrainReport>) | undefined;

  class LeavingServer extends AsyncTCPServer {
    #called(by: Hook): void {
      if (by === hook) close ??= AsyncResource.bind(() => this.close());
    }

    override async getRequest(): Promise<Accepted<Connection>> {
      this.#called("getRequest");
      return super.getRequest();
    }

    override async serverActivate(): Promise<void> {
      await super.serverActivate();
      this.#called("serverActivate");
    }

    override async serverStop(): Promise<void> {
      events.push("serverStop");
      await super.serverStop();
    }

    override serviceActions(): void {
      this.#called("serviceActions");
    }
  }
  return {
    Server: LeavingServer,
    close: () => (close === undefined ? Promise.reject(new Error(`Cannot close: ${hook}() was not called`)) : close()),
  };
}

describe("close() by what serverActivate() left behind", () => {
  test("calls serverStop() once, after the last request, and resolves when the server is closed", async () => {
    const events: string[] = [];
    const { Server, close } = leaving("serverActivate", events);
    const running = await serve(LineLoopHandler, { server: Server, options: { lingerMs: 20 } });
    running.server.on("requestClosed", () => events.push("requestClosed"));
    running.server.on("close", () => events.push("close"));
    const client = await dial(running.address);
    await client.sendAll("hello\n");
    await client.recv();
    expect(await soon(close())).toMatchObject({ open: 1, finished: 1, callers: 0 });
    expect(running.server.state).toBe("closed");
    expect(events).toEqual(["requestClosed", "serverStop", "close"]);
    await client.close();
  });

  test.each([
    ["AsyncTCPServer", AsyncTCPServer, {}],
    ["ThreadingTCPServer", ThreadingTCPServer, { threading: { threads: 1 } }],
  ] as const)("as a listener of requestClosed does, leaves nothing of a %s", async (_name, server, options) => {
    const running = await serve(EchoLineHandler, { server: server as AnyServerClass<AsyncTCPServer>, options });
    const closing = new Promise<DrainReport>((resolve) => {
      running.server.once("requestClosed", () => resolve(running.server.close()));
    });
    expect(String(await talk(running.address, "hello\n"))).toBe("hello\n");
    expect(await soon(closing)).toMatchObject({ cut: [] });
    expect(running.server.state).toBe("closed");
    await soon(running.served);
  });
});

describe.each(["getRequest", "serviceActions"] as const)("close() by what %s() left behind", (hook) => {
  test("lets the server be a lame duck first", async () => {
    const events: string[] = [];
    const { Server, close } = leaving(hook, events);
    const running = await serve(EchoLineHandler, { server: Server, options: { lameDuckMs: 60_000 } });
    running.server.on("lameDuck", () => events.push("lameDuck"));
    running.server.on("draining", () => events.push("draining"));
    expect(String(await talk(running.address, "hello\n"))).toBe("hello\n");
    await running.closedCount(1);
    const closing = close();
    expect(events).toEqual(["lameDuck"]);
    expect(String(await talk(running.address, "late\n"))).toBe("late\n");
    await soon(running.close({ lameDuckMs: 0 }));
    await soon(closing);
    expect(events).toEqual(["lameDuck", "draining", "serverStop"]);
  });
});
