import { BaseRequestHandler, TCPServer } from "@socketserver/core";
import { leakCheck, serve, talk } from "@socketserver/testing";
import { beforeEach, describe, expect, test } from "vitest";

import { logAccess } from "../access-log.ts";
import { addressOf, runExample } from "./support/run-example.ts";

beforeEach(() => leakCheck());

const TIME = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z`;
const CLIENT = String.raw`127\.0\.0\.1:\d+`;

class PickyServer extends TCPServer {
  override verifyRequest(): boolean {
    return false;
  }
}

class SilentHandler extends BaseRequestHandler {}

describe("logAccess()", () => {
  test("logs those who are refused, too", async () => {
    const lines: string[] = [];
    await using running = await serve(SilentHandler, { server: PickyServer });
    logAccess(running.server, (line) => lines.push(line));
    await talk(running.address, "").catch(() => "refused");
    await running.closedCount(1);
    expect(lines).toEqual([expect.stringMatching(new RegExp(`^${TIME} ${CLIENT} in=0 out=0 ms=[\\d.]+ refused$`))]);
  });

  test("logs those for whom there is no room", async () => {
    const lines: string[] = [];
    await using running = await serve(SilentHandler, { options: { requestQueueSize: 0, maxConnections: 1 } });
    logAccess(running.server, (line) => lines.push(line));
    const dropped = new Promise((resolve) => running.server.once("drop", resolve));
    await running.server.shutdown();
    await talk(running.address, "").catch(() => "refused");
    await dropped;
    expect(lines).toEqual([expect.stringMatching(new RegExp(`^${TIME} ${CLIENT} refused queue-full$`))]);
  });
});

describe("access-log.ts", () => {
  test("writes one line for each connection", async () => {
    await using program = runExample("access-log.ts");
    const address = await addressOf(program);
    await talk(address, "hello");
    await program.line(new RegExp(`^${TIME} ${CLIENT} in=5 out=5 ms=\\d+\\.\\d peer-end$`));
    await talk(address, "");
    await program.line(new RegExp(`^${TIME} ${CLIENT} in=0 out=0 ms=\\d+\\.\\d peer-end$`));
    expect(await program.end("SIGINT")).toMatchObject({ code: 0, stderr: "" });
    expect(program.lines.filter((line) => line.includes(" in="))).toHaveLength(2);
  });
});
