import { lengthPrefixed } from "@socketserver/framing";
import { dial, leakCheck, runHandler, serve, talk } from "@socketserver/testing";
import { beforeEach, describe, expect, test, vi } from "vitest";

import { needs } from "../../packages/core/test/support/peers.ts";
import { Program } from "../../packages/core/test/support/program.ts";
import { LogHandler } from "../log-receiver.ts";
import { addressOf, runExample } from "./support/run-example.ts";

beforeEach(() => leakCheck());

const codec = lengthPrefixed().json();
const RECORD = codec.encode({ level: "WARNING", name: "shop", message: "no more apples" });

describe("LogHandler", () => {
  beforeEach(() => {
    const log = vi.spyOn(console, "log").mockReturnValue();
    return () => log.mockRestore();
  });

  test("prints a record in one line that is safe to print", async () => {
    const record = codec.encode({ level: "INFO", name: "shop\u001b[31m", message: "two\nlines\u009b", more: 1 });
    const { output } = await runHandler(LogHandler, record);
    expect(output).toHaveLength(0);
    expect(vi.mocked(console.log).mock.calls).toEqual([["INFO shop [31m: two lines "]]);
  });

  test.each([
    { what: "a record without a message", wrong: { level: "INFO", name: "shop" } },
    { what: "a record whose level is a number", wrong: { level: 30, name: "shop", message: "" } },
    { what: "null", wrong: null },
  ])("refuses $what, and goes on", async ({ wrong }) => {
    await runHandler(LogHandler, Buffer.concat([codec.encode(wrong), RECORD]));
    expect(vi.mocked(console.log).mock.calls).toEqual([
      ["[192.0.2.1:50000] Refused: Cannot decode message: it does not fit the schema"],
      ["WARNING shop: no more apples"],
    ]);
  });

  test("hangs up on a record that is too long", async () => {
    await using running = await serve(LogHandler);
    expect(await talk(running.address, Buffer.concat([RECORD, Buffer.from([0, 1, 0, 1])]))).toHaveLength(0);
    expect(await running.closedCount(1)).toMatchObject([{ reason: "too-big" }]);
    expect(console.log).toHaveBeenCalledTimes(2);
  });
});

describe("log-receiver.ts", () => {
  test("ends idle connections at once on SIGINT", async () => {
    await using program = runExample("log-receiver.ts");
    await using client = await dial(await addressOf(program));
    await client.sendAll(RECORD);
    await program.line(/^WARNING shop: no more apples$/);
    const end = program.end("SIGINT");
    expect(await client.recv()).toHaveLength(0);
    await client.close();
    expect(await end).toMatchObject({ code: 0, stderr: "" });
  });

  describe("with Python", () => {
    beforeEach(needs("python3"));

    /** The program for Python that it prints, as somebody copies it. */
    async function senderOf(program: Program): Promise<string> {
      await program.line(/^logging\..*'$/);
      return program.lines.slice(program.lines.findIndex((line) => line.startsWith("  python3 -c '"))).join("\n");
    }

    test("prints a program to try that works as it is", async () => {
      await using program = runExample("log-receiver.ts");
      await using shell = new Program("sh", ["-c", await senderOf(program)]);
      // Python prints warnings, too, unless there is a handler for all.
      expect(await shell.end()).toMatchObject({ code: 0, stderr: "" });
      await program.line(/^WARNING shop: no more apples$/);
      expect(await program.end("SIGINT")).toMatchObject({ code: 0, stderr: "" });
    });

    test("takes an exception with its traceback", async () => {
      await using program = runExample("log-receiver.ts");
      const raising = '\ntry: 1 / 0\nexcept ZeroDivisionError: logging.exception("cannot divide")\'';
      await using shell = new Program("sh", ["-c", (await senderOf(program)).replace(/'$/, raising)]);
      expect(await shell.end()).toMatchObject({ code: 0, stderr: "" });
      await program.line(/^ERROR root: cannot divide Traceback .* ZeroDivisionError: division by zero$/);
      expect(await program.end("SIGINT")).toMatchObject({ code: 0, stderr: "" });
    });

    test("refuses pickles, and goes on", async () => {
      await using program = runExample("log-receiver.ts");
      const sender = (await senderOf(program)).replace("makePickle", "makeNothing");
      await using shell = new Program("sh", ["-c", sender.replace(/'$/, "; logging.error(1)'")]);
      expect(await shell.end()).toMatchObject({ code: 0, stderr: "" });
      await program.linesMatching(/^\[127\.0\.0\.1:\d+\] Refused: Cannot decode message: it is no (UTF-8|JSON)/, 2);
      expect(await program.end("SIGINT")).toMatchObject({ code: 0, stderr: "" });
    });
  });
});
