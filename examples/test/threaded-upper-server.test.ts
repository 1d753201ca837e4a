import { dial, leakCheck } from "@socketserver/testing";
import { beforeEach, describe, expect, test } from "vitest";

import { needs } from "../../packages/core/test/support/peers.ts";
import { Program } from "../../packages/core/test/support/program.ts";
import { pythonClient } from "./support/python-client.ts";
import { addressOf, runExample } from "./support/run-example.ts";

beforeEach(() => leakCheck());

describe("threaded-upper-server.ts", () => {
  test("answers many clients at once, whatever the order in which they speak", async () => {
    await using program = runExample("threaded-upper-server.ts");
    const address = await addressOf(program);
    const words = Array.from({ length: 20 }, (_, index) => `word ${index}`);
    const clients = await Promise.all(words.map(() => dial(address)));
    await program.linesMatching(/^\[NEW CONNECTION\]/, words.length);
    const answers = clients.map(async (client, index) => {
      await client.sendAll(words[index] ?? "");
      const answer = await client.recv();
      await client.close();
      return answer.toString();
    });
    expect(await Promise.all(answers)).toEqual(words.map((word) => word.toUpperCase()));
    await program.linesMatching(/^\[CLOSE CONNECTION\] .* disconnected \(done\)\.$/, words.length);
    await program.linesMatching(/^\[127\.0\.0\.1:\d+\] Received: "word \d+"$/, words.length);
    expect(await program.end("SIGINT")).toMatchObject({ code: 0, stderr: "" });
  });

  test("hangs up on idle clients and ends at once on SIGINT", async () => {
    await using program = runExample("threaded-upper-server.ts");
    await using client = await dial(await addressOf(program));
    await program.line(/^\[NEW CONNECTION\]/);
    const end = program.end("SIGINT");
    expect(await client.recv()).toHaveLength(0);
    await client.close();
    expect(await end).toMatchObject({ code: 0, stderr: "" });
    expect(program.lines).toContain("[SHUTTING DOWN] Server is shutting down.");
  });

  describe("with Python", () => {
    beforeEach(needs("python3"));

    test("answers plain sockets at once", async () => {
      await using program = runExample("threaded-upper-server.ts");
      const address = await addressOf(program);
      await using silent = await dial(address);
      await using one = pythonClient(address, "  hello from python \n");
      await using two = pythonClient(address, "grüße");
      expect(await one.end()).toMatchObject({ code: 0, stdout: "HELLO FROM PYTHON", stderr: "" });
      expect(await two.end()).toMatchObject({ code: 0, stdout: "GRÜSSE", stderr: "" });
      await silent.close();
      expect(await program.end("SIGINT")).toMatchObject({ code: 0, stderr: "" });
    });

    test("prints a line to try that works as it is", async () => {
      await using program = runExample("threaded-upper-server.ts");
      const [line] = await program.line(/^ {2}python3 -c .*$/);
      await using shell = new Program("sh", ["-c", line]);
      expect(await shell.end()).toMatchObject({ code: 0, stdout: "HELLO", stderr: "" });
    });
  });

  describe("with nc", () => {
    beforeEach(needs("nc"));

    test("prints a line to try that works as it is", async () => {
      await using program = runExample("threaded-upper-server.ts");
      const [line] = await program.line(/^ {2}printf .* \| nc .*$/);
      await using shell = new Program("sh", ["-c", line]);
      expect(await shell.end()).toMatchObject({ code: 0, stdout: "HELLO", stderr: "" });
    });
  });
});
