import { dial, leakCheck, runHandler } from "@socketserver/testing";
import { beforeEach, describe, expect, test, vi } from "vitest";

import { needs } from "../../packages/core/test/support/peers.ts";
import { HelloHandler } from "../plain-server.ts";
import { pythonClient } from "./support/python-client.ts";
import { addressOf, runExample } from "./support/run-example.ts";

beforeEach(() => leakCheck());

describe("HelloHandler", () => {
  test("says hello, hangs up, and quotes what it heard", async () => {
    using log = vi.spyOn(console, "log").mockReturnValue();
    const { output, closeReason } = await runHandler(HelloHandler, "\u001b[2J");
    expect(output.toString()).toBe("Hello from the server!");
    expect(closeReason).toBe("done");
    expect(log).toHaveBeenLastCalledWith('Received from client: "\\u001b[2J"');
  });
});

describe("plain-server.ts", () => {
  test("serves one client at a time, in their order", async () => {
    await using program = runExample("plain-server.ts");
    const address = await addressOf(program);
    await using first = await dial(address);
    await program.line(/^Connection established/);
    await using second = await dial(address);
    await second.sendAll("second");
    const secondAnswer = second.recv();
    await first.sendAll("first");
    expect((await first.recv()).toString()).toBe("Hello from the server!");
    await first.close();
    expect((await secondAnswer).toString()).toBe("Hello from the server!");
    await second.close();
    await program.linesMatching(/^Received/, 2);
    const told = program.lines.filter((line) => /^Connection established|^Received/.test(line));
    expect(told.map((line) => line.replace(/\d+\.\d+\.\d+\.\d+:\d+/, "ADDRESS"))).toEqual([
      "Connection established with ADDRESS",
      'Received from client: "first"',
      "Connection established with ADDRESS",
      'Received from client: "second"',
    ]);
    expect(await program.end("SIGINT")).toMatchObject({ code: 0, stderr: "" });
  });

  test("ends at once while one client is served and another one waits", async () => {
    await using program = runExample("plain-server.ts");
    const address = await addressOf(program);
    await using first = await dial(address);
    await program.line(/^Connection established/);
    await using second = await dial(address);
    const end = program.end("SIGINT");
    expect((await first.recv()).toString()).toBe("Hello from the server!");
    await first.close();
    // Accepted and never served: reset, so that it cannot be taken for an empty answer.
    await expect(second.recv()).rejects.toMatchObject({ code: "ECONNRESET" });
    expect(await end).toMatchObject({ code: 0, stderr: "" });
  });

  describe("with Python", () => {
    beforeEach(needs("python3"));

    test("answers a plain socket", async () => {
      await using program = runExample("plain-server.ts");
      await using client = pythonClient(await addressOf(program), "Hello from the client!");
      expect(await client.end()).toMatchObject({ code: 0, stdout: "Hello from the server!", stderr: "" });
      await program.line(/^Received from client: "Hello from the client!"$/);
      expect(await program.end("SIGINT")).toMatchObject({ code: 0, stderr: "" });
    });
  });
});
