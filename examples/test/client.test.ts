import { BaseRequestHandler } from "@socketserver/core";
import { leakCheck, serve } from "@socketserver/testing";
import { beforeEach, describe, expect, test } from "vitest";

import { ask } from "../client.ts";
import { addressOf, runExample } from "./support/run-example.ts";

beforeEach(() => leakCheck());

class ReverseHandler extends BaseRequestHandler {
  override async handle(): Promise<void> {
    await this.request.sendAll((await this.request.recv()).toReversed());
  }
}

describe("ask()", () => {
  test("answers what the server says, and closes the connection", async () => {
    await using running = await serve(ReverseHandler);
    const { port } = running;
    expect(await ask({ host: "127.0.0.1", port }, "abc")).toBe("cba");
    const [closed] = await running.closedCount(1);
    expect(closed).toMatchObject({ reason: "done", bytesRead: 3, bytesWritten: 3 });
  });
});

describe("client.ts", () => {
  test.each([
    { server: "plain-server.ts", answer: "Hello from the server!" },
    { server: "concurrent-server.ts", answer: "ACK: Hello from the client!" },
    { server: "threaded-upper-server.ts", answer: "HELLO FROM THE CLIENT!" },
    { server: "echo.ts", answer: "Hello from the client!" },
  ])("gets the answer of $server", async ({ server, answer }) => {
    await using program = runExample(server);
    const { port } = await addressOf(program);
    await using client = runExample("client.ts", [String(port)]);
    const { code, stdout, stderr } = await client.end();
    expect(stdout.split("\n")).toEqual([
      `Sent to 127.0.0.1:${port}: Hello from the client!`,
      `Received from server: "${answer}"`,
    ]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(await program.end("SIGINT")).toMatchObject({ code: 0, stderr: "" });
  });

  test("says in one line that no server is there", async () => {
    await using running = await serve(ReverseHandler);
    const { port } = running;
    await running.close();
    await using client = runExample("client.ts", [String(port)]);
    const { code, stderr } = await client.end();
    expect(stderr).toMatch(
      /^Cannot connect to 127\.0\.0\.1:\d+: connection refused \(ECONNREFUSED\); is the server running\?\n$/,
    );
    expect(code).toBe(1);
  });
});
