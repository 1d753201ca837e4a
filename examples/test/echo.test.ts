import { AsyncTCPServer, type Address } from "@socketserver/core";
import { dial, leakCheck, runHandler, serve, talk } from "@socketserver/testing";
import { beforeEach, describe, expect, test } from "vitest";

import { needs } from "../../packages/core/test/support/peers.ts";
import { Program } from "../../packages/core/test/support/program.ts";
import { EchoHandler } from "../echo.ts";
import { addressOf, runExample } from "./support/run-example.ts";

beforeEach(() => leakCheck());

/** Not text, and far more than the buffers of a connection hold. */
const LARGE = Buffer.from(Array.from({ length: 4 * 1024 * 1024 }, (_, index) => (index * 31) % 251));

/** Send everything and, at the same time, read until the end: an echo server takes no more than it can give back. */
async function exchange(address: Address, input: Buffer): Promise<Buffer> {
  await using connection = await dial(address);
  const sent = connection.sendAll(input).then(() => connection.shutdown("write"));
  const output: Buffer[] = [];
  for await (const data of connection) output.push(data);
  await sent;
  return Buffer.concat(output);
}

describe("EchoHandler", () => {
  test("answers nothing to nothing", async () => {
    const { output, closeReason } = await runHandler(EchoHandler, "");
    expect(output).toHaveLength(0);
    expect(closeReason).toBe("peer-end");
  });

  test("answers many clients with every byte", async () => {
    await using running = await serve(EchoHandler, { server: AsyncTCPServer });
    const answers = await Promise.all([1, 2, 3].map((start) => exchange(running.address, LARGE.subarray(start))));
    expect(answers.map((answer, index) => answer.equals(LARGE.subarray(index + 1)))).toEqual([true, true, true]);
  });
});

describe("echo.ts", () => {
  test("answers what comes, as it comes", async () => {
    await using program = runExample("echo.ts");
    expect((await talk(await addressOf(program), "hello\n")).toString()).toBe("hello\n");
    expect(await program.end("SIGINT")).toMatchObject({ code: 0, stderr: "" });
  });

  describe("with nc", () => {
    beforeEach(needs("nc"));

    test("prints a line to try that works as it is", async () => {
      await using program = runExample("echo.ts");
      const [line] = await program.line(/^ {2}printf .* \| nc .*$/);
      await using shell = new Program("sh", ["-c", line]);
      expect(await shell.end()).toMatchObject({ code: 0, stdout: "hello", stderr: "" });
    });
  });
});
