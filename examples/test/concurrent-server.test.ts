import { dial, leakCheck, runHandler } from "@socketserver/testing";
import { beforeEach, describe, expect, test, vi } from "vitest";

import { AckHandler } from "../concurrent-server.ts";
import { addressOf, runExample } from "./support/run-example.ts";

beforeEach(() => leakCheck());

describe("AckHandler", () => {
  test("answers the bytes as they came", async () => {
    using log = vi.spyOn(console, "log").mockReturnValue();
    const notText = Buffer.from([0xff, 0x00, 0xc3]);
    const { output } = await runHandler(AckHandler, notText);
    expect(output).toEqual(Buffer.concat([Buffer.from("ACK: "), notText]));
    expect(log).toHaveBeenCalledOnce();
  });
});

describe("concurrent-server.ts", () => {
  test("serves all clients at once, and counts them", async () => {
    await using program = runExample("concurrent-server.ts");
    const address = await addressOf(program);
    await using first = await dial(address);
    await using second = await dial(address);
    await using third = await dial(address);
    await program.line(/^\[ACTIVE CONNECTIONS\] 3$/);
    // The last one first, and two of them twice: none waits for another one's end.
    for (const [index, client] of [third, first, second, first, third].entries()) {
      await client.sendAll(`message ${index}`);
      expect((await client.recv()).toString()).toBe(`ACK: message ${index}`);
    }
    await second.close();
    await program.line(/^\[CLOSE CONNECTION\] .* disconnected \(peer-end\)\.$/);
    expect(await program.linesMatching(/^\[NEW CONNECTION\] .* connected\.$/, 3)).toHaveLength(3);
    expect(await program.linesMatching(/Received: "message \d"$/, 5)).toHaveLength(5);
    await Promise.all([first.close(), third.close()]);
    expect(await program.end("SIGINT")).toMatchObject({ code: 0, stderr: "" });
  });

  test("tells of a client that breaks off", async () => {
    await using program = runExample("concurrent-server.ts");
    const client = await dial(await addressOf(program));
    await client.sendAll("hello");
    await client.recv();
    client.abort();
    await program.line(/^\[CLOSE CONNECTION\] .* disconnected \(peer-reset\)\.$/);
    expect(await program.end("SIGINT")).toMatchObject({ code: 0, stderr: "" });
  });

  test("ends idle connections at once on SIGINT", async () => {
    await using program = runExample("concurrent-server.ts");
    await using client = await dial(await addressOf(program));
    await client.sendAll("hello");
    await client.recv();
    const end = program.end("SIGINT");
    expect(await client.recv()).toHaveLength(0);
    await client.close();
    expect(await end).toMatchObject({ code: 0, stderr: "" });
  });
});
