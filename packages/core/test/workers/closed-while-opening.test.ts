import { leakCheck } from "@socketserver/testing";
import { beforeEach, describe, expect, test } from "vitest";

import { ForkingTCPServer, ThreadingTCPServer } from "@socketserver/core";

import { EchoLineHandler } from "../fixtures/echo-handlers.ts";

beforeEach(() => leakCheck());

describe.each([
  { name: "threads", Server: ThreadingTCPServer },
  { name: "processes", Server: ForkingTCPServer },
])("close() while listen() is under way: $name", ({ Server }) => {
  test("starts no worker, and lets listen() reject", async () => {
    const server = new Server({ port: 0 }, EchoLineHandler);
    const workers: string[] = [];
    server.on("workerReady", () => workers.push("ready"));
    server.on("workerExit", () => workers.push("exit"));
    const listening = server.listen().catch((error: unknown) => error);
    await server.close();
    expect(await listening).toMatchObject({ code: "ERR_SOCKETSERVER_SERVER_CLOSED" });
    expect(workers).toEqual([]);
  });
});
