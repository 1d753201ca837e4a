import { describe, expect, test } from "vitest";

import { peerError } from "../../test/support/peer-error.ts";
import { readAll } from "../../test/support/read-all.ts";
import { FrameDecoder } from "./frame-decoder.ts";
import { lines } from "./lines.ts";

/** A byte that is the length, and as many bytes. */
class PascalStringDecoder extends FrameDecoder {
  protected override nextFrame(): Buffer | undefined {
    const { queue } = this;
    if (queue.length === 0) return undefined;
    const length = queue.byteAt(0);
    if (length === 0) throw this.failProtocol("it is empty");
    if (length > this.maxLength) throw this.failTooLong();
    if (queue.length < 1 + length) return undefined;
    queue.skip(1);
    return queue.take(length);
  }
}

const decoderOf = (): PascalStringDecoder => new PascalStringDecoder(5);

describe("FrameDecoder", () => {
  test("is all that a framing needs beside finding the end of a message", () => {
    const decoder = decoderOf();
    expect(readAll(decoder, "\x01a\x02b", "c\x03d").map(String)).toEqual(["a", "bc"]);
    expect(decoder.bufferedBytes).toBe(2);
    expect(decoder.skip()).toBe(false);
  });

  test("takes any Uint8Array, and empty ones", () => {
    const decoder = decoderOf();
    const bytes = new Uint8Array([9, 9, 1, 0x61]).subarray(2);
    expect(readAll(decoder, new Uint8Array(0), bytes, Buffer.alloc(0)).map(String)).toEqual(["a"]);
  });

  test.each([["\x01a"], [undefined], [null], [[1, 2]], [new ArrayBuffer(2)]])("does not take the chunk %o", (chunk) => {
    expect(() => decoderOf().push(chunk as never)).toThrow(
      expect.objectContaining({
        name: "TypeError",
        code: "ERR_SOCKETSERVER_INVALID_ARGUMENT",
        message: expect.stringMatching(/^Cannot decode: chunk must be a Uint8Array, received ./) as string,
      }) as Error,
    );
  });

  test("takes nothing after the end", () => {
    const decoder = decoderOf();
    decoder.end();
    expect(() => decoder.push(Buffer.from("\x01a"))).toThrow(
      expect.objectContaining({
        name: "TypeError",
        code: "ERR_SOCKETSERVER_INVALID_ARGUMENT",
        message: "Cannot decode: chunk comes after end()",
      }) as Error,
    );
  });

  test("ends as often as it is told to", () => {
    const decoder = decoderOf();
    readAll(decoder, "\x01a");
    decoder.end();
    decoder.end();
    expect(decoder.read()).toBeUndefined();
  });

  test("has all messages that were not read when the end came, in order, and then says what is wrong", () => {
    const decoder = decoderOf();
    decoder.push(Buffer.from("\x01a\x01b\x01c\x03d"));
    decoder.end();
    expect([decoder.read(), decoder.read(), decoder.read()].map(String)).toEqual(["a", "b", "c"]);
    const truncated = peerError({
      code: "INCOMPLETE_READ",
      message: "Cannot decode message: the stream ended in the middle of it, after 2 bytes",
      partial: "\x03d",
    });
    for (const again of [() => decoder.read(), () => decoder.read(), () => decoder.end()]) {
      expect(again).toThrow(truncated);
    }
  });

  test("stays in error, and keeps nothing that comes", () => {
    for (const [bytes, error] of [
      ["\0a", peerError({ code: "PROTOCOL", message: "Cannot decode message: it is empty" })],
      ["\x06", peerError({ code: "TOO_BIG", message: "Cannot decode message: it is longer than 5 bytes" })],
    ] as const) {
      const decoder = decoderOf();
      decoder.push(Buffer.from(bytes));
      expect(() => decoder.read()).toThrow(error);
      expect(decoder.bufferedBytes).toBe(0);
      decoder.push(Buffer.from("\x01a"));
      expect(decoder.bufferedBytes).toBe(0);
      for (const again of [() => decoder.read(), () => decoder.end(), () => decoder.end()])
        expect(again).toThrow(error);
      expect(decoder.skip()).toBe(false);
    }
  });

  test("is as new when it has given back the rest, after an error and after the end, too", () => {
    const decoder = decoderOf();
    expect(() => readAll(decoder, "\0")).toThrow("it is empty");
    expect(decoder.rest()).toHaveLength(0);
    expect(readAll(decoder, "\x01a").map(String)).toEqual(["a"]);
    decoder.end();
    expect(decoder.rest()).toHaveLength(0);
    expect(readAll(decoder, "\x01b\x02").map(String)).toEqual(["b"]);
    expect(decoder.rest().toString()).toBe("\x02");
  });

  test("gives back a message that it looked at when the end came", () => {
    const decoder = lines({ unterminated: "message" }).decoder();
    readAll(decoder, "one\ntwo");
    decoder.end();
    expect(decoder.bufferedBytes).toBe(3);
    expect(decoder.rest().toString()).toBe("two");
  });
});
