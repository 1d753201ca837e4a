import { leakCheck, talkDatagram } from "@socketserver/testing";
import { beforeEach, describe, expect, test } from "vitest";

import { needs } from "../../packages/core/test/support/peers.ts";
import { Program } from "../../packages/core/test/support/program.ts";
import { addressOf, runExample } from "./support/run-example.ts";

beforeEach(() => leakCheck());

describe("udp-echo.ts", () => {
  test("answers every datagram with the same one", async () => {
    await using program = runExample("udp-echo.ts");
    const address = await addressOf(program);
    for (const packet of [Buffer.from("hello"), Buffer.alloc(0), Buffer.alloc(9_000, 0xff)]) {
      expect(await talkDatagram(address, packet)).toEqual(packet);
    }
    expect(await program.end("SIGINT")).toMatchObject({ code: 0, stderr: "" });
  });

  describe("with nc", () => {
    beforeEach(needs("nc"));

    test("prints a line to try that works as it is", async () => {
      await using program = runExample("udp-echo.ts");
      const [line] = await program.line(/^ {2}printf .* \| nc -u .*$/);
      await using shell = new Program("sh", ["-c", line]);
      expect(await shell.end()).toMatchObject({ stdout: "hello", stderr: "" });
    });
  });
});
