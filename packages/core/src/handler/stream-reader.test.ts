import { describe, expect, test } from "vitest";

import { Inbound } from "../transport/inbound.ts";
import { StreamReader } from "./stream-reader.ts";

function readerOf(input: string | Buffer): StreamReader {
  const inbound = new Inbound({ resume: () => {}, pause: () => {} }, Infinity, Infinity);
  inbound.receive(Buffer.from(input));
  inbound.end();
  return new StreamReader(inbound);
}

const text = async (bytes: Promise<Buffer>): Promise<string> => (await bytes).toString();

describe("StreamReader", () => {
  test("reads as many bytes as it is asked for, and to the end without a number", async () => {
    const rfile = readerOf("hello world");
    expect(await text(rfile.read(5))).toBe("hello");
    expect(await text(rfile.read())).toBe(" world");
    expect(await text(rfile.read())).toBe("");
    expect(await text(rfile.read(1))).toBe("");
  });

  test("reads exact numbers, peeks, and reads up to separators", async () => {
    const rfile = readerOf("abc;def|rest");
    expect(await text(rfile.peek(2))).toBe("ab");
    expect(await text(rfile.readExactly(2))).toBe("ab");
    expect(await text(rfile.readUntil(";"))).toBe("c;");
    expect(await text(rfile.readUntil(new Uint8Array([0x7c])))).toBe("def|");
    await expect(rfile.readUntil("|")).rejects.toMatchObject({ code: "ERR_SOCKETSERVER_INCOMPLETE_READ" });
  });

  test("reads lines with their terminators", async () => {
    const rfile = readerOf("one\r\ntwo\nthree");
    expect(await text(rfile.readLine())).toBe("one\r\n");
    const lines: string[] = [];
    for await (const line of rfile) lines.push(line.toString());
    expect(lines).toEqual(["two\n", "three"]);
    expect(await text(rfile.readLine())).toBe("");
  });

  test("bounds a line at 65 536 bytes unless told otherwise", async () => {
    const longest = `${"x".repeat(65_535)}\n`;
    expect((await readerOf(longest).readLine()).length).toBe(65_536);
    await expect(readerOf(`x${longest}`).readLine()).rejects.toMatchObject({ code: "ERR_SOCKETSERVER_TOO_BIG" });
    await expect(readerOf(`x${longest}`).readUntil("\n")).rejects.toMatchObject({ code: "ERR_SOCKETSERVER_TOO_BIG" });
    expect((await readerOf(`x${longest}`).readLine(65_537)).length).toBe(65_537);
  });

  test("bounds a read to the end at 1 MiB", async () => {
    expect((await readerOf(Buffer.alloc(1_048_576)).read()).length).toBe(1_048_576);
    await expect(readerOf(Buffer.alloc(1_048_577)).read()).rejects.toMatchObject({ code: "ERR_SOCKETSERVER_TOO_BIG" });
  });
});
