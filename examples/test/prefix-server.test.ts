import { lengthPrefixed } from "@socketserver/framing";
import { dial, leakCheck, talk } from "@socketserver/testing";
import { beforeEach, describe, expect, test } from "vitest";

import { needs } from "../../packages/core/test/support/peers.ts";
import { Program } from "../../packages/core/test/support/program.ts";
import { addressOf, runExample } from "./support/run-example.ts";

beforeEach(() => leakCheck());

const codec = lengthPrefixed().text();

describe("prefix-server.ts", () => {
  test("answers messages of any content, in threads", async () => {
    await using program = runExample("prefix-server.ts");
    const address = await addressOf(program);
    const messages = ["hello", "", "two\nlines\0", "grüße"];
    const input = Buffer.concat(messages.map((message) => codec.encode(message)));
    const output = Buffer.concat(messages.map((message) => codec.encode(`ACK: ${message}`)));
    const answers = await Promise.all(Array.from({ length: 8 }, () => talk(address, input)));
    expect(answers).toEqual(answers.map(() => output));
    await program.linesMatching(/Received: "two\\nlines\\u0000"$/, 8);
    expect(await program.end("SIGINT")).toMatchObject({ code: 0, stderr: "" });
  });

  test("hangs up on a length of more than 1024, without waiting for so many bytes", async () => {
    await using program = runExample("prefix-server.ts");
    await using client = await dial(await addressOf(program));
    await client.sendAll(Buffer.from([0, 0, 4, 1]));
    expect(await client.recv()).toHaveLength(0);
    await client.close();
    expect(await program.end("SIGINT")).toMatchObject({ code: 0, stderr: "" });
  });

  test("ends idle connections at once on SIGINT", async () => {
    await using program = runExample("prefix-server.ts");
    await using client = await dial(await addressOf(program));
    await client.sendAll(codec.encode("hello"));
    expect(await client.recv()).toEqual(codec.encode("ACK: hello"));
    const end = program.end("SIGINT");
    expect(await client.recv()).toHaveLength(0);
    await client.close();
    expect(await end).toMatchObject({ code: 0, stderr: "" });
  });

  describe("with Python", () => {
    beforeEach(needs("python3"));

    test("prints a line to try that works as it is", async () => {
      await using program = runExample("prefix-server.ts");
      const [line] = await program.line(/^ {2}python3 -c .*$/);
      await using shell = new Program("sh", ["-c", line]);
      expect(await shell.end()).toMatchObject({ code: 0, stdout: "ACK: hello", stderr: "" });
      expect(await program.end("SIGINT")).toMatchObject({ code: 0, stderr: "" });
    });
  });
});
