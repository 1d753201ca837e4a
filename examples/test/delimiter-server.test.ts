import { dial, leakCheck, runHandler, serve, talk } from "@socketserver/testing";
import { beforeEach, describe, expect, test, vi } from "vitest";

import { needs } from "../../packages/core/test/support/peers.ts";
import { Program } from "../../packages/core/test/support/program.ts";
import { AckHandler } from "../delimiter-server.ts";
import { addressOf, runExample } from "./support/run-example.ts";

beforeEach(() => leakCheck());

describe("AckHandler", () => {
  beforeEach(() => {
    const log = vi.spyOn(console, "log").mockReturnValue();
    return () => log.mockRestore();
  });

  test("answers each message of a piece", async () => {
    const { output, closeReason } = await runHandler(AckHandler, "one\n\ngrüße\n");
    expect(output.toString()).toBe("ACK: one\nACK: \nACK: grüße\n");
    expect(closeReason).toBe("peer-end");
    expect(console.log).toHaveBeenCalledTimes(3);
  });

  test("answers a message that comes byte by byte once, when it is whole", async () => {
    await using running = await serve(AckHandler);
    await using client = await dial(running.address);
    client.setNoDelay(true);
    for (const byte of Buffer.from("grüße\n")) await client.sendAll(Buffer.of(byte));
    expect((await client.recv()).toString()).toBe("ACK: grüße\n");
  });

  test.each([
    { what: "longer than 1024 bytes", wrong: `${"x".repeat(1025)}\n`, reason: "too-big" },
    { what: "no UTF-8", wrong: Buffer.from([0xff, 0x0a]), reason: "protocol" },
    { what: "not ended", wrong: "two", reason: "protocol" },
  ])("answers what comes before a message that is $what, and hangs up", async ({ wrong, reason }) => {
    await using running = await serve(AckHandler);
    const answer = await talk(running.address, Buffer.concat([Buffer.from("one\n"), Buffer.from(wrong)]));
    expect(answer.toString()).toBe("ACK: one\n");
    expect(await running.closedCount(1)).toMatchObject([{ reason }]);
  });
});

describe("delimiter-server.ts", () => {
  test("serves all clients at once, and counts them", async () => {
    await using program = runExample("delimiter-server.ts");
    const address = await addressOf(program);
    await using first = await dial(address);
    await using second = await dial(address);
    await program.line(/^\[ACTIVE CONNECTIONS\] 2$/);
    await first.sendAll("half of ");
    await second.sendAll("hello\n");
    expect((await second.recv()).toString()).toBe("ACK: hello\n");
    await first.sendAll("a message\n");
    expect((await first.recv()).toString()).toBe("ACK: half of a message\n");
    await program.line(/^\[127\.0\.0\.1:\d+\] Received: "half of a message"$/);
    await second.close();
    await program.line(/^\[CLOSE CONNECTION\] 127\.0\.0\.1:\d+ disconnected \(peer-end\)\.$/);
    // Idle: the server lets it go at once.
    const end = program.end("SIGINT");
    expect(await first.recv()).toHaveLength(0);
    await first.close();
    expect(await end).toMatchObject({ code: 0, stderr: "" });
  });

  describe("with nc", () => {
    beforeEach(needs("nc"));

    test("prints a line to try that works as it is", async () => {
      await using program = runExample("delimiter-server.ts");
      const [line] = await program.line(/^ {2}printf .* \| nc .*$/);
      await using shell = new Program("sh", ["-c", line]);
      expect(await shell.end()).toMatchObject({ code: 0, stdout: "ACK: one\nACK: two", stderr: "" });
      expect(await program.end("SIGINT")).toMatchObject({ code: 0, stderr: "" });
    });
  });
});
