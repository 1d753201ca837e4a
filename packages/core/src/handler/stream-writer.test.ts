import { describe, expect, test } from "vitest";

import { StreamWriter } from "./stream-writer.ts";

function writer(bufferSize: number): { wfile: StreamWriter; sent: string[] } {
  const sent: string[] = [];
  const wfile = new StreamWriter(async (data) => {
    sent.push(Buffer.from(data).toString());
  }, bufferSize);
  return { wfile, sent };
}

describe("StreamWriter", () => {
  test("sends every write at once with a buffer of 0, and answers its bytes", async () => {
    const { wfile, sent } = writer(0);
    expect(await wfile.write("grüß")).toBe(6);
    expect(await wfile.write(Buffer.from("b"))).toBe(1);
    expect(sent).toEqual(["grüß", "b"]);
  });

  test("collects as many bytes as its buffer holds", async () => {
    const { wfile, sent } = writer(4);
    await wfile.write("ab");
    await wfile.write("c");
    expect(sent).toEqual([]);
    await wfile.write("de");
    expect(sent).toEqual(["abcde"]);
  });

  test("collects 8 192 bytes with a buffer of -1", async () => {
    const { wfile, sent } = writer(-1);
    await wfile.write("x".repeat(8_191));
    expect(sent).toEqual([]);
    await wfile.write("x");
    expect(sent).toEqual(["x".repeat(8_192)]);
  });

  test("sends what it has collected when it is flushed, once", async () => {
    const { wfile, sent } = writer(100);
    await wfile.write("ab");
    await wfile.flush();
    await wfile.flush();
    expect(sent).toEqual(["ab"]);
  });

  test("keeps its own copy of what it has collected", async () => {
    const { wfile, sent } = writer(100);
    const data = Buffer.from("ab");
    await wfile.write(data);
    data.fill("x");
    await wfile.flush();
    expect(sent).toEqual(["ab"]);
  });

  test("flushes when it is closed, and takes no more", async () => {
    const { wfile, sent } = writer(100);
    await wfile.write("ab");
    await wfile.close();
    await wfile.close();
    expect([wfile.closed, sent]).toEqual([true, ["ab"]]);
    await expect(wfile.write("c")).rejects.toMatchObject({ code: "ERR_SOCKETSERVER_WRITE_AFTER_END" });
  });

  test("waits for its sink", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const wfile = new StreamWriter(() => promise, 0);
    let written = false;
    const writing = wfile.write("a").then(() => (written = true));
    await new Promise((next) => setImmediate(next));
    expect(written).toBe(false);
    resolve();
    await writing;
  });

  test("rejects with the error of its sink", async () => {
    const wfile = new StreamWriter(() => Promise.reject(new Error("reset")), 10);
    await wfile.write("a");
    await expect(wfile.flush()).rejects.toThrow("reset");
  });

  test.each([undefined, null, 5, {}, ["a"]])("rejects %j", async (data) => {
    await expect(writer(10).wfile.write(data as never)).rejects.toMatchObject({
      name: "TypeError",
      code: "ERR_SOCKETSERVER_INVALID_ARGUMENT",
    });
  });
});
